"""CMU-MOSI: opinions in YouTube monologues, with a sentiment from -3 to 3; the layout is MMSA's (``_sentiment.py``).

The owners' own SDK publishes features (``.csd``) and cut films instead; those files are not read. Zadeh et al. 2016,
MOSI, arXiv:1606.06259.
"""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._sentiment import read_sentiment

NAME = "cmu-mosi"
LABEL_SET = "sentiment3"
LICENCE = "academic research"
ABOUT = (
    "CMU-MOSI: 2,199 English opinion clips from 93 YouTube monologues, sentiment from -3 to 3; 1,284 for training, 229 "
    "for validation, 686 for test. For academic research; the films belong to those who made them. Get it as "
    "https://github.com/thuiar/MMSA says (label.csv and Raw/), or from http://multicomp.cs.cmu.edu. Zadeh et al. 2016."
)


def read(root: Path) -> list[Clip]:
    """All clips in the owners' order; the speaker is the film, each of which shows one person.

    Raises:
        DataError: ``label.csv`` is not there, or a row of it is broken.
    """
    return read_sentiment(root, 3, "Get CMU-MOSI as https://github.com/thuiar/MMSA says.", one_speaker=True)
