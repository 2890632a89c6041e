"""CH-SIMS v2.0, supervised part (``ch-simsv2s``): CH-SIMS anew with more clips in which the picture matters.

``meta.csv`` and ``Raw/VIDEO/CLIP.mp4``; source: ``MERBench/toolkit/preprocess/simsv2.py`` of MERTools. The unlabelled
part (``ch-simsv2u``) is not read. Liu et al. 2022, doi:10.1145/3536221.3556630.
"""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._sentiment import read_sentiment

NAME = "ch-sims-v2"
LABEL_SET = "sentiment3"
LICENCE = "academic research"
ABOUT = (
    "CH-SIMS v2.0: 4,403 Chinese clips of films and television, sentiment from -1 to 1; 2,722 for training, 647 for "
    "validation, 1,034 for test. For academic research. Ask for it as https://github.com/thuiar/ch-sims-v2 says; give "
    "the folder ch-simsv2s with meta.csv and Raw/ in it. Liu et al. 2022."
)


def read(root: Path) -> list[Clip]:
    """All supervised clips in the owners' order. Speakers are not published.

    Raises:
        DataError: ``meta.csv`` is not there, or a row of it is broken.
    """
    return read_sentiment(root, 1, "Ask for CH-SIMS v2.0 at https://github.com/thuiar/ch-sims-v2.", one_speaker=False)
