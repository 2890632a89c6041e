from __future__ import annotations

from pathlib import Path

import pytest

from affectrl.data.clip import Clip
from affectrl.data.load import load_clips, scan_clips
from affectrl.data.manifest import write_manifest
from affectrl.errors import DataError, UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    clips = [
        Clip(id=f"{speaker}-{split}", text="x", speaker=speaker, split=split)
        for speaker in ("01", "2", "10", "Ann")
        for split in ("train", "test")
    ]
    write_manifest([*clips, Clip(id="nobody", text="x")], tmp_path / "set" / "manifest.jsonl")
    return tmp_path / "set"


def test_a_manifest_a_folder_and_a_prefix_are_the_same(folder: Path) -> None:
    expected = load_clips(folder / "manifest.jsonl")
    assert len(expected) == 9
    assert load_clips(folder) == load_clips(str(folder)) == load_clips(f"sandbox:{folder}") == expected


def test_ravdess_folder_from_here_and_from_home(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "rav/Actor_01").mkdir(parents=True)
    (tmp_path / "rav/Actor_01/03-01-05-02-01-01-01.wav").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert [clip.labels for clip in load_clips("ravdess:rav")] == [("angry",)]
    assert [clip.id for clip in load_clips("ravdess:~/rav")] == ["03-01-05-02-01-01-01"]


@pytest.mark.parametrize(
    ("speakers", "expected"),
    [
        ("1", {"01"}),
        (["1-9"], {"01", "2"}),
        ("1-9,Ann", {"01", "2", "Ann"}),
        ([2, "010"], {"2", "10"}),
        ("1 - 2, 10", None),
    ],
)
def test_speakers(folder: Path, speakers, expected) -> None:
    if expected is None:
        expected = {"10"}
    assert {clip.speaker for clip in load_clips(folder, speakers=speakers)} == expected


def test_split_speaker_and_limit_together(folder: Path) -> None:
    assert [clip.id for clip in load_clips(folder, split="test", speakers="1-10", limit=2)] == ["01-test", "2-test"]
    assert len(load_clips(folder, split=["train", "test"])) == 8


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        ({"split": "tset"}, "unknown_split", "no split 'tset'. Did you mean 'test'"),
        ({"speakers": "77"}, "unknown_speaker", "Speakers: 01, 10, 2, Ann"),
        ({"speakers": "9-1"}, "speakers", "runs backwards"),
        ({"limit": 0}, "limit", "at least 1"),
    ],
)
def test_wrong_choices(folder: Path, options, code: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        load_clips(folder, **options)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("source", "error", "reason"),
    [
        ("ravdes:x", UsageError, "Did you mean 'ravdess'"),
        ("ravdess", UsageError, "Write ravdess:FOLDER"),
        ("ravdess:nowhere", DataError, "no such folder"),
        ("ravdess:.", DataError, "none of the expected files"),
        (".", DataError, r"holds no manifest\.jsonl"),
        ("nowhere.jsonl", DataError, "no such file"),
        ("sandbox:nowhere", DataError, "no such folder"),
        ("~nobody-here/m.jsonl", DataError, "no such file"),
        ("ravdess:~nobody-here/x", DataError, "no such folder"),
        ("x" * 5000, DataError, "no such file"),
        *((f"{name}:{'x' * 5000}", DataError, "no such folder") for name in ("ravdess", "emodb", "fer2013", "meld")),
    ],
)
def test_wrong_sources(tmp_path: Path, monkeypatch, source: str, error, reason: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=reason):
        load_clips(source)


def test_a_file_name_with_a_colon_is_a_file(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a:b.jsonl").write_text('{"id": "a", "text": "x"}')
    assert len(load_clips("a:b.jsonl")) == 1


def test_scan_reports_bad_rows(folder: Path) -> None:
    with (folder / "manifest.jsonl").open("a") as file:
        file.write("oops\n")
    clips, bad = scan_clips(folder)
    assert len(clips) == 9
    assert [row.where for row in bad] == ["line 10"]
