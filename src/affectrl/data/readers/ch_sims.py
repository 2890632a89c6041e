"""CH-SIMS: Chinese film and television clips, with a sentiment from -1 to 1 overall and by each modality alone.

``label.csv`` and ``Raw/`` as MMSA gives them out (``_sentiment.py``). The first release, with ``metadata/`` and index
files, is not read. Yu et al. 2020, CH-SIMS, doi:10.18653/v1/2020.acl-main.343.
"""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._sentiment import read_sentiment

NAME = "ch-sims"
LABEL_SET = "sentiment3"
LICENCE = "academic research"
ABOUT = (
    "CH-SIMS: 2,281 Chinese clips of films and television, sentiment from -1 to 1; 1,368 for training, 456 for "
    "validation, 457 for test. For academic research. Get it as https://github.com/thuiar/MMSA says (label.csv and "
    "Raw/). Yu et al. 2020."
)


def read(root: Path) -> list[Clip]:
    """All clips in the owners' order. Speakers are not published.

    Raises:
        DataError: ``label.csv`` is not there, or a row of it is broken.
    """
    return read_sentiment(root, 1, "Get CH-SIMS as https://github.com/thuiar/MMSA says.", one_speaker=False)
