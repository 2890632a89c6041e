"""MER 2026, track 1 (MER-Cross): six emotions; trained on who speaks, tested on who listens.

``track1_train.csv`` (name, discrete), ``track1_track2_candidate.csv`` (name), ``video/``, ``audio/`` and
``subtitle_chieng.csv`` (name, chinese, english); source: ``MER2026/README.md`` of MERTools. Track 2 is the reader
``mer2026-fg`` (labels by people) and ``mer-caption-plus``; track 3 compares pairs of descriptions and holds no clips
with labels.
"""

from __future__ import annotations

from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.data.readers._mer import EULA, Release, candidates, discrete, need_folder

NAME = "mer2026"
LABEL_SET = "mer2024"
LICENCE = "EULA, academic research"
ABOUT = (
    "Multimodal Emotion Recognition challenge 2026, track 1: 9,395 labelled Chinese clips in six emotions, and 20,000 "
    f"candidates without labels (split candidates). {EULA} Ask for access at "
    "https://huggingface.co/datasets/MERChallenge/MER2026 (an EULA to fill in), and unpack video, audio and the tables "
    "into one folder. See https://zeroqiaoba.github.io/MER-Challenge/."
)

_TRAIN = "track1_train.csv"
_CANDIDATES = "track1_track2_candidate.csv"


def read(root: Path) -> list[Clip]:
    """The clips of the tables that are there: ``train`` and, without labels, ``candidates``.

    Raises:
        DataError: Neither table is there, or one is not as it should be.
    """
    need_folder(root)
    train, more = root / _TRAIN, root / _CANDIDATES
    if not train.is_file() and not more.is_file():
        expected = f"{_TRAIN} (columns name, discrete) and video/ or audio/"
        raise nothing_found(root, expected, "Ask for MER2026 at https://huggingface.co/datasets/MERChallenge/MER2026.")
    release = Release(root)
    clips = list(discrete(train, release, "train", LABEL_SET)) if train.is_file() else []
    if more.is_file():
        clips.extend(candidates(more, release, {clip.id for clip in clips}))
    return clips
