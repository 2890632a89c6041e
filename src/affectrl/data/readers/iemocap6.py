"""IEMOCAP in six classes: happy, sad, neutral, angry, excited, frustrated; see ``_iemocap.py`` for the layout."""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._iemocap import ASK, LICENCE, read_iemocap
from affectrl.emotions import label_set

__all__ = ["ABOUT", "LABEL_SET", "LICENCE", "NAME", "read"]

NAME = "iemocap6"
LABEL_SET = "iemocap6"
ABOUT = (
    "IEMOCAP in six classes: 7,380 turns of ten actors in English dialogues, turns of other classes left out; splits "
    f"session1 to session5. Academic research only, after an agreement that the institution signs; ask at {ASK}. Give "
    "the folder with Session1/ to Session5/ in it; iemocap4 has four classes. Busso et al. 2008."
)


def read(root: Path) -> list[Clip]:
    """The turns of the six classes, by session and dialogue; a turn's window of the film, or its sound file.

    Raises:
        DataError: No session is there, or a line of one is broken.
    """
    return read_iemocap(root, label_set(LABEL_SET).codes)
