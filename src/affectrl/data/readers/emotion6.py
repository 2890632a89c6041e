"""Emotion6: 1,980 photographs, found by six emotion words, with the distribution of what people felt.

``images/anger/1.jpg`` and its like, and ``ground_truth.txt``: tab-separated, its first line the header
``[image_filename] [valence] [arousal] [prob. anger] ... [prob. neutral]``. Source: ``readme.txt`` of the release. The
label is the folder's word, as EMO-R3 and others score it; the votes, with neutral as a seventh, stand in the extras.
Peng et al. 2015, doi:10.1109/CVPR.2015.7298687.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from affectrl.data.clip import SUFFIXES, Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.data.readers._table import make_clip, number, row_error, text_of
from affectrl.emotions import label_set
from affectrl.errors import DataError

NAME = "emotion6"
LABEL_SET = "emotion6"
LICENCE = "academic research"
_ZIP = "http://chenlab.ece.cornell.edu/people/kuanchuan/publications/Emotion6.zip"
ABOUT = (
    "Cornell Emotion6: 1,980 photographs from Flickr in six emotions, 330 each; no split is published. For academic "
    "research; copyright remains with the photographers. Get it from "
    f"{_ZIP} and give the folder with images/ and "
    "ground_truth.txt in it. Peng et al. 2015."
)

_COLUMNS = ("valence", "arousal", *(f"p_{word}" for word in ("anger", "disgust", "fear", "joy", "sadness", "surprise")))
_ALL = (*_COLUMNS, "p_neutral")


def _votes(path: Path) -> dict[str, dict[str, Any]]:
    """Valence, arousal (1 to 9) and shares of votes by image, such as ``disgust/1.jpg``."""
    found: dict[str, dict[str, Any]] = {}
    for line, text in enumerate(text_of(path).splitlines()[1:], start=2):
        cells = [cell.strip() for cell in text.split("\t")]
        if not text.strip():
            continue
        if len(cells) != len(_ALL) + 1:
            message = f"expected {len(_ALL) + 1} cells between tabs (image, {', '.join(_ALL)}), found {len(cells)}."
            raise row_error(path, line, message)
        found[cells[0]] = {key: number(cell, path, line, key) for key, cell in zip(_ALL, cells[1:], strict=True)}
    return found


def read(root: Path) -> list[Clip]:
    """All images, by emotion and name.

    Raises:
        DataError: The images are not there, or a line of ``ground_truth.txt`` is broken.
    """
    if not root.is_dir():
        raise DataError("there is no such folder.", code="folder_missing", path=root)
    images, table = root / "images", root / "ground_truth.txt"
    votes = _votes(table) if table.is_file() else {}
    names = {
        f"{label}/{path.name}": label
        for label in label_set(LABEL_SET).labels
        if (images / label).is_dir()
        for path in sorted((images / label).iterdir(), key=lambda path: (len(path.stem), path.stem))
        if path.suffix.lower() in SUFFIXES["image"]
    }
    # An image that only the table names is missing, and whoever opens it says so.
    names.update({name: name.partition("/")[0] for name in votes if name not in names})
    strange = next((name for name, label in names.items() if label not in label_set(LABEL_SET).labels), None)
    if strange is not None:
        raise row_error(table, None, f"{strange!r} does not begin with one of the six emotions.")
    if not names:
        expected = "images/anger/1.jpg and its like, and ground_truth.txt"
        raise nothing_found(root, expected, f"Get it from {_ZIP}.")
    return [
        make_clip(table, name, id=name, image=images / name, labels=(label,), extras=votes.get(name, {}))
        for name, label in names.items()
    ]
