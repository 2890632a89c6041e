"""FER2013: 35,887 small grey face images in seven emotions, found on the web by search words.

Three forms go round and all are read: the challenge's own ``fer2013.csv`` (pixels as numbers), Kaggle's folders of
class folders, and Parquet files with columns file, label, image (the bytes of a picture).
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path

from affectrl.data.clip import SUFFIXES, Blob, Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.emotions import label_set
from affectrl.errors import DataError

NAME = "fer2013"
LABEL_SET = "fer2013"
LICENCE = "challenge rules, research"
ABOUT = (
    "Facial Expression Recognition 2013: 48x48 grey face images in seven emotions; 28,709 for training, 3,589 for the "
    "public test (our validation), 3,589 for the private test. Research use under the Kaggle challenge's rules. Get "
    "it from https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge; "
    "fer2013.csv, train/ and test/ class folders, and Parquet files are read. Goodfellow et al. 2013."
)

_SIDE = 48
_SPLITS = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
_FOLDERS = {"train": "train", "training": "train", "validation": "validation", "val": "validation", "test": "test"}


def _label(word: str | int, path: Path) -> str:
    """The published class of a word or of a code 0 to 6."""
    labels = label_set(LABEL_SET)
    text = str(word).strip()
    if text.isdigit() and int(text) < len(labels):
        return labels.labels[int(text)]
    label = labels.canonical(text)
    if label is None:
        raise DataError(f"{text!r} is no class of FER2013.", code="dataset_row", path=path)
    return label


def _png(pixels: str, path: Path, line: int) -> bytes:
    import numpy as np
    from PIL import Image

    try:
        grey = np.array(pixels.split(), dtype=np.uint8).reshape(_SIDE, _SIDE)
    except (ValueError, OverflowError):
        message = f"line {line}: pixels are not {_SIDE * _SIDE} numbers from 0 to 255."
        raise DataError(message, code="dataset_row", path=path) from None
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _from_csv(path: Path) -> Iterator[Clip]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        # The challenge's second file, icml_face_data.csv, has blanks before its column names.
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        lacking = {"emotion", "pixels"} - set(reader.fieldnames)
        if lacking:
            raise DataError(f"the file lacks the columns {sorted(lacking)}.", code="dataset_layout", path=path)
        for number, row in enumerate(reader):
            yield _csv_clip(row, number, path, reader.line_num)


def _csv_clip(row: dict[str, str], number: int, path: Path, line: int) -> Clip:
    usage = row.get("Usage")
    if usage and usage not in _SPLITS:
        message = f"line {line}: Usage is one of {', '.join(_SPLITS)}, not {usage!r}."
        raise DataError(message, code="dataset_row", path=path)
    split = _SPLITS[usage] if usage else None
    name = f"{split}/{number:05d}" if split else f"{number:05d}"
    image = Blob(_png(row["pixels"] or "", path, line), f"{name}.png")
    return Clip(id=name, image=image, labels=(_label(row["emotion"], path),), split=split)


def _from_parquet(path: Path) -> Iterator[Clip]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder_split = next((split for word, split in _FOLDERS.items() if path.stem.startswith(word)), None)
    try:
        with pq.ParquetFile(path) as file:
            lacking = {"file", "label", "image"} - set(file.schema_arrow.names)
            if lacking:
                raise DataError(f"the file lacks the columns {sorted(lacking)}.", code="dataset_layout", path=path)
            for batch in file.iter_batches(batch_size=1024, columns=["file", "label", "image"]):
                for row in batch.to_pylist():
                    yield _parquet_clip(row, path, folder_split)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"not a readable Parquet file: {reason}", code="dataset_layout", path=path) from error


def _parquet_clip(row: dict, path: Path, folder_split: str | None) -> Clip:
    label = _label(row["label"], path)
    split = _SPLITS.get(row["file"].split("_")[0], folder_split)
    data = row["image"]["bytes"] if isinstance(row["image"], dict) else row["image"]
    # The published numbers are given out anew in each class, so a name alone stands there twice.
    name = f"{label}/{Path(row['file']).stem}"
    image = Blob(data, f"{label}/{row['file']}")
    return Clip(id=f"{split}/{name}" if split else name, image=image, labels=(label,), split=split)


def _from_folders(root: Path) -> Iterator[Clip]:
    labels = label_set(LABEL_SET)
    for split_folder in sorted(path for path in root.iterdir() if path.is_dir()):
        split = _FOLDERS.get(split_folder.name.lower())
        if split is None:
            continue
        for folder in sorted(path for path in split_folder.iterdir() if path.is_dir()):
            label = labels.canonical(folder.name)
            pictures = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES["image"])
            for path in sorted(pictures) if label else ():
                yield Clip(id=f"{split}/{label}/{path.stem}", image=path, labels=(label,), split=split)


def _tables(root: Path) -> list[Path]:
    """Files of the first form that is there; the CSV files hold the same images, so one is enough."""
    csv_files = [root / name for name in ("fer2013.csv", "icml_face_data.csv") if (root / name).is_file()]
    return sorted(root.glob("*.parquet")) or csv_files[:1]


def read(root: Path) -> list[Clip]:
    """All images of a folder in whichever of the three forms it holds, or of one CSV or Parquet file.

    Images of the CSV and Parquet forms are held in memory, about 2 KB each.

    Raises:
        DataError: None of the forms is there, or a row of it is broken.
    """
    if not os.path.exists(root):
        raise DataError("there is no such folder.", code="folder_missing", path=root)
    files = [root] if root.is_file() else _tables(root)
    clips: list[Clip] = []
    for file in files:
        clips.extend(_from_parquet(file) if file.suffix == ".parquet" else _from_csv(file))
    if not files:
        clips.extend(_from_folders(root))
    if not clips:
        expected = "fer2013.csv, train/happy/*.jpg and test/..., or *.parquet with columns file, label, image"
        raise nothing_found(root, expected, "Get FER2013 from its Kaggle challenge page (see describe fer2013).")
    return clips
