"""Shards and published datasets as inputs of ``predict``: the clips that training would read from the same words."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from affectrl.data.clip import Clip
from affectrl.data.load import load_clips
from affectrl.data.manifest import write_manifest
from affectrl.errors import DataError
from affectrl.inference.inputs import collect


def pack(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


@pytest.fixture
def shards(small_media: Path, tmp_path: Path) -> Path:
    """Two tar files and two Parquet files that hold the same kind of clips, each kind in its folder."""
    talk, film, face = ((small_media / name).read_bytes() for name in ("talk.wav", "film.mp4", "face.png"))
    (tmp_path / "tar").mkdir()
    pack(tmp_path / "tar" / "x-00.tar", {"a.wav": talk, "a.json": b'{"labels": ["sad"]}', "b.mp4": film})
    pack(tmp_path / "tar" / "x-01.tar", {"c.png": face, "c.txt": b"Oh.", "d.txt": b"Go away!"})
    (tmp_path / "parquet").mkdir()
    for number, clip in enumerate((Clip(id="p", audio=small_media / "talk.wav"), Clip(id="q", text="Hm."))):
        write_manifest([clip], tmp_path / "parquet" / f"y-{number}.parquet")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("tar/x-00.tar", "ab"),
        ("tar/*.tar", "abcd"),
        ("tar/x-{00..01}.tar", "abcd"),
        ("tar", "abcd"),
        ("parquet/*.parquet", "pq"),
        ("parquet/y-{0..1}.parquet", "pq"),
        ("parquet", "pq"),
    ],
)
def test_shards_are_the_clips_that_training_reads(shards: Path, name: str, ids: str) -> None:
    found = collect([f"{shards}/{name}"])
    assert [item.id for item in found] == list(ids)
    assert found == load_clips(f"{shards}/{name}")


def test_a_folder_with_media_beside_shards_is_searched_for_media(shards: Path, small_media: Path) -> None:
    (shards / "tar" / "talk.wav").write_bytes((small_media / "talk.wav").read_bytes())
    assert [item.id for item in collect([shards / "tar"])] == ["talk"]


def test_a_dataset_by_its_reader(small_media: Path, tmp_path: Path) -> None:
    (tmp_path / "Actor_03").mkdir()
    (tmp_path / "Actor_03" / "03-01-05-01-01-01-03.wav").write_bytes((small_media / "talk.wav").read_bytes())
    (clip,) = collect([f"ravdess:{tmp_path}"])
    assert (clip.speaker, clip.labels) == ("03", ("angry",))


def test_a_missing_file_with_a_colon_is_a_missing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (row,) = collect(["talk:one.wav"])
    assert row.error["code"] == "media_missing"


@pytest.mark.parametrize(
    ("name", "code"), [("tar/x-{00..02}.tar", "manifest_missing"), ("tar/no-*.tar", "manifest_missing")]
)
def test_shards_that_are_not_there(shards: Path, name: str, code: str) -> None:
    with pytest.raises(DataError) as caught:
        collect([f"{shards}/{name}"])
    assert caught.value.code == code


def test_a_packed_tar_is_refused_as_in_training(shards: Path) -> None:
    (shards / "x.tar.gz").write_bytes(b"")
    with pytest.raises(DataError, match="Unpack it"):
        collect([shards / "x.tar.gz"])


def test_rows_of_shards(affectrl_command, shards: Path, tiny_model: Path) -> None:
    done = affectrl_command("predict", f"{shards}/tar/x-{{00..01}}.tar", "--labels", "happy,sad", "--model", tiny_model)
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert done.status == 0
    assert [row["id"] for row in rows] == list("abcd")
    assert [row["modalities"] for row in rows] == [["audio"], ["video", "audio"], ["image", "text"], ["text"]]
    assert all(row["error"] is None for row in rows)
    assert "x-00.tar" in rows[0]["path"]
