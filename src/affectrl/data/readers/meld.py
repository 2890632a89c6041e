"""MELD: 13,708 utterances of the series Friends, with text, speaker, seven emotions and three sentiments.

The text comes as three CSV files. Where the owners' folder of a split stands beside them, an utterance has its film,
``dia0_utt1.mp4``; the release lacks a few, which ``affectrl data check`` lists. Source: the owners' repository,
github.com/declare-lab/MELD.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.data.readers._media import MediaFolder
from affectrl.emotions import label_set
from affectrl.errors import DataError

NAME = "meld"
LABEL_SET = "meld"
LICENCE = "GPL-3.0"
ABOUT = (
    "Multimodal EmotionLines Dataset: utterances of a television series with text, speaker, emotion and sentiment; "
    "9,989 for training, 1,109 for development, 2,610 for test. GPL-3.0. Get the CSV files from "
    "https://github.com/declare-lab/MELD/tree/master/data/MELD and, for sound and picture, MELD.Raw.tar.gz from "
    "the address given there; unpack its *_splits folders beside the CSV files. Poria et al. 2019."
)

_FILES = {"train": "train_sent_emo.csv", "validation": "dev_sent_emo.csv", "test": "test_sent_emo.csv"}
_FILMS = {
    "train": ("train_splits", "train/train_splits"),
    "validation": ("dev_splits_complete", "dev/dev_splits_complete"),
    "test": ("output_repeated_splits_test", "test/output_repeated_splits_test"),
}
_COLUMNS = ("Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID")
# Windows-1252 punctuation that went into the published files as the control characters of the same numbers.
_REPAIRS = {code: bytes([code]).decode("cp1252", "ignore") or None for code in range(0x80, 0xA0)}


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    return text.translate(_REPAIRS)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(_text(path), newline=""))
    lacking = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if lacking:
        raise DataError(f"the file lacks the columns {', '.join(lacking)}.", code="dataset_layout", path=path)
    for row in reader:
        yield reader.line_num, row


def _clip(row: dict[str, str], split: str, films: MediaFolder) -> Clip:
    name = f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
    label = label_set(LABEL_SET).canonical(row["Emotion"])
    if label is None:
        raise ValueError(f"{row['Emotion']!r} is no class of MELD")
    extras = {
        "sentiment": row["Sentiment"],
        "dialogue": int(row["Dialogue_ID"]),
        "utterance": int(row["Utterance_ID"]),
        **{key.lower(): int(row[key]) for key in ("Season", "Episode") if row.get(key)},
    }
    return Clip(
        id=f"{split}/{name}",
        video=films.path(name),
        text=row["Utterance"],
        labels=(label,),
        speaker=row["Speaker"],
        split=split,
        extras=extras,
    )


def _split_clips(root: Path, path: Path, split: str) -> Iterator[Clip]:
    films = MediaFolder(root, _FILMS[split], "video", ".mp4")
    for line, row in _rows(path):
        try:
            yield _clip(row, split, films)
        except (TypeError, ValueError, AttributeError) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"line {line}: not a MELD row: {reason}.", code="dataset_row", path=path) from None


def read(root: Path) -> list[Clip]:
    """The utterances of the splits that are there, in the owners' order; dev is called validation.

    Raises:
        DataError: None of the three CSV files is there, or a row of one is broken.
    """
    if not os.path.isdir(root):
        raise DataError("there is no such folder.", code="folder_missing", path=root)
    found = {split: root / name for split, name in _FILES.items() if (root / name).is_file()}
    if not found:
        expected = ", ".join(_FILES.values())
        hint = "Get MELD's CSV files from https://github.com/declare-lab/MELD/tree/master/data/MELD."
        raise nothing_found(root, expected, hint)
    return [clip for split, path in found.items() for clip in _split_clips(root, path, split)]
