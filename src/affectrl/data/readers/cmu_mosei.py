"""CMU-MOSEI: opinions of a thousand YouTube speakers, with a sentiment from -3 to 3; the layout is MMSA's.

The set's six emotions stand only in the owners' ``CMU_MOSEI_Labels.csd`` (HDF5), which MMSA leaves out and this reader
does not read. Zadeh et al. 2018, doi:10.18653/v1/P18-1208.
"""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._sentiment import read_sentiment

NAME = "cmu-mosei"
LABEL_SET = "sentiment3"
LICENCE = "academic research"
ABOUT = (
    "CMU-MOSEI: 22,856 English opinion clips from YouTube monologues, sentiment from -3 to 3; 16,326 for training, "
    "1,871 for validation, 4,659 for test. For academic research; the films belong to those who made them. Get it as "
    "https://github.com/thuiar/MMSA says (label.csv and Raw/), or from http://multicomp.cs.cmu.edu. Zadeh et al. 2018."
)


def read(root: Path) -> list[Clip]:
    """All clips in the owners' order; the speaker is the film, each of which shows one person.

    Raises:
        DataError: ``label.csv`` is not there, or a row of it is broken.
    """
    return read_sentiment(root, 3, "Get CMU-MOSEI as https://github.com/thuiar/MMSA says.", one_speaker=True)
