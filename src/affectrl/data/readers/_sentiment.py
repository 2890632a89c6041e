"""What MMSA's sentiment sets share: one table of clips, and the films in ``Raw/VIDEO/CLIP.mp4``.

``label.csv`` has video_id, clip_id, text, label (a number), label_T, label_A, label_V (the number by text, sound and
picture alone, where rated), annotation and mode; source: the wiki page "Dataset and Structure" of
github.com/FlameSky-S/MMSA-FET, for CMU-MOSI, CMU-MOSEI and CH-SIMS alike. CH-SIMS v2 calls it ``meta.csv``
(``simsv2.py`` of MERTools).

The label follows the number's sign: above 0 positive, below 0 negative, 0 neutral; MER-UniBench leaves the neutral ones
out (docs/metrics.md). The number itself stands in ``extras["sentiment"]``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from affectrl.data.clip import Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.data.readers._media import MediaFolder
from affectrl.data.readers._table import make_clip, number, row_error, table_rows
from affectrl.errors import DataError

COLUMNS = ("video_id", "clip_id", "text", "label", "mode")
_TABLES = ("label.csv", "meta.csv")
_SPLITS = {"train": "train", "valid": "validation", "val": "validation", "test": "test"}
_ALONE = {"label_T": "sentiment_text", "label_A": "sentiment_audio", "label_V": "sentiment_video"}


def polarity_of(value: float) -> str:
    """The sign of a sentiment as a word of the set ``sentiment3``."""
    return "positive" if value > 0 else "negative" if value < 0 else "neutral"


class _Films:
    """The films of ``Raw/VIDEO/``; clip numbers are written with and without leading zeros."""

    def __init__(self, root: Path) -> None:
        self._root = next((root / name for name in ("Raw", "raw") if (root / name).is_dir()), None)
        self._folders: dict[str, dict[str, Path]] = {}

    def path(self, video: str, clip: str) -> Path | None:
        if self._root is None:
            return None
        if video not in self._folders:
            folder = MediaFolder(self._root, (video,), "video", ".mp4")
            self._folders[video] = {stem.lstrip("0"): path for stem, path in folder.paths()}
        return self._folders[video].get(clip.lstrip("0"), self._root / video / f"{clip}.mp4")


def _fields(row: dict[str, str], path: Path, line: int, most: float) -> dict[str, Any]:
    value = number(row["label"], path, line, "label", -most, most)
    split = _SPLITS.get(row["mode"].lower())
    if split is None:
        raise row_error(path, line, f"mode is one of train, valid, test, not {row['mode']!r}.")
    extras: dict[str, Any] = {"sentiment": value, "video_id": row["video_id"]}
    extras.update(
        {
            ours: number(row[column], path, line, column, -most, most)
            for column, ours in _ALONE.items()
            if row.get(column)
        }
    )
    if row.get("annotation"):
        extras["annotation"] = row["annotation"]
    return {"labels": (polarity_of(value),), "split": split, "extras": extras}


def _clips(root: Path, path: Path, most: float, one_speaker: bool) -> Iterator[Clip]:
    films = _Films(root)
    for line, row in table_rows(path, COLUMNS):
        video, clip = row["video_id"], row["clip_id"]
        speaker = video if one_speaker else None
        fields = _fields(row, path, line, most)
        film = films.path(video, clip)
        yield make_clip(path, line, id=f"{video}_{clip}", video=film, text=row["text"], speaker=speaker, **fields)


def read_sentiment(root: Path, most: float, hint: str, *, one_speaker: bool) -> list[Clip]:
    """The clips of a set, in the owners' order; ``valid`` is called validation.

    Args:
        root: The folder with the table and ``Raw/``; without ``Raw/`` the clips are texts.
        most: The sentiment goes from ``-most`` to ``most``.
        hint: Where to get the set.
        one_speaker: Every film shows one person, who is called after it.

    Raises:
        DataError: The table is not there, or a row of it is broken.
    """
    if not root.is_dir():
        raise DataError("there is no such folder.", code="folder_missing", path=root)
    path = next((root / name for name in _TABLES if (root / name).is_file()), None)
    if path is None:
        raise nothing_found(root, f"{' or '.join(_TABLES)} (columns {', '.join(COLUMNS)}) and Raw/", hint)
    return list(_clips(root, path, most, one_speaker))
