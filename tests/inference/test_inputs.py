from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from affectrl.answers.prediction import Prediction
from affectrl.data.clip import Clip
from affectrl.errors import DataError, UsageError
from affectrl.inference.inputs import collect


@pytest.fixture
def folder(small_media: Path, tmp_path: Path) -> Path:
    shutil.copytree(small_media, tmp_path / "in" / "deep")
    (tmp_path / "in" / "notes.txt").write_text("not media")
    return tmp_path / "in"


def ids(found: list[Clip | Prediction]) -> list[str]:
    return [item.id for item in found]


def test_files_become_clips_of_what_they_hold(small_media: Path) -> None:
    found = collect([small_media / name for name in ("talk.wav", "film.mp4", "face.png")])
    assert [item.modalities for item in found] == [("audio",), ("video",), ("image",)]
    assert ids(found) == ["talk", "film", "face"]
    assert found[0].path == str(small_media / "talk.wav")


def test_content_goes_before_suffix(small_media: Path, tmp_path: Path) -> None:
    shutil.copy(small_media / "talk.wav", tmp_path / "talk.mp4")
    assert collect([tmp_path / "talk.mp4"])[0].modalities == ("audio",)


def test_a_folder_is_searched_through(folder: Path) -> None:
    assert ids(collect([folder])) == ["face", "film", "mute", "talk"]


def test_a_folder_with_a_manifest_is_read_by_it(folder: Path) -> None:
    row = '{"id": "both", "audio": "deep/talk.wav", "image": "face.png", "text": "Hm."}\n'
    (folder / "manifest.jsonl").write_text(row)
    (clip,) = collect([folder])
    assert (clip.id, clip.modalities) == ("both", ("audio", "image", "text"))


def test_a_pattern_is_spread_out(folder: Path) -> None:
    assert ids(collect([f"{folder}/**/*.mp4"])) == ["film", "mute"]


def test_a_file_named_like_a_pattern_is_a_file(small_media: Path, tmp_path: Path) -> None:
    shutil.copy(small_media / "talk.wav", tmp_path / "talk[1].wav")
    assert ids(collect([tmp_path / "talk[1].wav"])) == ["talk[1]"]


def test_a_manifest_is_read(folder: Path) -> None:
    (folder / "list.jsonl").write_text('{"id": "a", "audio": "deep/talk.wav", "text": "Hm.", "labels": ["sad"]}\n')
    (clip,) = collect([folder / "list.jsonl"])
    assert (clip.id, clip.modalities, clip.labels) == ("a", ("audio", "text"), ("sad",))


def test_clips_pass_and_order_is_kept(small_media: Path) -> None:
    own = Clip(id="own", text="Well.")
    assert ids(collect([small_media / "talk.wav", own, small_media / "face.png"])) == ["talk", "own", "face"]


def test_what_cannot_be_a_clip_is_a_row_in_its_place(small_media: Path, tmp_path: Path) -> None:
    (tmp_path / "odd.xyz").write_text("odd")
    found = collect([tmp_path / "gone.wav", small_media / "talk.wav", tmp_path / "odd.xyz"])
    assert [type(item) for item in found] == [Prediction, Clip, Prediction]
    assert [found[i].error["code"] for i in (0, 2)] == ["media_missing", "media_unknown_type"]
    assert str(tmp_path / "gone.wav") in found[0].error["message"]


def test_text_joins_a_single_file(small_media: Path) -> None:
    (clip,) = collect([small_media / "talk.wav"], text="Well.")
    assert clip.modalities == ("audio", "text")


def test_text_alone_is_a_clip() -> None:
    assert collect([], text="Well.") == [Clip(id="text", text="Well.")]


@pytest.mark.parametrize("blank", [None, "", "  \n"])
def test_blank_text_is_none(small_media: Path, blank: str | None) -> None:
    assert collect([small_media / "talk.wav"], text=blank)[0].modalities == ("audio",)
    with pytest.raises(UsageError) as caught:
        collect([], text=blank)
    assert caught.value.code == "no_input"


def test_text_does_not_mend_a_missing_file(tmp_path: Path) -> None:
    (row,) = collect([tmp_path / "gone.wav"], text="Well.")
    assert isinstance(row, Prediction)


def test_one_text_for_many_is_refused(small_media: Path) -> None:
    with pytest.raises(UsageError, match="one text was given for 4 clips") as caught:
        collect([small_media], text="Well.")
    assert caught.value.code == "text_for_many"


@pytest.mark.parametrize("name", ["empty", "empty/*.wav"])
def test_nothing_found_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="empty") as caught:
        collect([tmp_path / name])
    assert caught.value.code == "no_input"


def test_a_bad_manifest_is_an_error_of_the_call(tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text("{")
    with pytest.raises(DataError, match="line 1"):
        collect([tmp_path / "list.jsonl"])
