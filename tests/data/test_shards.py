"""WebDataset tar files and Parquet files as sources: what is listed, what is read and when, and what is broken."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from affectrl.cli.data import app
from affectrl.data import parts
from affectrl.data.check import check
from affectrl.data.content import content_hash
from affectrl.data.load import load_clips, scan_clips
from affectrl.data.manifest import from_datasets, read_manifest, to_datasets, write_manifest
from affectrl.data.media.audio import read_audio
from affectrl.data.media.image import read_image
from affectrl.data.media.video import read_frames
from affectrl.data.parts import Part
from affectrl.errors import DataError, MediaError


def pack(path: Path, members: Mapping[str, bytes], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def row(**fields) -> bytes:
    return json.dumps(fields).encode()


@pytest.fixture
def media(files, speak, paint) -> dict[str, Path]:
    return {
        "wav": files.sound("made/a.wav", speak(0)),
        "mp4": files.film("made/b.mp4", 3, speak(1), side=64),
        "jpg": files.image("made/c.jpg", paint(2, 48)),
    }


@pytest.fixture
def shards(tmp_path: Path, media: dict[str, Path]) -> Path:
    data = {suffix: path.read_bytes() for suffix, path in media.items()}
    first = {
        "a.json": row(labels=["happy"], speaker="ann", score=3),
        "a.wav": data["wav"],
        "a.txt": b"Who would have thought so?",
        "sub/b.mp4": data["mp4"],
        "sub/b.cls": b"sad\n",
        "sub/b.face.npy": b"\x93NUMPY",
    }
    pack(tmp_path / "shards/train-000000.tar", first)
    pack(tmp_path / "shards/train-000001.tar", {"./c.jpg": data["jpg"], "./c.json": row(id="see", split="test")})
    return tmp_path / "shards"


def test_a_pattern_lists_rows_and_reads_no_media(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Part, "data", property(lambda part: pytest.fail(f"{part} was read")))
    first, second, third = load_clips(f"{shards}/*.tar")
    assert (first.id, first.text, first.labels) == ("a", "Who would have thought so?", ("happy",))
    assert (first.speaker, first.split, first.extras) == ("ann", "train", {"score": 3})
    assert (second.id, second.labels, second.extras) == ("sub/b", ("sad",), {"members": ["face.npy"]})
    assert (third.id, third.split, third.modalities) == ("see", "test", ("image",))
    assert str(first.audio) == f"{shards}/train-000000.tar/a.wav"


def test_media_are_those_that_were_packed(shards: Path, media: dict[str, Path]) -> None:
    first, second, third = load_clips(shards)
    assert first.audio.data == media["wav"].read_bytes()
    for part, path in ((first.audio, media["wav"]), (second.video, media["mp4"]), (third.image, media["jpg"])):
        assert content_hash(part) == content_hash(path)
    np.testing.assert_array_equal(read_audio(first.audio).samples, read_audio(media["wav"]).samples)
    np.testing.assert_array_equal(read_image(third.image).rgb, read_image(media["jpg"]).rgb)
    np.testing.assert_array_equal(read_frames(second.video, count=4).rgb, read_frames(media["mp4"], count=4).rgb)
    assert {finding.code for finding in check([first, second, third], labels=None, quiet=True)} == set()


def test_patterns_ranges_files_and_folders_are_one_source(shards: Path) -> None:
    whole = load_clips(shards)
    for source in ("*.tar", "train-00000?.tar", "train-{000000..000001}.tar", "train-00000[01].tar"):
        assert load_clips(f"{shards}/{source}") == whole
    assert load_clips(shards / "train-000001.tar") == whole[2:]
    assert load_clips(f"{shards}/*.tar", split="test") == whole[2:]
    told = CliRunner().invoke(app, ["describe", f"{shards}/*.tar"], env={"COLUMNS": "200"})
    assert "3 clips" in told.stdout


def test_a_part_is_small_to_send_and_equal_to_itself(shards: Path) -> None:
    part = load_clips(shards)[1].video
    sent = pickle.dumps(part)
    assert len(sent) < 500 < len(part.data)
    assert pickle.loads(sent) == part


def test_clips_of_shards_can_be_written_elsewhere(shards: Path, tmp_path: Path) -> None:
    clips = load_clips(shards)
    for name in ("all.jsonl", "all.parquet"):
        write_manifest(clips, tmp_path / "out" / name)
        again = read_manifest(tmp_path / "out" / name)
        assert [clip.id for clip in again] == [clip.id for clip in clips]
        assert content_hash(again[1].video) == content_hash(clips[1].video)
    assert content_hash(from_datasets(to_datasets(clips))[0].audio) == content_hash(clips[0].audio)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"a.json": b"{", "a.txt": b"x"}, "sample a: a.json is not valid JSON"),
        ({"a.json": b"[]", "a.txt": b"x"}, "sample a: a.json: a row is a JSON object, not list"),
        ({"a.json": row(audio="x.wav"), "a.txt": b"x"}, "the row has no 'audio'"),
        ({"a.json": row(labls="x"), "a.txt": b"x"}, "Did you mean 'labels'"),
        ({"a.cls": b"3", "a.txt": b"x"}, "a.cls is the number 3"),
        ({"a.txt": b"\xff"}, "a.txt is not UTF-8 text"),
        ({"a.json": row(speaker="ann")}, "sample a: a clip needs at least one of video, audio, image, text"),
        ({"a.wav": b"1", "a.flac": b"2"}, "two files of it hold audio: a.wav and a.flac"),
        ({"a.txt": b"x", "b.txt": b"y", "a.cls": b"sad"}, "sample a: .*needs at least one"),
        ({"a.txt": b"x", "b.json": row(id="a", text="y")}, "another row is called 'a' already"),
    ],
)
def test_broken_samples(tmp_path: Path, members: dict[str, bytes], reason: str) -> None:
    path = pack(tmp_path / "s.tar", {"whole.txt": b"whole", **members})
    clips, bad = scan_clips(path)
    assert "whole" in {clip.id for clip in clips}
    assert len(bad) == 1
    with pytest.raises(DataError, match=reason) as caught:
        load_clips(path)
    assert caught.value.code == "manifest_rows"


def test_broken_shards_and_patterns_that_match_nothing(shards: Path, tmp_path: Path) -> None:
    whole = (shards / "train-000000.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "junk.tar").write_bytes(b"junk" * 500)
    (tmp_path / "junk.parquet").write_bytes(b"junk" * 500)
    pack(tmp_path / "packed.tar.gz", {"a.txt": b"x"}, "w:gz")
    for source, code in (
        ("cut.tar", "manifest_syntax"),
        ("junk.tar", "manifest_syntax"),
        ("jun?.parquet", "manifest_syntax"),
        ("nothing-*.tar", "manifest_missing"),
        ("shards/train-{000000..000002}.tar", "manifest_missing"),
        ("gone.tar", "manifest_missing"),
        ("packed.tar.gz", "manifest_suffix"),
        ("*.py?", "manifest_missing"),
    ):
        with pytest.raises(DataError) as caught:
            load_clips(tmp_path / source)
        assert caught.value.code == code, source
        assert str(tmp_path) in str(caught.value)


def test_a_shard_that_goes_or_changes_under_our_feet(shards: Path) -> None:
    clips = load_clips(shards)
    path = shards / "train-000000.tar"
    before = content_hash(clips[0].audio)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(MediaError) as caught:
        content_hash(clips[0].audio)
    assert caught.value.code == "media_unreadable"
    path.unlink()
    with pytest.raises(MediaError) as caught:
        read_audio(clips[0].audio)
    assert (caught.value.code, len(before)) == ("media_missing", 64)


@pytest.fixture
def parquet(tmp_path: Path, files, speak) -> Path:
    sounds = [files.sound(f"made/{i}.wav", speak(i, 0.5)) for i in range(5)]
    audio = [{"bytes": path.read_bytes(), "path": path.name} for path in sounds[:4]]
    audio.append({"bytes": None, "path": str(sounds[4])})
    table = pa.table({"audio": audio, "label": ["happy", "sad", "happy", None, "sad"], "take": list(range(5))})
    (tmp_path / "data").mkdir()
    pq.write_table(table.slice(0, 3), tmp_path / "data/train-00000.parquet", row_group_size=2)
    pq.write_table(table.slice(3), tmp_path / "data/test-00000.parquet")
    return tmp_path / "data"


def test_parquet_shards_leave_their_media_where_they_are(parquet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = load_clips(f"{parquet}/*.parquet")
    assert [clip.id for clip in clips] == [
        "test-00000-000001",
        "test-00000-000002",
        *(f"train-00000-00000{i}" for i in (1, 2, 3)),
    ]
    assert [clip.split for clip in clips] == ["test", "test", "train", "train", "train"]
    assert [clip.labels for clip in clips] == [(), ("sad",), ("happy",), ("sad",), ("happy",)]
    assert [type(clip.audio) for clip in clips] == [Part, type(parquet), Part, Part, Part]
    assert load_clips(parquet) == clips
    for clip, take in zip(clips, (3, 4, 0, 1, 2), strict=True):
        assert clip.extras == {"take": take}
        assert content_hash(clip.audio) == content_hash(parquet.parent / f"made/{take}.wav")
    assert (clips[4].audio.first, clips[4].audio.second) == (1, 0)
    # Neighbours share one reading of their row group.
    reads = parts._group.cache_info().misses
    assert clips[2].audio.data != clips[3].audio.data
    assert parts._group.cache_info().misses <= reads + 1


def test_class_numbers_of_datasets_become_words(parquet: Path, files, speak, tmp_path: Path) -> None:
    from datasets import Audio, ClassLabel, Dataset, DatasetInfo, Features

    path = files.sound("made/9.wav", speak(9, 0.5))
    features = Features({"audio": Audio(decode=False), "label": ClassLabel(names=["angry", "calm"])})
    audio = [{"bytes": path.read_bytes(), "path": "9.wav"}] * 2
    table = pa.Table.from_pydict({"audio": audio, "label": [1, -1]}, schema=features.arrow_schema)
    (tmp_path / "hf").mkdir()
    Dataset(table, info=DatasetInfo(features=features)).to_parquet(tmp_path / "hf/validation-0.parquet")
    first, second = load_clips(tmp_path / "hf")
    assert (first.labels, second.labels, first.split) == (("calm",), (), "validation")
    assert first.audio.data == path.read_bytes()


def test_a_file_whose_own_name_has_brackets_is_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "m[1].jsonl").write_text('{"id": "a", "text": "x"}\n')
    assert [clip.id for clip in load_clips(tmp_path / "m[1].jsonl")] == ["a"]
