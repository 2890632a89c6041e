"""MERR: clips of MER 2023 with pseudo-labels and multimodal descriptions; Emotion-LLaMA's training set.

``MERR_coarse_grained.json`` and ``MERR_fine_grained.json`` map a name to ``pseu_emotion`` and the description
(``caption``, fine: ``smp_reason_caption``), the peak frame and its action units, the tone of voice and the text;
``video/`` has the films (.mp4 or .avi), ``transcription_en_all.csv`` (name, sentence) what is said. Source: README,
``docs/dataset/configuration.md`` and ``first_face.py`` of github.com/ZebangCheng/Emotion-LLaMA. Cheng et al. 2024,
arXiv:2406.11161.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from affectrl.data.clip import Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.data.readers._mer import EULA, Release, need_folder
from affectrl.data.readers._table import json_file, label_in, row_error

NAME = "merr"
LABEL_SET = "merr9"
LICENCE = "CC BY-NC 4.0 and EULA"
ABOUT = (
    "MERR, Emotion-LLaMA's training set: 28,618 clips of MER2023 with a coarse description, 4,487 of them with a fine "
    "one (splits coarse and fine), in nine emotions by rule. Annotations CC BY-NC 4.0 with an EULA, from "
    "https://github.com/ZebangCheng/Emotion-LLaMA; the films come with MER2023. "
    f"{EULA} Give the folder with MERR_fine_grained.json or MERR_coarse_grained.json and video/ in it. Cheng et al. "
    "2024."
)

_FILES = {
    "fine": ("MERR_fine_grained.json", "smp_reason_caption"),
    "coarse": ("MERR_coarse_grained.json", "caption"),
}
_KEPT = {
    "AU_list": "action_units",
    "peak_AU_list": "peak_action_units",
    "peak_index": "peak_frame",
    "visual_prior_list": "visual_cues",
    "audio_prior_list": "audio_cues",
}


def _clip(name: str, entry: Any, path: Path, caption: str, split: str, release: Release) -> Clip:
    if not isinstance(entry, dict):
        raise row_error(path, name, f"expected an object, found {type(entry).__name__}.")
    lacking = [key for key in ("pseu_emotion", caption) if not isinstance(entry.get(key), str)]
    if lacking:
        found = ", ".join(entry) or "nothing"
        raise row_error(path, name, f"lacks {', '.join(lacking)}; found {found}.")
    label = label_in(LABEL_SET, entry["pseu_emotion"].strip(), path, name)
    extras = {ours: entry[key] for key, ours in _KEPT.items() if key in entry}
    text = entry.get("text")
    fields = {"labels": (label,), "reasoning": entry[caption] or None, "split": split, "extras": extras}
    return release.clip(name, path, name, text=text if isinstance(text, str) else None, **fields)


def read(root: Path) -> list[Clip]:
    """One clip a name: with its fine description where it has one (split ``fine``), else the coarse one (``coarse``).

    Raises:
        DataError: Neither file is there, or an entry is not as it should be.
    """
    need_folder(root)
    found = {split: (root / name, key) for split, (name, key) in _FILES.items() if (root / name).is_file()}
    if not found:
        expected = "MERR_fine_grained.json or MERR_coarse_grained.json, and video/"
        raise nothing_found(root, expected, "Get MERR from https://github.com/ZebangCheng/Emotion-LLaMA.")
    release = Release(root)
    clips: dict[str, Clip] = {}
    for split, (path, caption) in found.items():
        for name, entry in json_file(path, dict).items():
            if name not in clips:
                clips[name] = _clip(name, entry, path, caption, split, release)
    return list(clips.values())
