"""EmoSet, Emotion6 and WEBEmo: lists, class folders and distributions."""

from __future__ import annotations

import pytest
from look_alikes import Maker

from affectrl.data.load import load_clips
from affectrl.errors import DataError


def test_emoset(look_alike) -> None:
    folder = look_alike("emoset")
    clips = load_clips(f"emoset:{folder}")
    assert [(clip.id, clip.labels[0], clip.split) for clip in clips] == [
        ("awe_00001", "awe", "train"),
        ("fear_00001", "fear", "validation"),
        ("contentment_00001", "contentment", "test"),
    ]
    assert clips[0].image == folder / "image/awe/awe_00001.jpg"
    assert clips[0].extras == {"annotation": "annotation/awe/awe_00001.json"}


def test_emotion6(look_alike) -> None:
    folder = look_alike("emotion6")
    (folder / "images/disgust/1.jpg").unlink()
    clips = load_clips(f"emotion6:{folder}")
    # By emotion, then by number; a picture that only the table names keeps its place.
    assert [clip.id for clip in clips] == ["anger/1.jpg", "anger/10.jpg", "disgust/1.jpg"]
    assert clips[2].image == folder / "images/disgust/1.jpg"
    assert (clips[2].labels, clips[2].extras["valence"], clips[2].extras["p_disgust"]) == (("disgust",), 2.5, 0.7)
    assert sum(value for key, value in clips[2].extras.items() if key.startswith("p_")) == pytest.approx(1, abs=1e-4)
    assert clips[1].extras == {}


def test_webemo_fine_and_middle_levels(look_alike, maker: Maker) -> None:
    clips = {clip.extras["fine"]: clip for clip in load_clips(f"webemo:{look_alike('webemo')}")}
    assert {fine: clip.labels for fine, clip in clips.items()} == {
        "lust": ("love",),
        "confusion": (),
        "irritability": ("anger",),
        "surprise": ("surprise",),
    }
    assert clips["lust"].id == "train/lust/1.jpg"
    assert clips["surprise"].split == "test"
    maker.images("six/joy/1.jpg", "six/surprise/2.jpg")
    six = load_clips(f"webemo:{maker.root / 'six'}")
    assert [(clip.id, clip.labels, clip.extras) for clip in six] == [
        ("joy/1.jpg", ("joy",), {}),
        ("surprise/2.jpg", ("surprise",), {}),
    ]


@pytest.mark.parametrize(
    ("reader", "file", "content", "reason"),
    [
        ("emoset", "train.json", '{"a": 1}', "expected JSON with a list outermost, found dict"),
        ("emoset", "train.json", '[["awe", "x"]]', "entry 1: expected .emotion, id, image path"),
        ("emoset", "train.json", '[["joyful", "x", "image/x.jpg"]]', "entry 1: 'joyful' is no class of emoset"),
        ("emotion6", "ground_truth.txt", "head\nanger/1.jpg 1 2\n", "line 2: expected 10 cells between tabs"),
        ("emotion6", "ground_truth.txt", "head\nanger/1.jpg" + "\tx" * 9, "line 2: valence is a number, not 'x'"),
        ("emotion6", "ground_truth.txt", "head\nawe/1.jpg" + "\t1" * 9, "'awe/1.jpg' does not begin with one of"),
    ],
)
def test_broken_layouts(look_alike, maker: Maker, reader: str, file: str, content: str, reason: str) -> None:
    folder = look_alike(reader)
    path = maker.text(f"mer/{file}", content)
    with pytest.raises(DataError, match=reason) as caught:
        load_clips(f"{reader}:{folder}")
    assert caught.value.path == str(path)


def test_a_folder_that_is_no_class(maker: Maker) -> None:
    maker.images("w/train/hunger/1.jpg")
    with pytest.raises(DataError, match="'hunger' is no class of WEBEmo"):
        load_clips(f"webemo:{maker.root / 'w'}")
