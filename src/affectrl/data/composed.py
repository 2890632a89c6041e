"""Clips put together from several: one's voice, another's face, a third's words, each showing another emotion.

No file is written: a clip names its sound and its pictures separately. Composed clips are marked as such
(``extras.composed``) and are nobody's: what they measure is which channel a model believes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from affectrl.answers.parser import plain
from affectrl.data.clip import Clip
from affectrl.errors import DataError

Channel = Literal["voice", "face", "words"]
CHANNELS: tuple[Channel, ...] = ("voice", "face", "words")
_TRIES = 200


def channel_emotion(clip: Clip, channel: Channel) -> str | None:
    """What a channel of a clip shows: by the sandbox's record of it, else by the label; ``None`` without either.

    A channel of the sandbox that shows next to nothing has no emotion here, nor has one that disagrees on purpose with
    a label that nothing else records.
    """
    shown = clip.extras.get("modality_emotions")
    if isinstance(shown, Mapping):
        clear = clip.extras.get("strengths", {}).get(channel, 1.0) >= 0.45
        return str(shown[channel]) if channel in shown and clear else None
    return plain(clip.labels[0]) if clip.labels else None


def has(clip: Clip, channel: Channel) -> bool:
    """Whether a clip has the channel, over its whole length."""
    if clip.start is not None or clip.end is not None:
        return False
    if channel == "voice":
        return clip.audio is not None or (clip.video is not None and clip.use_video_audio)
    if channel == "face":
        return clip.video is not None or clip.image is not None
    return clip.text is not None


def recombine(
    sources: Mapping[Channel, Sequence[Clip]],
    n: int,
    *,
    seed: int = 0,
    name: Callable[[str], str | None] = lambda emotion: emotion,
) -> list[Clip]:
    """Clips whose channels all show different emotions.

    Args:
        sources: Clips to take each channel from; two or three channels.
        n: How many clips are made.
        seed: Of the draw.
        name: What an emotion is called in the result; ``None`` for one that is left out.

    Returns:
        Clips whose ``labels`` are the emotions of their channels, ``extras.modality_emotions`` says which is which,
        and ``extras.composed`` the id of each part. The speaker is that of the voice, or of the face without one.

    Raises:
        DataError: ``composed_few``: a channel shows fewer than two emotions, or nothing can be told apart.
    """
    by_channel: dict[Channel, dict[str, list[Clip]]] = {}
    for channel in CHANNELS:
        for clip in sources.get(channel, ()):
            shown = channel_emotion(clip, channel) if has(clip, channel) else None
            called = name(shown) if shown else None
            if called:
                by_channel.setdefault(channel, {}).setdefault(called, []).append(clip)
    poor = [c for c in by_channel if len(by_channel[c]) < len(by_channel)]
    if len(by_channel) < 2 or poor:
        what = f"{poor[0]} shows {len(by_channel[poor[0]])} emotions" if poor else "there are fewer than two channels"
        raise DataError(
            f"clips that disagree cannot be composed: {what}.",
            code="composed_few",
            hint="Give labelled clips with two channels or more, of several emotions each.",
        )
    draw = random.Random(seed)
    return [_composed(i, by_channel, draw) for i in range(n)]


def _composed(i: int, by_channel: Mapping[Channel, Mapping[str, list[Clip]]], draw: random.Random) -> Clip:
    shown: dict[Channel, str] = {}
    for _ in range(_TRIES):
        shown = {channel: draw.choice(sorted(clips)) for channel, clips in by_channel.items()}
        if len(set(shown.values())) == len(shown):
            break
    parts = {channel: draw.choice(by_channel[channel][emotion]) for channel, emotion in shown.items()}
    voice, face, words = (parts.get(channel) for channel in CHANNELS)
    person = voice or face
    return Clip(
        id=f"composed-{i:05d}",
        video=face.video if face else None,
        image=face.image if face and face.video is None else None,
        audio=(voice.audio or voice.video) if voice else None,
        use_video_audio=False,
        text=words.text if words else None,
        labels=tuple(shown.values()),
        speaker=person.speaker if person else None,
        extras={
            "composed": {channel: clip.id for channel, clip in parts.items()},
            "modality_emotions": dict(shown),
        },
    )
