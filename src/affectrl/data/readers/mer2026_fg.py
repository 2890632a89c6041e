"""MER 2026, track 2 (MER-FG): open-vocabulary labels by people.

``track2_train_human.csv`` (name, openset) beside MER 2026's media and subtitles; source: ``MER2026/README.md`` of
MERTools. The machine-made labels of the same track are the reader ``mer-caption-plus``.
"""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._mer import EULA, open_vocabulary

NAME = "mer2026-fg"
LABEL_SET = None
LICENCE = "EULA, academic research"
ABOUT = (
    "Multimodal Emotion Recognition challenge 2026, track 2: 1,532 Chinese clips with any number of emotion words by "
    f"people. {EULA} Ask for access at https://huggingface.co/datasets/MERChallenge/MER2026 (an EULA to fill in). Give "
    "the folder with track2_train_human.csv and video/ or audio/ in it."
)


def read(root: Path) -> list[Clip]:
    """The clips of the table, split ``train``.

    Raises:
        DataError: The table is not there, or not as it should be.
    """
    hint = "Ask for MER2026 at https://huggingface.co/datasets/MERChallenge/MER2026."
    return open_vocabulary(root, "track2_train_human.csv", None, "train", hint)
