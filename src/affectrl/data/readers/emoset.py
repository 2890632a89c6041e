"""EmoSet-118K: photographs and paintings in Mikels' eight emotions.

``train.json``, ``val.json`` and ``test.json`` are lists of ``[emotion, id, image path, annotation path]``, the paths
below the same folder. Source: README of the owners' repository, github.com/JingyuanYY/EmoSet. The attributes in
``annotation/`` (brightness, scene, objects, ...) are not opened; their path stands in the extras. Yang et al. 2023,
arXiv:2307.07961.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from affectrl.data.clip import Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.data.readers._table import json_file, label_in, make_clip, row_error
from affectrl.errors import DataError

NAME = "emoset"
LABEL_SET = "emoset"
LICENCE = "non-commercial research"
ABOUT = (
    "EmoSet-118K: 118,102 images in eight emotions; train, validation and test as published. For non-commercial "
    "research; images remain their owners'. Ask for it as https://vcc.tech/EmoSet says, and give the folder with "
    "train.json and image/ in it. Yang et al. 2023."
)

_SPLITS = {"train": "train", "val": "validation", "test": "test"}


def _clip(entry: Any, root: Path, path: Path, number: int, split: str) -> Clip:
    where = f"entry {number}"
    if not (isinstance(entry, list) and len(entry) >= 3 and all(isinstance(part, str) for part in entry)):
        raise row_error(path, where, "expected [emotion, id, image path, annotation path].")
    label = label_in(LABEL_SET, entry[0], path, where)
    extras = {"annotation": entry[3]} if len(entry) > 3 else {}
    return make_clip(path, where, id=entry[1], image=root / entry[2], labels=(label,), split=split, extras=extras)


def read(root: Path) -> list[Clip]:
    """The images of the splits that are there, in the owners' order; val is called validation.

    Raises:
        DataError: None of the three lists is there, or an entry is broken.
    """
    if not root.is_dir():
        raise DataError("there is no such folder.", code="folder_missing", path=root)
    found = {split: root / f"{name}.json" for name, split in _SPLITS.items() if (root / f"{name}.json").is_file()}
    if not found:
        raise nothing_found(root, "train.json, val.json or test.json, and image/", "See https://vcc.tech/EmoSet.")
    return [
        _clip(entry, root, path, number, split)
        for split, path in found.items()
        for number, entry in enumerate(json_file(path, list), start=1)
    ]
