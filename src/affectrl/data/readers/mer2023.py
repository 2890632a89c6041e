"""MER 2023: Chinese film and television clips in six emotions, with a valence; one folder and one table a split.

``train-label.csv`` (name, discrete, valence) with ``train/``, and likewise ``test1`` (MER-MULTI), ``test2`` (MER-NOISE)
and ``test3`` (MER-SEMI, without valence); source: ``MERBench/toolkit/preprocess/mer2023.py`` of MERTools. Of the
unlabelled films in ``test3/`` only those that ``test3-label.csv`` names become clips. Lian et al. 2023,
arXiv:2304.08981.
"""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.data.readers._mer import EULA, Release, discrete, need_folder

NAME = "mer2023"
LABEL_SET = "mer2023"
LICENCE = "EULA, academic research"
ABOUT = (
    "Multimodal Emotion Recognition challenge 2023: Chinese clips in six emotions and a valence; 3,373 for training, "
    f"411, 412 and 834 for its three tests. {EULA} Ask for access at "
    "https://huggingface.co/datasets/MERChallenge/MER2023 (an EULA to fill in). Give the folder with train-label.csv "
    "and train/ in it; subtitles are read from transcription-engchi-polish.csv where it lies beside them. Lian et al. "
    "2023."
)

_SPLITS = ("train", "test1", "test2", "test3")


def read(root: Path) -> list[Clip]:
    """The labelled clips of the splits that are there, in the owners' order.

    Raises:
        DataError: None of the tables is there, or one is not as it should be.
    """
    need_folder(root)
    found = {split: root / f"{split}-label.csv" for split in _SPLITS if (root / f"{split}-label.csv").is_file()}
    if not found:
        expected = "train-label.csv (columns name, discrete, valence) and train/, or test1, test2, test3 likewise"
        raise nothing_found(root, expected, "Ask for MER2023 at https://huggingface.co/datasets/MERChallenge/MER2023.")
    return [
        clip
        for split, path in found.items()
        for clip in discrete(path, Release(root, videos=(split, "video")), split, LABEL_SET)
    ]
