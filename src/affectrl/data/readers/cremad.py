"""CREMA-D: 91 actors say twelve English sentences in six emotions; crowds say what they hear, see, and both.

The name of a file says all: actor, sentence, emotion, intensity, such as ``1001_IEO_NEU_XX``. ``AudioWAV/`` has the
sound, ``VideoFlash/`` the film with sound (.flv), ``VideoDemographics.csv`` (ActorID, Age, Sex, Race, Ethnicity) the
actors, ``processedResults/summaryTable.csv`` (FileName, then vote and level by voice, face and both) the crowd. Source:
the owners' repository, github.com/CheyneyComputerScience/CREMA-D. Cao et al. 2014, doi:10.1109/TAFFC.2014.2336244.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from affectrl.data.clip import Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.data.readers._media import MediaFolder
from affectrl.data.readers._table import label_in, make_clip, row_error, table_rows
from affectrl.emotions import label_set
from affectrl.errors import DataError

NAME = "cremad"
LABEL_SET = "cremad"
LICENCE = "ODbL 1.0"
ABOUT = (
    "Crowd-sourced Emotional Multimodal Actors Dataset: 91 actors say twelve English sentences in six emotions, 7,442 "
    "clips; the label is what the actor was to show, the crowd's votes stand in the extras. Open Database License 1.0. "
    "Get it from https://github.com/CheyneyComputerScience/CREMA-D (git lfs) and give that folder, or one with "
    "AudioWAV/ or VideoFlash/ in it. Cao et al. 2014."
)

_SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
_INTENSITIES = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified", "X": "unspecified"}
_NAME = re.compile(r"(1\d{3})_([A-Z]{3})_([A-Z]{3})_(LO|MD|HI|XX?)")
_VOTES = {"VoiceVote": "voice_vote", "FaceVote": "face_vote", "MultiModalVote": "both_vote"}


def _actors(root: Path) -> dict[str, str]:
    """Sex, in lower case, by actor."""
    path = root / "VideoDemographics.csv"
    rows = table_rows(path, ("ActorID", "Sex")) if path.is_file() else ()
    return {row["ActorID"]: row["Sex"].lower() for _, row in rows}


def _crowd(root: Path) -> dict[str, dict[str, list[str]]]:
    """What most of the crowd chose, by clip; several emotions where they tie (``A:D``)."""
    path = next(
        (p for p in (root / "processedResults/summaryTable.csv", root / "summaryTable.csv") if p.is_file()), None
    )
    codes = label_set(LABEL_SET).codes
    found: dict[str, dict[str, list[str]]] = {}
    for line, row in table_rows(path, ("FileName", *_VOTES)) if path else ():
        votes: dict[str, list[str]] = {}
        for column, ours in _VOTES.items():
            letters = row[column].split(":")
            if path and (strange := [letter for letter in letters if letter not in codes]):
                raise row_error(path, line, f"{column}: {strange[0]!r} is no emotion; expected A, D, F, H, N, S.")
            votes[ours] = [codes[letter] for letter in letters]
        found[row["FileName"]] = votes
    return found


def read(root: Path) -> list[Clip]:
    """One clip a performance: its film, its sound, or both, in the order of the names. No split is published.

    Raises:
        DataError: No file of the published names is there, or a table is not as it should be.
    """
    if not root.is_dir():
        raise DataError("there is no such folder.", code="folder_missing", path=root)
    sounds = dict(MediaFolder(root, ("AudioWAV", "."), "audio", ".wav").paths())
    films = dict(MediaFolder(root, ("VideoFlash", "."), "video", ".flv").paths())
    names = sorted(name for name in {*sounds, *films} if _NAME.fullmatch(name))
    if not names:
        expected = "AudioWAV/1001_IEO_NEU_XX.wav or VideoFlash/1001_IEO_NEU_XX.flv and their like"
        raise nothing_found(root, expected, "Get it from https://github.com/CheyneyComputerScience/CREMA-D.")
    actors, crowd = _actors(root), _crowd(root)
    return [_clip(root, name, films.get(name), sounds.get(name), actors, crowd.get(name, {})) for name in names]


def _clip(
    root: Path, name: str, film: Path | None, sound: Path | None, actors: dict[str, str], votes: dict[str, Any]
) -> Clip:
    match = _NAME.fullmatch(name)
    actor, sentence, emotion, intensity = match.groups() if match else ("", "", "", "")
    return make_clip(
        root,
        name,
        id=name,
        video=film,
        audio=sound,
        text=_SENTENCES.get(sentence),
        labels=(label_in(LABEL_SET, emotion, root, name),),
        speaker=actor,
        group=actors.get(actor),
        extras={"intensity": _INTENSITIES[intensity], "sentence": sentence, **votes},
    )
