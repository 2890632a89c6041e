from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from affectrl.data.load import load_clips
from affectrl.data.media.image import read_image
from affectrl.data.readers import fer2013
from affectrl.errors import DataError


def write_csv(path: Path, rows: list[tuple[str, str, str]], header: str = "emotion,pixels,Usage") -> Path:
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    return path.parent


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (48, 48), dtype=np.uint8)


def as_words(picture: np.ndarray) -> str:
    return " ".join(str(value) for value in picture.ravel())


def test_the_challenge_file_keeps_every_pixel(tmp_path: Path) -> None:
    rows = [("0", as_words(pixels(0)), "Training"), ("6", as_words(pixels(1)), "PrivateTest")]
    first, second = fer2013.read(write_csv(tmp_path / "fer2013.csv", rows))
    assert (first.labels, first.split) == (("angry",), "train")
    assert (second.labels, second.split) == (("neutral",), "test")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(first.image.data))), pixels(0))
    np.testing.assert_array_equal(read_image(second.image).rgb[0, ..., 0], pixels(1))


def test_the_second_challenge_file_has_blanks_in_its_header(tmp_path: Path) -> None:
    rows = [("3", "PublicTest", as_words(pixels(0)))]
    (clip,) = fer2013.read(write_csv(tmp_path / "icml_face_data.csv", rows, "emotion, Usage, pixels"))
    assert (clip.labels, clip.split) == (("happy",), "validation")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("9", "1 2", "Training"), "pixels are not 2304 numbers"),
        (("9", as_words(pixels(0)), "Training"), "'9' is no class"),
        (("1", as_words(pixels(0)), "Elsewhere"), "line 2: Usage is one of"),
        (("1", as_words(pixels(0)).replace(" ", " x", 1), "Training"), "line 2: pixels"),
    ],
)
def test_broken_rows(tmp_path: Path, row: tuple[str, str, str], reason: str) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        fer2013.read(write_csv(tmp_path / "fer2013.csv", [row]))
    assert caught.value.code == "dataset_row"


def test_class_folders(tmp_path: Path) -> None:
    for name in (
        "train/happy/1.jpg",
        "train/surprise/2.png",
        "test/disgust/1.jpg",
        "test/disgust/x.txt",
        "junk/sad/1.jpg",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    clips = fer2013.read(tmp_path)
    assert [(clip.id, clip.split) for clip in clips] == [
        ("test/disgust/1", "test"),
        ("train/happy/1", "train"),
        ("train/surprise/2", "train"),
    ]


@pytest.mark.parametrize("nested", [True, False])
def test_parquet(tmp_path: Path, jpeg, nested: bool) -> None:
    image = {"bytes": jpeg(1), "path": None} if nested else jpeg(1)
    table = pa.table({"file": ["Training_5.jpg", "PublicTest_6.jpg"], "label": ["sad", "fear"], "image": [image] * 2})
    pq.write_table(table, tmp_path / "train-00000.parquet")
    first, second = fer2013.read(tmp_path)
    assert (first.id, first.labels, first.split) == ("train/sad/Training_5", ("sad",), "train")
    assert second.split == "validation"
    assert first.image.data == jpeg(1)


def test_wrong_folder_and_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected fer2013\.csv"):
        fer2013.read(tmp_path)
    pq.write_table(pa.table({"file": ["a"]}), tmp_path / "train.parquet")
    with pytest.raises(DataError, match="lacks the columns"):
        fer2013.read(tmp_path)


def test_the_real_files(shared_data: Path) -> None:
    clips = load_clips(f"fer2013:{shared_data / 'fer2013' / 'validation.parquet'}")
    assert len(clips) == 3589
    assert len({clip.id for clip in clips}) == 3589
    assert {clip.split for clip in clips} == {"validation"}
    # The public test of the challenge, by class, as counted from the owners' file.
    assert Counter(clip.labels[0] for clip in clips)["disgust"] == 56
    assert read_image(clips[0].image).rgb.shape == (1, 48, 48, 3)
