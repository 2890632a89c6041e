"""MER 2024: the six emotions of MER 2023 on more clips, with a noisy and a large unlabelled part.

``label-disdim.csv`` (name, discrete) with ``video-labeled/`` and ``label-transcription.csv`` (name, chinese, english);
source: ``toolkit/preprocess/mer2024.py`` of MERTools. The tests' labels were given out after the challenge; the code
calls MER-SEMI's ``semi-label.csv``, and users' copies have ``reference-semi.csv`` and ``reference-noise.csv``; we could
not confirm those two names with the owners. Lian et al. 2024, arXiv:2404.17113.
"""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.data.readers._mer import EULA, Release, discrete, need_folder

NAME = "mer2024"
LABEL_SET = "mer2024"
LICENCE = "EULA, academic research"
ABOUT = (
    "Multimodal Emotion Recognition challenge 2024: Chinese clips in six emotions; 5,030 for training, 1,169 and 1,170 "
    f"for MER-SEMI and MER-NOISE. {EULA} Ask for access with the EULA that "
    "https://github.com/zeroQiaoba/MERTools/tree/master/MER2024 names. Give the folder with label-disdim.csv, "
    "label-transcription.csv and video-labeled/ in it. Lian et al. 2024."
)

_TESTS = {"semi": ("semi-label.csv", "reference-semi.csv"), "noise": ("noise-label.csv", "reference-noise.csv")}
_UNLABELLED = ("video-unlabeled-with-test2noise", "video-unlabeled", "video")


def read(root: Path) -> list[Clip]:
    """The labelled clips: ``train``, and ``semi`` and ``noise`` where their tables are there.

    Raises:
        DataError: None of the tables is there, or one is not as it should be.
    """
    need_folder(root)
    train = root / "label-disdim.csv"
    tests = {split: path for split, names in _TESTS.items() for name in names[::-1] if (path := root / name).is_file()}
    if not train.is_file() and not tests:
        expected = "label-disdim.csv (columns name, discrete) and video-labeled/"
        raise nothing_found(root, expected, "See https://github.com/zeroQiaoba/MERTools/tree/master/MER2024.")
    clips: list[Clip] = []
    if train.is_file():
        clips.extend(discrete(train, Release(root, ("video-labeled", "video")), "train", LABEL_SET))
    if tests:
        release = Release(root, _UNLABELLED)
        clips.extend(clip for split, path in tests.items() for clip in discrete(path, release, split, LABEL_SET))
    return clips
