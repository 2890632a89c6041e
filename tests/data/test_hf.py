from __future__ import annotations

from pathlib import Path

import pytest

from affectrl.data.clip import Blob, Clip
from affectrl.data.manifest import from_datasets, to_datasets
from affectrl.errors import DataError

datasets = pytest.importorskip("datasets")


def test_round_trip_with_undecoded_features(files, speak, paint, jpeg) -> None:
    clips = [
        Clip(
            id="a",
            video=files.film("a.mp4", 1),
            audio=files.sound("a.wav", speak(1)),
            image=files.image("a.png", paint(1)),
            text="hello",
            labels=("happy", "calm"),
            use_video_audio=False,
            start=0.5,
            end=1.0,
            speaker="1",
            extras={"k": [1, 2]},
        ),
        Clip(id="b", image=Blob(jpeg(2), "b.jpg")),
    ]
    ds = to_datasets(clips)
    assert ds.features["audio"] == datasets.Audio(decode=False)
    assert ds.features["video"] == datasets.Video(decode=False)
    assert ds.features["image"] == datasets.Image(decode=False)
    assert from_datasets(ds) == clips


def test_datasets_can_decode_our_images(files, paint) -> None:
    ds = to_datasets([Clip(id="a", image=files.image("a.png", paint(3)))])
    assert ds.cast_column("image", datasets.Image())[0]["image"].size == (96, 96)


def test_class_numbers_become_words_and_keys_become_splits() -> None:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["sad", "joy"])})
    train = datasets.Dataset.from_dict({"text": ["x", "y"], "label": [1, 0]}, features=features)
    clips = from_datasets(train)
    assert [(clip.id, clip.labels) for clip in clips] == [("row-000001", ("joy",)), ("row-000002", ("sad",))]
    both = datasets.DatasetDict(train=train.add_column("id", ["a", "b"]), test=train.add_column("id", ["c", "d"]))
    assert [clip.split for clip in from_datasets(both)] == ["train", "train", "test", "test"]


def test_bad_rows_say_which() -> None:
    with pytest.raises(DataError, match="dataset row 2: a clip needs"):
        from_datasets(datasets.Dataset.from_dict({"id": ["a", "b"], "text": ["x", None]}))
    with pytest.raises(DataError, match="two rows of the dataset have one id"):
        from_datasets(datasets.Dataset.from_dict({"id": ["a", "a"], "text": ["x", "y"]}))


def test_an_empty_list_is_an_empty_dataset(tmp_path: Path) -> None:
    assert from_datasets(to_datasets([])) == []
