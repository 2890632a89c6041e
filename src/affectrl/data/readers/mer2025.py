"""MER 2025, track 1: six emotions, 7,369 labelled clips, and 20,000 candidates among which the test is hidden.

``track1_train_disdim.csv`` (name, discrete, valence), ``track_all_candidates.csv`` (name), ``track1_test_dis.csv``
(name, discrete) for those who have it, ``video/``, ``audio/`` and ``subtitle_chieng.csv`` (name, chinese, english);
source: ``MER2025/README.md`` and ``MER2025_Track1/toolkit/preprocess/mer2025.py`` of MERTools. Tracks 2 and 3 are the
readers ``mer-caption-plus`` and ``ov-merd``. Lian et al. 2025, arXiv:2504.19423.
"""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.data.readers._mer import EULA, Release, candidates, discrete, need_folder

NAME = "mer2025"
LABEL_SET = "mer2024"
LICENCE = "EULA, academic research"
ABOUT = (
    "Multimodal Emotion Recognition challenge 2025, track 1: 7,369 labelled Chinese clips in six emotions, and 20,000 "
    f"candidates without labels (split candidates). {EULA} Ask for access at "
    "https://huggingface.co/datasets/MERChallenge/MER2025 (an EULA to fill in), and unpack video, audio and the tables "
    "into one folder. Lian et al. 2025."
)

_LABELLED = {"train": "track1_train_disdim.csv", "test": "track1_test_dis.csv"}
_CANDIDATES = "track_all_candidates.csv"


def read(root: Path) -> list[Clip]:
    """The clips of the tables that are there: ``train``, ``test`` and, without labels, ``candidates``.

    Raises:
        DataError: None of the tables is there, or one is not as it should be.
    """
    need_folder(root)
    found = {split: root / name for split, name in _LABELLED.items() if (root / name).is_file()}
    more = root / _CANDIDATES
    if not found and not more.is_file():
        expected = f"{_LABELLED['train']} (columns name, discrete) and video/ or audio/"
        raise nothing_found(root, expected, "Ask for MER2025 at https://huggingface.co/datasets/MERChallenge/MER2025.")
    release = Release(root)
    clips = [clip for split, path in found.items() for clip in discrete(path, release, split, LABEL_SET)]
    if more.is_file():
        clips.extend(candidates(more, release, {clip.id for clip in clips}))
    return clips
