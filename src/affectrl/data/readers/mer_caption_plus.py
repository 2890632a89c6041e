"""MER-Caption+: open-vocabulary labels and descriptions, written by models and filtered; AffectGPT's training set.

``track2_train_mercaptionplus.csv`` (name, openset) and ``track3_train_mercaptionplus.csv`` (name, reason) beside the
media and ``subtitle_chieng.csv`` of MER 2025; MER 2026 has the first table only. Source: ``mercaptionplus_dataset.py``
of MER2025_Track23 in MERTools. Lian et al. 2025, AffectGPT, arXiv:2501.16566.
"""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._mer import EULA, open_vocabulary

NAME = "mer-caption-plus"
LABEL_SET = None
LICENCE = "EULA, academic research"
ABOUT = (
    "MER-Caption+, AffectGPT's training set: 31,327 Chinese clips with emotion words and a description, by models. "
    f"{EULA} It comes with MER2025; ask at https://huggingface.co/datasets/MERChallenge/MER2025 (an EULA to fill in). "
    "Give the folder with track2_train_mercaptionplus.csv and video/ or audio/ in it. Lian et al. 2025."
)


def read(root: Path) -> list[Clip]:
    """The clips of the table, split ``train``; the description is the reasoning.

    Raises:
        DataError: The table is not there, or not as it should be.
    """
    hint = "Ask for MER2025 at https://huggingface.co/datasets/MERChallenge/MER2025."
    names = ("track2_train_mercaptionplus.csv", "track3_train_mercaptionplus.csv")
    return open_vocabulary(root, *names, "train", hint)
