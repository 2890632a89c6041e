"""WEBEmo: stock photographs found on the web by emotion words, in folders of classes.

Read are folders ``train/``, ``validation/`` and ``test/`` of class folders, or class folders alone, named after the 25
fine or the six middle emotions; this is the form that users' code works on (github.com search: ``partitioned_WEBEmo``).
We could not confirm the owners' own lists of files and numbers, and do not guess them. Panda et al. 2018,
arXiv:1808.02212.

Fine emotions become Parrott's primary ones (Parrott 2001, Emotions in Social Psychology, secondary to primary). He has
no ``confusion`` and no ``gratitude``, and we found no published place for them: such images have no label. The fine
word stands in ``extras["fine"]``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from affectrl.data.clip import SUFFIXES, Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.data.readers._table import make_clip, row_error
from affectrl.emotions import label_set
from affectrl.errors import DataError

NAME = "webemo"
LABEL_SET = "webemo6"
LICENCE = "academic research"
ABOUT = (
    "WEBEmo: about 268,000 stock photographs in 25 fine emotions that make six. For academic research; ask at "
    "https://rpand002.github.io/emotion.html. Give a folder of class folders, or one with train/, validation/ and "
    "test/ of such. Panda et al. 2018."
)

_FINE = {
    "love": "affection lust",
    "joy": "cheerfulness zest contentment pride optimism enthrallment relief",
    "surprise": "surprise",
    "anger": "irritability exasperation rage disgust envy",
    "sadness": "suffering sadness disappointment shame neglect sympathy",
    "fear": "horror nervousness",
}
_PRIMARY = {fine: primary for primary, words in _FINE.items() for fine in words.split()}
_NOWHERE = ("confusion", "gratitude")
# How users' copies of the folders are spelt.
_SPELT = {"cheerfullness": "cheerfulness", "irritabilty": "irritability"}
_SPLITS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}


def _classes(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _word(folder: Path) -> str:
    """The class of a folder, as we spell it.

    Raises:
        DataError: ``dataset_row``, it is none.
    """
    word = folder.name.strip().lower()
    word = _SPELT.get(word, word)
    if word not in {*label_set(LABEL_SET).labels, *_PRIMARY, *_NOWHERE}:
        known = ", ".join(dict.fromkeys((*label_set(LABEL_SET).labels, *_PRIMARY, *_NOWHERE)))
        raise row_error(folder, None, f"{folder.name!r} is no class of WEBEmo; it has {known}.")
    return word


def _images(folder: Path, split: str | None, fine: bool) -> Iterator[Clip]:
    word = _word(folder)
    label = _PRIMARY.get(word) if fine else word
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES["image"] and not path.name.startswith("."):
            name = f"{word}/{path.name}"
            yield make_clip(
                folder,
                path.name,
                id=f"{split}/{name}" if split else name,
                image=path,
                labels=(label,) if label else (),
                split=split,
                extras={"fine": word} if fine else {},
            )


def read(root: Path) -> list[Clip]:
    """All images, by split and class.

    Raises:
        DataError: There are no class folders with images, or one is no class of the set.
    """
    if not root.is_dir():
        raise DataError("there is no such folder.", code="folder_missing", path=root)
    splits = [(path, _SPLITS[path.name.lower()]) for path in _classes(root) if path.name.lower() in _SPLITS]
    split_folders = [(folder, split) for path, split in splits for folder in _classes(path)]
    folders: list[tuple[Path, str | None]] = [*split_folders] or [(path, None) for path in _classes(root)]
    # Surprise and sadness are names of both levels; the other folders tell which one this is.
    fine = any(_word(folder) not in label_set(LABEL_SET).labels for folder, _ in folders)
    clips = [clip for folder, split in folders for clip in _images(folder, split, fine)]
    if not clips:
        expected = "train/joy/*.jpg, or joy/*.jpg, and so on for the 25 or six emotions"
        raise nothing_found(root, expected, "See https://rpand002.github.io/emotion.html.")
    return clips
