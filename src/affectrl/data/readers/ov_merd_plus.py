"""OV-MERD+: MER-UniBench's fine-grained test set, 532 clips with open-vocabulary labels.

``ovlabel.csv`` (name, openset), ``subtitle_eng.csv`` (name, sentence), ``video/`` and ``audio/``, the folder that the
owners call ``ovmerdplus-process``; source: ``config.py`` and ``ovmerdplus_dataset.py`` of AffectGPT. Lian et al. 2025,
arXiv:2501.16566.
"""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._mer import EULA, open_vocabulary

NAME = "ov-merd-plus"
LABEL_SET = None
LICENCE = "EULA, academic research"
ABOUT = (
    "OV-MERD+, the fine-grained part of MER-UniBench: 532 Chinese clips with any number of emotion words. "
    f"{EULA} Get it as https://github.com/zeroQiaoba/AffectGPT says (MER-UniBench, ovmerdplus-process) and give that "
    "folder, with ovlabel.csv and video/ or audio/ in it. Lian et al. 2025."
)


def read(root: Path) -> list[Clip]:
    """The clips of the table, split ``test``.

    Raises:
        DataError: The table is not there, or not as it should be.
    """
    hint = "See MER-UniBench at https://github.com/zeroQiaoba/AffectGPT."
    return open_vocabulary(root, "ovlabel.csv", None, "test", hint)
