"""DFEW: film clips with dynamic facial expressions, single-labelled part, five folds.

``EmoLabel_DataSplit/train(single-labeled)/set_1.csv`` to ``set_5.csv`` and ``test(single-labeled)`` likewise, columns
video_name (a number) and label (1 to 7), and the films ``NUMBER.mp4`` anywhere below ``Clip/`` (the release packs them
as ``Clip/original``). Source: the preprocessing code of github.com/sunlicai/MAE-DFER and other users; the owners' own
code (github.com/jiangxingxun/DFEW) names the same numbers ``single_testset_1.csv``. The cut-out face pictures
(``clip_224x224``) are folders of pictures, no films, and are not read. Jiang et al. 2020, arXiv:2008.05924.
"""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import SUFFIXES, Clip
from affectrl.data.readers._folder import files_below, nothing_found
from affectrl.data.readers._folds import FOLDS, SPLITS, five_folds
from affectrl.data.readers._table import label_in, make_clip, row_error, table_rows

__all__ = ["ABOUT", "LABEL_SET", "LICENCE", "NAME", "SPLITS", "read"]

NAME = "dfew"
LABEL_SET = "dfew"
LICENCE = "agreement, academic research"
ABOUT = (
    "Dynamic Facial Expression in the Wild: 11,697 single-labelled film clips in seven emotions, five folds "
    "(splits fold1 to fold5, fold1-train for the other four). Academic research only, after an agreement that a "
    "full-time researcher signs; ask at https://dfew-dataset.github.io. Give the folder with EmoLabel_DataSplit/ and "
    "Clip/ in it. Jiang et al. 2020."
)

_HINT = "Ask for DFEW at https://dfew-dataset.github.io."
_FORMS = (
    ("EmoLabel_DataSplit/{part}(single-labeled)/set_{fold}.csv", {"train": "train", "test": "test"}),
    ("label/single_{part}_{fold}.csv", {"train": "trainset", "test": "testset"}),
)


def _lists(root: Path, part: str) -> list[Path]:
    paths = [[root / form.format(part=names[part], fold=fold) for fold in FOLDS] for form, names in _FORMS]
    return next((form for form in paths if any(path.is_file() for path in form)), paths[0])


def _read_list(path: Path) -> dict[str, tuple[int, str]]:
    rows: dict[str, tuple[int, str]] = {}
    for line, row in table_rows(path, ("video_name", "label")):
        name = row["video_name"]
        if not name.isdigit():
            raise row_error(path, line, f"video_name is a number, not {name!r}.")
        rows[f"{int(name):05d}"] = (line, label_in(LABEL_SET, row["label"], path, line))
    return rows


def read(root: Path) -> list[Clip]:
    """The single-labelled clips, in the order of the five test lists; see ``_folds`` for the names of splits.

    Raises:
        DataError: A list or all films are not there, or lists contradict each other.
    """
    tests = _lists(root, "test")
    films = {int(p.stem): p for p in reversed(files_below(root, SUFFIXES["video"])) if p.stem.isdigit()}
    if not any(path.is_file() for path in tests):
        expected = "EmoLabel_DataSplit/test(single-labeled)/set_1.csv (columns video_name, label) to set_5.csv"
        raise nothing_found(root, expected, _HINT)
    found = five_folds(tests, _lists(root, "train"), _read_list)
    if not films:
        expected = "films such as Clip/original/1.mp4; folders of face pictures are not read"
        raise nothing_found(root, expected, _HINT)
    return [
        make_clip(
            tests[0],
            name,
            id=name,
            video=films.get(int(name), root / "Clip" / "original" / f"{int(name)}.mp4"),
            labels=(label,),
            split=fold,
        )
        for name, (fold, label) in found.items()
    ]
