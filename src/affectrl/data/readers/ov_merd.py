"""OV-MERD: 332 clips of MER 2023 with open-vocabulary labels and descriptions, checked by people.

``track2_train_ovmerd.csv`` (name, openset) and ``track3_train_ovmerd.csv`` (name, reason) beside the media and
``subtitle_chieng.csv`` of MER 2025; source: ``ovmerd_dataset.py`` of MER2025_Track23 in MERTools. Lian et al. 2024,
OV-MER, arXiv:2410.01495.
"""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._mer import EULA, open_vocabulary

NAME = "ov-merd"
LABEL_SET = None
LICENCE = "EULA, academic research"
ABOUT = (
    "OV-MERD: 332 Chinese clips with any number of emotion words and a description, checked by people. "
    f"{EULA} It comes with MER2025; ask at https://huggingface.co/datasets/MERChallenge/MER2025 (an EULA to fill in). "
    "Give the folder with track2_train_ovmerd.csv and video/ or audio/ in it. Lian et al. 2024."
)


def read(root: Path) -> list[Clip]:
    """The clips of the table, split ``train``; the description is the reasoning.

    Raises:
        DataError: The table is not there, or not as it should be.
    """
    hint = "Ask for MER2025 at https://huggingface.co/datasets/MERChallenge/MER2025."
    return open_vocabulary(root, "track2_train_ovmerd.csv", "track3_train_ovmerd.csv", "train", hint)
