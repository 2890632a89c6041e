"""RAVDESS: acted English speech and song by 24 actors, audio and video, eight emotions.

The name of a file says all: modality-channel-emotion-intensity-statement-repetition-actor, two digits each.
"""

from __future__ import annotations

import re
from pathlib import Path

from affectrl.data.clip import Clip, modality_of_suffix
from affectrl.data.readers._folder import nothing_found, recordings
from affectrl.emotions import label_set

NAME = "ravdess"
LABEL_SET = "ravdess"
LICENCE = "CC BY-NC-SA 4.0"
ABOUT = (
    "Ryerson Audio-Visual Database of Emotional Speech and Song: 24 actors say (and sing) two sentences in eight "
    "emotions. Licence CC BY-NC-SA 4.0. Get it from https://zenodo.org/records/1188976 and unpack the archives into "
    "one folder; Actor_NN folders and a flat folder are both read, .wav, .flac and .mp4. Livingstone and Russo 2018."
)

_STATEMENTS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
_MODALITIES = {"01": "audio-video", "02": "video-only", "03": "audio-only"}
_CHANNELS = {"01": "speech", "02": "song"}
_INTENSITIES = {"01": "normal", "02": "strong"}
_NAME = re.compile(r"(0[123])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)")


def _clip(path: Path, parts: tuple[str, ...]) -> Clip:
    modality, channel, emotion, intensity, statement, repetition, actor = parts
    is_video = modality_of_suffix(path) == "video"
    return Clip(
        id=path.stem,
        video=path if is_video else None,
        audio=None if is_video else path,
        text=_STATEMENTS[statement],
        use_video_audio=modality != "02",
        labels=(label_set(LABEL_SET).labels[int(emotion) - 1],),
        speaker=actor,
        group="female" if int(actor) % 2 == 0 else "male",
        extras={
            "modality": _MODALITIES[modality],
            "channel": _CHANNELS[channel],
            "intensity": _INTENSITIES[intensity],
            "statement": int(statement),
            "repetition": int(repetition),
        },
    )


def read(root: Path) -> list[Clip]:
    """All clips below a folder, in the order of their names. The owners publish no split.

    The sound alone (03) and the film with its sound (01) of one performance are two clips, as published.

    Raises:
        DataError: No file of the published names is there.
    """
    clips = recordings(root, {".wav", ".flac", ".mp4"}, _NAME, _clip)
    if not clips:
        expected = "Actor_01/03-01-01-01-01-01-01.wav and its like (.wav, .flac or .mp4)"
        raise nothing_found(root, expected, "Get RAVDESS from https://zenodo.org/records/1188976.")
    return [clips[name] for name in sorted(clips, key=lambda name: (name[-2:], name))]
