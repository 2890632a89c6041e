"""MER 2023 to 2026, MER-Caption+, OV-MERD(+), EMER and MERR: splits, labels, texts, reasons, and broken tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from look_alikes import Maker, csv_of

from affectrl.data.clip import Clip
from affectrl.data.load import load_clips
from affectrl.errors import DataError


@pytest.fixture
def clips_of(look_alike: Callable[[str], Path]) -> Callable[[str], dict[str, Clip]]:
    def read(name: str) -> dict[str, Clip]:
        return {clip.id: clip for clip in load_clips(f"{name}:{look_alike(name)}")}

    return read


def test_mer2023(clips_of, tmp_path: Path) -> None:
    clips = clips_of("mer2023")
    first, second, third = clips.values()
    assert (first.labels, first.split, first.extras["valence"]) == (("happy",), "train", 2.5)
    assert (first.text, first.extras["chinese"]) == ("Hello.", "你好")
    # An .avi is found where the others are .mp4, and the Chinese text stands in where there is no English.
    assert second.video == tmp_path / "mer/train/sample_02.avi"
    assert (second.text, second.extras["valence"]) == ("再见", -1)
    assert (third.split, third.text, "valence" in third.extras) == ("test3", None, False)


def test_mer2024(clips_of, tmp_path: Path) -> None:
    clips = clips_of("mer2024")
    assert {clip.id: (clip.split, clip.labels[0]) for clip in clips.values()} == {
        "sample_01": ("train", "angry"),
        "samplenew_02": ("semi", "sad"),
        "samplenew_03": ("noise", "surprise"),
    }
    assert clips["sample_01"].video == tmp_path / "mer/video-labeled/sample_01.mp4"
    assert clips["samplenew_03"].video == tmp_path / "mer/video-unlabeled-with-test2noise/samplenew_03.mp4"


@pytest.mark.parametrize(
    ("name", "splits"),
    [
        ("mer2025", {"a": "train", "b": "train", "c": "test", "d": "candidates"}),
        ("mer2026", {"a": "train", "b": "train", "c": "candidates"}),
    ],
)
def test_candidates_have_no_labels_and_stand_once(clips_of, name: str, splits: dict[str, str]) -> None:
    clips = clips_of(name)
    assert {clip.id: clip.split for clip in clips.values()} == splits
    assert {bool(clip.labels) for clip in clips.values() if clip.split != "candidates"} == {True}
    assert not any(clip.labels for clip in clips.values() if clip.split == "candidates")
    assert clips["a"].modalities == ("video", "audio", "text")
    assert clips["a"].text == "English a."


def test_open_vocabulary_lists_and_reasons(clips_of) -> None:
    clips = clips_of("mer-caption-plus")
    assert (clips["a"].labels, clips["a"].reasoning) == (("concern", "pessimism"), "Low voice, so worried.")
    # Quoted words, and one of them twice.
    assert clips["b"].labels == ("happy", "proud")
    assert {clip.split for clip in clips.values()} == {"train"}


def test_human_labels_of_mer2026(clips_of) -> None:
    clips = clips_of("mer2026-fg")
    assert clips["a"].labels == ("shocked", "care", "serious")
    assert clips["a"].reasoning is None


def test_ov_merd(clips_of) -> None:
    (clip,) = clips_of("ov-merd").values()
    assert (clip.labels, clip.reasoning) == (("anxious", "sad"), "Looks down.")


def test_the_test_set_of_mer_unibench(clips_of) -> None:
    (clip,) = clips_of("ov-merd-plus").values()
    assert (clip.split, clip.text, clip.labels) == ("test", "What is that?", ("curious", "amused"))


def test_emer_second_version(clips_of) -> None:
    clips = clips_of("emer")
    assert (clips["a"].reasoning, clips["a"].labels) == ("He laughs.", ("happy", "relieved"))
    assert clips["b"].reasoning == "她哭"


def test_emer_first_version_has_its_own_subtitles(maker: Maker) -> None:
    row = "sample_648,angry,Don't talk to me.,He roars."
    maker.text("e/dataset-v1/gt-eng.csv", csv_of("names,emotions,subtitles,reasons", row))
    (clip,) = load_clips(f"emer:{maker.root / 'e'}")
    assert (clip.text, clip.labels, clip.reasoning) == ("Don't talk to me.", ("angry",), "He roars.")
    assert clip.modalities == ("text",)


def test_merr_takes_the_fine_description_where_there_is_one(clips_of) -> None:
    clips = clips_of("merr")
    fine, coarse = clips["a"], clips["b"]
    assert (fine.split, fine.reasoning, fine.text) == ("fine", "Raised lids, so surprise.", "Oh!")
    assert (coarse.split, coarse.reasoning, coarse.labels) == ("coarse", "coarse b", ("doubt",))
    assert coarse.text == "Hm."
    assert fine.extras["peak_frame"] == "41"


def test_a_missing_film_keeps_its_place(look_alike, tmp_path: Path) -> None:
    folder = look_alike("mer2026")
    (folder / "video/b.mp4").unlink()
    clips = {clip.id: clip for clip in load_clips(f"mer2026:{folder}")}
    assert clips["b"].video == folder / "video/b.mp4"


@pytest.mark.parametrize(
    ("reader", "file", "content", "reason"),
    [
        ("mer2023", "train-label.csv", "name,emotion\na,happy\n", "lacks the columns discrete; .*found name, emotion"),
        ("mer2023", "train-label.csv", "name,discrete\na,hungry\n", "line 2: 'hungry' is no class of mer2023"),
        ("mer2023", "train-label.csv", "name,discrete,valence\na,happy,x\n", "line 2: valence is a number, not 'x'"),
        ("mer2024", "label-disdim.csv", "name\na\n", "lacks the columns discrete"),
        ("mer2025", "track1_train_disdim.csv", "name,discrete\na\n", "line 2: the row breaks off before discrete"),
        ("mer2026", "track1_train.csv", "name,discrete\na,7\n", "line 2: '7' is no class"),
        ("mer2026", "subtitle_chieng.csv", "name,french\na,Oui\n", "lacks the columns english or sentence or chinese"),
        ("mer2026-fg", "track2_train_human.csv", "name,labels\na,x\n", "lacks the columns openset"),
        ("mer-caption-plus", "track3_train_mercaptionplus.csv", "name,why\na,x\n", "lacks the columns reason"),
        ("ov-merd", "track2_train_ovmerd.csv", "name,openset\n,x\n", "line 2: '' cannot become a clip"),
        ("ov-merd-plus", "ovlabel.csv", b"name,openset\n\xff,x\n", "not UTF-8 text at byte 13"),
        ("emer", "dataset-v2/final-EMER-reason.csv", "name,english\na,x\n", "lacks the columns chinese"),
        ("merr", "MERR_fine_grained.json", "[]", "expected JSON with an object outermost, found list"),
        ("merr", "MERR_fine_grained.json", '{"a": {"caption": "x"}}', "a: lacks pseu_emotion, smp_reason_caption"),
        ("merr", "MERR_fine_grained.json", '{"a": {"pseu_emotion": "x", "smp_reason_caption": ""}}', "a: 'x' is no"),
        ("merr", "MERR_fine_grained.json", '{"a": ', "not valid JSON"),
    ],
)
def test_broken_layouts(look_alike, maker: Maker, reader: str, file: str, content, reason: str) -> None:
    folder = look_alike(reader)
    assert (folder / file).is_file() or "subtitle" in file
    maker.text(f"mer/{file}", content)
    with pytest.raises(DataError, match=reason) as caught:
        load_clips(f"{reader}:{folder}")
    assert caught.value.path == str(folder / file)


def test_tables_without_anything_to_read(maker: Maker) -> None:
    maker.text("t/track1_train.csv", csv_of("name,discrete", "a,happy"))
    with pytest.raises(DataError, match=r"expected video/ or audio/ or subtitle_chieng\.csv"):
        load_clips(f"mer2026:{maker.root / 't'}")
