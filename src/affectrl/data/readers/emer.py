"""EMER: descriptions of why a clip of MER 2023 shows what it shows, by people with the help of models.

Version 2 is ``final-EMER-reason.csv`` (name, chinese, english: the description), 332 clips; its emotion words came with
MER 2024 as ``final-openset-english.csv`` (name, openset). Version 1 is ``gt-eng.csv`` (names, emotions, subtitles,
reasons), 100 clips. Source: ``EMER/README.md`` of github.com/zeroQiaoba/AffectGPT. The films are those of MER 2023; put
them beside the tables as ``video/``, or the tables beside ``train/``. Lian et al. 2023, arXiv:2306.15401.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from affectrl.answers.lists import strict_list
from affectrl.data.clip import Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.data.readers._mer import EULA, Release, need_folder
from affectrl.data.readers._table import label_in, table_rows

NAME = "emer"
LABEL_SET = None
LICENCE = "EULA, academic research"
ABOUT = (
    "Explainable Multimodal Emotion Recognition: 332 Chinese clips (version 1: 100) with a description of what shows "
    f"the emotion. {EULA} Get the tables from https://github.com/zeroQiaoba/AffectGPT/tree/master/EMER and the films "
    "with MER2023. Give the folder that holds the tables (or dataset-v2/) and video/. Lian et al. 2023."
)

_V1, _V2, _WORDS = "gt-eng.csv", "final-EMER-reason.csv", "final-openset-english.csv"
_VIDEOS = ("video", "train", "videos")


def _find(root: Path, name: str) -> Path | None:
    folders = (root, root / "dataset-v2", root / "dataset-v1")
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _second(path: Path, release: Release, words: dict[str, tuple[str, ...]]) -> Iterator[Clip]:
    for line, row in table_rows(path, ("name", "chinese", "english")):
        reason = row["english"] or row["chinese"] or None
        yield release.clip(row["name"], path, line, labels=words.get(row["name"], ()), reasoning=reason)


def _first(path: Path, release: Release) -> Iterator[Clip]:
    for line, row in table_rows(path, ("names", "emotions", "subtitles", "reasons")):
        label = label_in("mer2023", row["emotions"], path, line)
        text, reason = row["subtitles"] or None, row["reasons"] or None
        yield release.clip(row["names"], path, line, labels=(label,), text=text, reasoning=reason)


def read(root: Path) -> list[Clip]:
    """The clips of version 2 where it is there, else of version 1; the description is the reasoning. No split.

    Raises:
        DataError: Neither table is there, or it is not as it should be.
    """
    need_folder(root)
    second, first, table = _find(root, _V2), _find(root, _V1), _find(root, _WORDS)
    path = second or first
    if path is None:
        expected = f"{_V2} (columns name, chinese, english) or {_V1} (columns names, emotions, subtitles, reasons)"
        raise nothing_found(root, expected, "See https://github.com/zeroQiaoba/AffectGPT/tree/master/EMER.")
    if second is None:
        return list(_first(path, Release(root, _VIDEOS, bare=True)))
    rows = table_rows(table, ("name", "openset")) if table else ()
    words = {row["name"]: tuple(dict.fromkeys(strict_list(row["openset"]))) for _, row in rows}
    return list(_second(second, Release(root, _VIDEOS), words))
