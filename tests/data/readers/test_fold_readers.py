"""DFEW and MAFW: five folds, and lists that contradict each other."""

from __future__ import annotations

import pytest
from look_alikes import Maker, csv_of

from affectrl.data.load import load_clips
from affectrl.errors import DataError, UsageError

DFEW = "EmoLabel_DataSplit"


@pytest.mark.parametrize(
    ("reader", "labels"),
    [
        ("dfew", ["happy", "sad", "neutral", "angry", "surprise"]),
        ("mafw", ["anger", "contempt", "neutral", "anxiety", "sadness"]),
    ],
)
def test_each_clip_stands_in_the_fold_that_tests_it(look_alike, reader: str, labels: list[str]) -> None:
    source = f"{reader}:{look_alike(reader)}"
    clips = load_clips(source)
    assert [clip.id for clip in clips] == [f"0000{k}" for k in range(1, 6)]
    assert [clip.split for clip in clips] == [f"fold{k}" for k in range(1, 6)]
    assert [clip.labels[0] for clip in clips] == labels
    assert all(clip.video.is_file() for clip in clips)
    for fold in range(1, 6):
        test = load_clips(source, split=f"fold{fold}-test")
        train = load_clips(source, split=f"fold{fold}-train")
        assert [clip.split for clip in test] == [f"fold{fold}"]
        assert {clip.id for clip in test} | {clip.id for clip in train} == {clip.id for clip in clips}
        assert len(train) == 4
    with pytest.raises(UsageError, match=r"no split 'fold6-test'\. Did you mean 'fold\d-test'"):
        load_clips(source, split="fold6-test")


def test_compounds_and_descriptions_of_mafw(look_alike) -> None:
    first, second, *_ = load_clips(f"mafw:{look_alike('mafw')}")
    assert (first.extras, first.reasoning) == ({"compound": ["anger", "disgust"]}, "He glares.")
    assert (second.extras, second.reasoning) == ({}, None)


def test_the_owners_other_names_of_dfew(maker: Maker) -> None:
    for fold in range(1, 6):
        maker.text(f"d/label/single_testset_{fold}.csv", csv_of("video_name,label", f"{fold},7"))
    maker.films(*(f"d/{k}.mp4" for k in range(1, 5)))
    clips = load_clips(f"dfew:{maker.root / 'd'}")
    assert {clip.labels for clip in clips} == {("fear",)}
    # The fifth film is missing, and whoever opens it says so.
    assert clips[-1].video == maker.root / "d/Clip/original/5.mp4"


@pytest.mark.parametrize(
    ("reader", "file", "content", "reason"),
    [
        ("dfew", f"{DFEW}/test(single-labeled)/set_2.csv", None, "the list of a fold is not there"),
        (
            "dfew",
            f"{DFEW}/test(single-labeled)/set_2.csv",
            csv_of("video,label", "2,2"),
            "lacks the columns video_name",
        ),
        (
            "dfew",
            f"{DFEW}/test(single-labeled)/set_2.csv",
            csv_of("video_name,label", "2,8"),
            "line 2: '8' is no class",
        ),
        ("dfew", f"{DFEW}/test(single-labeled)/set_2.csv", csv_of("video_name,label", "x,1"), "video_name is a number"),
        (
            "dfew",
            f"{DFEW}/test(single-labeled)/set_2.csv",
            csv_of("video_name,label", "1,1"),
            "tested in fold1 already",
        ),
        ("dfew", f"{DFEW}/train(single-labeled)/set_2.csv", csv_of("video_name,label", "2,2"), "and tested in fold 2"),
        (
            "dfew",
            f"{DFEW}/train(single-labeled)/set_2.csv",
            csv_of("video_name,label", "1,2"),
            "'sad' here and 'happy'",
        ),
        (
            "dfew",
            f"{DFEW}/train(single-labeled)/set_2.csv",
            csv_of("video_name,label", "9,2"),
            "none of the five folds",
        ),
        (
            "mafw",
            "Train & Test Set/single/no_caption/set_3/test.txt",
            "00003.mp4 hungry",
            "line 1: 'hungry' is no class",
        ),
        (
            "mafw",
            "Train & Test Set/single/no_caption/set_3/test.txt",
            "00003.mp4",
            "line 1: expected a file and a label",
        ),
        ("mafw", "Train & Test Set/single/no_caption/set_3/test.txt", None, "the list of a fold is not there"),
        ("mafw", "Labels/descriptive_text.xlsx", b"PK no sheet", "no readable spreadsheet"),
    ],
)
def test_broken_lists(look_alike, maker: Maker, reader: str, file: str, content, reason: str) -> None:
    folder = look_alike(reader)
    if content is None:
        (folder / file).unlink()
    else:
        maker.text(f"mer/{file}", content)
    with pytest.raises(DataError, match=reason) as caught:
        load_clips(f"{reader}:{folder}")
    assert caught.value.path == str(folder / file)


def test_face_pictures_alone_are_no_films(look_alike, maker: Maker) -> None:
    folder = look_alike("dfew")
    for film in (folder / "Clip/original").iterdir():
        film.unlink()
    maker.images("mer/Clip/clip_224x224/00001/1.jpg")
    with pytest.raises(DataError, match="folders of face pictures are not read"):
        load_clips(f"dfew:{folder}")
