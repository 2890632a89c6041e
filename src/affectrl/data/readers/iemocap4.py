"""IEMOCAP in four classes: angry, happy (with excited), sad, neutral; see ``_iemocap.py`` for the layout."""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._iemocap import ASK, LICENCE, read_iemocap

__all__ = ["ABOUT", "LABEL_SET", "LICENCE", "NAME", "read"]

NAME = "iemocap4"
LABEL_SET = "iemocap4"
ABOUT = (
    "IEMOCAP in four classes: 5,531 turns of ten actors in English dialogues, excited counted as happy, turns of other "
    "classes left out; splits session1 to session5. Academic research only, after an agreement that the institution "
    f"signs; ask at {ASK}. Give the folder with Session1/ to Session5/ in it; iemocap6 has six classes. Busso et al. "
    "2008."
)

_CODES = {"ang": "angry", "hap": "happy", "exc": "happy", "sad": "sad", "neu": "neutral"}


def read(root: Path) -> list[Clip]:
    """The turns of the four classes, by session and dialogue; a turn's window of the film, or its sound file.

    Raises:
        DataError: No session is there, or a line of one is broken.
    """
    return read_iemocap(root, _CODES)
