"""MAFW: film and television clips in eleven emotions and their compounds, with descriptions, five folds.

``Train & Test Set/single/no_caption/set_1/test.txt`` to ``set_5`` (lines ``00025.mp4 anger``) and ``train.txt``
likewise; ``compound/no_caption`` has lines ``00025.mp4 anger_disgust``; ``Labels/descriptive_text.xlsx`` has, without a
header, file, Chinese and English description; the films are ``data/clips/00025.mp4``. Source: the preprocessing code of
github.com/sunlicai/HiCMAE and users' listings of the release. ``gender.txt`` gives 0 and 1 without a legend and is not
read. Liu et al. 2022, arXiv:2208.00847.
"""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.data.readers._folds import FOLDS, SPLITS, five_folds
from affectrl.data.readers._media import MediaFolder
from affectrl.data.readers._table import label_in, make_clip, row_error, sheet_rows, text_of
from affectrl.errors import DataError

__all__ = ["ABOUT", "LABEL_SET", "LICENCE", "NAME", "SPLITS", "read"]

NAME = "mafw"
LABEL_SET = "mafw"
LICENCE = "agreement, non-commercial research"
ABOUT = (
    "MAFW: 9,172 single-labelled film and television clips in eleven emotions, five folds (splits fold1 to "
    "fold5, fold1-train for the other four), with a description of most. Non-commercial research only, after an "
    "agreement; ask at https://mafw-database.github.io/MAFW/. Give the folder with 'Train & Test Set' and data/clips/ "
    "in it. Liu et al. 2022."
)

_HINT = "Ask for MAFW at https://mafw-database.github.io/MAFW/."
_SETS = ("Train & Test Set", "train_test_set/Train & Test Set", "Train_Test_Set", ".")
_TEXTS = ("Labels/descriptive_text.xlsx", "labels/Labels/descriptive_text.xlsx", "descriptive_text.xlsx")
_FILMS = ("data/clips", "clips", "data_clips/clips", "data")


def _lists(folder: Path, part: str) -> list[Path]:
    return [folder / f"set_{fold}" / f"{part}.txt" for fold in FOLDS]


def _lines(path: Path) -> dict[str, tuple[int, str]]:
    """Name without suffix -> line, and the word behind it."""
    found: dict[str, tuple[int, str]] = {}
    for line, text in enumerate(text_of(path).splitlines(), start=1):
        parts = text.split()
        if parts and len(parts) != 2:
            raise row_error(path, line, f"expected a file and a label, such as '00025.mp4 anger', found {text!r}.")
        if parts:
            found[parts[0].rsplit(".", 1)[0]] = (line, parts[1])
    return found


def _singles(path: Path) -> dict[str, tuple[int, str]]:
    return {name: (line, label_in(LABEL_SET, word, path, line)) for name, (line, word) in _lines(path).items()}


def _compounds(folder: Path) -> dict[str, list[str]]:
    """All emotions of the clips that show more than one, by name."""
    found: dict[str, list[str]] = {}
    for path in _lists(folder, "test"):
        for name, (line, words) in _lines(path).items() if path.is_file() else ():
            labels = [label_in(LABEL_SET, word, path, line) for word in words.split("_")]
            if len(labels) > 1:
                found[name] = labels
    return found


def _descriptions(root: Path) -> dict[str, str]:
    path = next((root / name for name in _TEXTS if (root / name).is_file()), None)
    rows = sheet_rows(path, 3) if path else ()
    return {row[0].rsplit(".", 1)[0]: row[2] for row in rows if row[2]}


def read(root: Path) -> list[Clip]:
    """The single-labelled clips, in the order of the five test lists; see ``_folds`` for the names of splits.

    The English description is the reasoning; the emotions of compound clips stand in ``extras["compound"]``.

    Raises:
        DataError: A list or the films' folder is not there, or lists contradict each other.
    """
    if not root.is_dir():
        raise DataError("there is no such folder.", code="folder_missing", path=root)
    sets = next((root / name for name in _SETS if (root / name / "single/no_caption").is_dir()), None)
    films = MediaFolder(root, _FILMS, "video", ".mp4")
    if sets is None or not films:
        expected = "'Train & Test Set/single/no_caption/set_1/test.txt' to set_5, and data/clips/00025.mp4"
        raise nothing_found(root, expected, _HINT)
    folder = sets / "single/no_caption"
    tests = _lists(folder, "test")
    compounds, told = _compounds(sets / "compound/no_caption"), _descriptions(root)
    return [
        make_clip(
            tests[0],
            name,
            id=name,
            video=films.path(name),
            labels=(label,),
            reasoning=told.get(name),
            split=fold,
            extras={"compound": compounds[name]} if name in compounds else {},
        )
        for name, (fold, label) in five_folds(tests, _lists(folder, "train"), _singles).items()
    ]
