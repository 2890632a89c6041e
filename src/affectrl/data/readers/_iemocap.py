"""IEMOCAP: ten actors in five sessions, improvised and scripted dialogues, labelled turn by turn.

In ``Session1/`` to ``Session5/``: ``dialog/EmoEvaluation/DIALOGUE.txt`` has a line
``[start - end]<tab>TURN<tab>code<tab>[valence, activation, dominance]`` for each turn,
``dialog/transcriptions/DIALOGUE.txt`` lines ``TURN [start-end]: text``, ``dialog/avi/DivX/DIALOGUE.avi`` the film of
the dialogue, ``sentences/wav/DIALOGUE/TURN.wav`` the turn's sound. Source: the release's own folders as
``MERBench/toolkit/preprocess/iemocap.py`` of MERTools and the datasheet of Busso et al. 2008
(doi:10.1007/s10579-008-9076-6) describe them.

The last letter group of a turn (``F000``, ``M012``) says who speaks; the letter in the dialogue's name says who wore
the markers. Films show both people side by side, whoever wore the markers on the left (same source).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from affectrl.data.clip import Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.data.readers._table import make_clip, row_error
from affectrl.errors import DataError

ASK = "https://sail.usc.edu/iemocap/"
LICENCE = "agreement, academic research"
OTHERS = frozenset({"neu", "hap", "sad", "ang", "exc", "fru", "sur", "fea", "dis", "oth", "xxx"})
"""All codes of the owners' files; xxx is for raters who did not agree."""
_TURN = re.compile(r"\[(\d+\.?\d*) - (\d+\.?\d*)\]\t(\S+)\t(\w+)\t\[(.+)\]")
_SPOKEN = re.compile(r"(Ses\S+) \[[\d.]+\s*-\s*[\d.]+\]:\s*(.*)")
_NAME = re.compile(r"(Ses0[1-5])([FM])_\w+_([FM])\d+")


def _latin(path: Path) -> str:
    # A few transcripts hold a byte that is no UTF-8.
    return path.read_bytes().decode("utf-8", "replace")


def _texts(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(folder.glob("Ses*.txt")):
        for line in _latin(path).splitlines():
            match = _SPOKEN.fullmatch(line.strip())
            if match:
                found[match[1]] = match[2].strip()
    return found


def _rating(cell: str, path: Path, line: int) -> dict[str, float]:
    try:
        valence, activation, dominance = (float(part) for part in cell.split(","))
    except ValueError:
        raise row_error(path, line, f"expected [valence, activation, dominance], found [{cell}].") from None
    return {"valence": valence, "activation": activation, "dominance": dominance}


def _media(session: Path, dialogue: str, turn: str, start: float, end: float) -> dict[str, Any]:
    """The stretch of the film where films are there, else the turn's own sound file."""
    films = session / "dialog/avi/DivX"
    if films.is_dir():
        return {"video": films / f"{dialogue}.avi", "start": start, "end": end}
    sounds = session / "sentences/wav"
    return {"audio": sounds / dialogue / f"{turn}.wav"} if sounds.is_dir() else {}


def _turns(session: Path, path: Path, texts: Mapping[str, str], codes: Mapping[str, str]) -> Iterator[Clip]:
    for line, text in enumerate(_latin(path).splitlines(), start=1):
        match = _TURN.fullmatch(text.strip())
        if not match:
            # Between the turns stand the single raters' lines (C-E1:, A-M1:) and blanks.
            continue
        start, end, turn, code = float(match[1]), float(match[2]), match[3], match[4]
        name = _NAME.fullmatch(turn)
        if code not in OTHERS:
            raise row_error(path, line, f"{code!r} is no code of IEMOCAP; it has {', '.join(sorted(OTHERS))}.")
        if name is None:
            raise row_error(path, line, f"expected a turn such as Ses01F_impro01_F000, found {turn!r}.")
        rating = _rating(match[5], path, line)
        if code not in codes:
            continue
        side = "left" if name[2] == name[3] else "right"
        yield make_clip(
            path,
            line,
            id=turn,
            text=texts.get(turn),
            labels=(codes[code],),
            speaker=f"{name[1]}{name[3]}",
            group="female" if name[3] == "F" else "male",
            split=session.name.lower(),
            extras={"code": code, "dialogue": path.stem, "side": side, **rating},
            **_media(session, path.stem, turn, start, end),
        )


def read_iemocap(root: Path, codes: Mapping[str, str]) -> list[Clip]:
    """The turns whose code is among ``codes`` (code -> label), by session and dialogue.

    Raises:
        DataError: No session is there, or a line of one is broken.
    """
    if not root.is_dir():
        raise DataError("there is no such folder.", code="folder_missing", path=root)
    inner = root / "IEMOCAP_full_release"
    sessions = sorted((inner if inner.is_dir() else root).glob("Session[1-5]"))
    files = {session: sorted((session / "dialog/EmoEvaluation").glob("Ses*.txt")) for session in sessions}
    if not any(files.values()):
        expected = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt and its like"
        raise nothing_found(root, expected, f"Ask for IEMOCAP at {ASK}.")
    clips: list[Clip] = []
    for session, paths in files.items():
        texts = _texts(session / "dialog/transcriptions")
        for path in paths:
            # Copies that macOS leaves in the release start with "._" and are not matched by Ses*.
            clips.extend(_turns(session, path, texts, codes))
    return clips
