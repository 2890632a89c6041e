"""Plain statements about a clip, each with the number it rests on: "The voice is very loud and high."

    from affectrl.cues.describe import describe, told
    told(describe(clip))

A statement is made where a measure lies in the outer fifths of what is usual (:mod:`affectrl.cues.reference`); the
outermost twentieth is *very*. A voice of which nothing stands out is called even, and words without an emotion word
plain. Nothing is said of a channel that the clip does not have.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from affectrl.cues.face import LIKELY, SURE, FaceReader
from affectrl.cues.reference import ENOUGH, Reference, reference, usual_of
from affectrl.cues.voice import VOICE_CUES, VoiceMeasures, measure_voice
from affectrl.cues.words import measure_words
from affectrl.data.clip import Clip
from affectrl.data.media.audio import read_audio

Channel = Literal["voice", "face", "words"]
CHANNELS: tuple[Channel, ...] = ("voice", "face", "words")
SAID: dict[str, tuple[str, str]] = {
    "pitch": ("low", "high"),
    "range": ("flat", "lively"),
    "level": ("quiet", "loud"),
    "rate": ("slow", "fast"),
    "pauses": ("", "halting"),
    "brightness": ("dull", "sharp"),
    "ending": ("falling", "rising"),
}
"""What a low and a high value of each cue is called; nothing is said of a voice without pauses."""
OUTER, OUTERMOST = 0.2, 0.05
LONGEST_S = 30.0


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that is so."""

    channel: Channel
    cue: str
    """``pitch``, ``level`` and so on of a voice, ``polarity``, ``exclaims``, ``asks`` of words, ``emotion`` of a face;
    ``even`` of a voice and ``plain`` of words of which nothing stands out."""
    word: str
    """What it is called: ``loud``."""
    degree: str = ""
    """``very``, ``somewhat``, or nothing."""
    value: float | None = None
    """What was measured, in the units of the cue."""
    place: float | None = None
    """Of a voice the share of usual clips in which the cue is lower; of a face the probability."""
    evidence: tuple[str, ...] = ()
    """The emotion words."""

    @property
    def said(self) -> str:
        """``very loud``."""
        return f"{self.degree} {self.word}".strip()


def voice_of(clip: Clip) -> VoiceMeasures | None:
    """Measures of a clip's sound; ``None`` where it has none.

    Raises:
        MediaError: Its sound cannot be read.
        UsageError: ``package_missing``: librosa cannot be imported.
    """
    source = clip.audio or (clip.video if clip.use_video_audio else None)
    if source is None:
        return None
    # Words of a window of the sound cannot be told apart from those of the rest.
    sound = read_audio(source, start=clip.start, end=clip.end, max_seconds=LONGEST_S)
    return measure_voice(sound.samples, clip.text if sound.duration_s < LONGEST_S else None)


def describe(
    clip: Clip,
    *,
    usual: Reference | str = "sandbox",
    own: Mapping[str, float] | None = None,
    face: FaceReader | None = None,
    measures: VoiceMeasures | None = None,
) -> list[Statement]:
    """What can be heard, read, and with a face reader seen in a clip; the most striking of each channel first.

    Args:
        clip: Any clip.
        usual: What its voice is compared with: a reference, or the name of one.
        own: The speaker's median of each cue, from :func:`~affectrl.cues.reference.usual_of`, if it is known.
        face: Who reads faces; without one nothing is said of the face.
        measures: Of its voice, where they are there already.

    Raises:
        MediaError: Its sound cannot be read.
        UsageError: ``package_missing``: librosa cannot be imported; ``unknown_name``: no such reference.
    """
    found = measures or voice_of(clip)
    against = reference(usual) if isinstance(usual, str) else usual
    said = [] if found is None else voice_statements(found, against, own)
    if face is not None and (seen := face(clip)) is not None:
        said += face_statements(seen)
    return said + (word_statements(clip.text) if clip.text else [])


def describe_all(
    clips: Sequence[Clip],
    *,
    usual: Reference | str = "sandbox",
    face: FaceReader | None = None,
    advance: Callable[[str], object] = lambda _: None,
) -> list[list[Statement]]:
    """:func:`describe` for a set: voices of speakers with five or more clips are compared with themselves.

    Raises:
        MediaError, UsageError: As :func:`describe`.
    """
    measures = []
    for clip in clips:
        measures.append(voice_of(clip))
        advance(clip.id)
    own = usual_by_speaker(clips, measures)
    return [
        describe(clip, usual=usual, own=own.get(clip.speaker or ""), face=face, measures=each)
        for clip, each in zip(clips, measures, strict=True)
    ]


def usual_by_speaker(clips: Iterable[Clip], measures: Iterable[VoiceMeasures | None]) -> dict[str, dict[str, float]]:
    """What is usual for each speaker who has enough clips."""
    rows: dict[str, list[VoiceMeasures]] = defaultdict(list)
    for clip, each in zip(clips, measures, strict=True):
        if clip.speaker and each is not None:
            rows[clip.speaker].append(each)
    return {name: usual_of(each) for name, each in rows.items() if len(each) >= ENOUGH}


def voice_statements(found: VoiceMeasures, usual: Reference, own: Mapping[str, float] | None = None) -> list[Statement]:
    """What stands out in a voice, the most striking first; ``even`` where nothing does, nothing for silence."""
    places = {}
    for cue in VOICE_CUES:
        value = getattr(found, cue)
        if value is not None:
            places[cue] = usual.place(cue, value, (own or {}).get(cue))
    said = []
    for cue, place in places.items():
        word = SAID[cue][place >= 0.5]
        away = min(place, 1 - place)
        if word and away <= OUTER:
            degree = "very" if away <= OUTERMOST else ""
            said.append(Statement("voice", cue, word, degree, getattr(found, cue), round(place, 3)))
    if places and not said:
        return [Statement("voice", "even", "even")]
    return sorted(said, key=lambda each: -abs((each.place or 0.5) - 0.5))


def face_statements(seen: Mapping[str, float]) -> list[Statement]:
    """What a face shows by a reader's probabilities; ``unclear`` where none of them is likely."""
    word, likely = max(seen.items(), key=lambda item: item[1])
    if likely < LIKELY:
        return [Statement("face", "emotion", "unclear", place=round(likely, 3))]
    return [Statement("face", "emotion", word, "" if likely >= SURE else "somewhat", place=round(likely, 3))]


def word_statements(text: str) -> list[Statement]:
    """What the words tell by themselves."""
    found = measure_words(text)
    names = {"positive": "pleasant", "negative": "unpleasant", "neutral": "mixed"}
    said = [] if found.polarity is None else [Statement("words", "polarity", names[found.polarity])]
    said = [Statement(s.channel, s.cue, s.word, evidence=found.emotion_words) for s in said]
    said += [Statement("words", "exclaims", "exclaiming")] if found.exclaims else []
    said += [Statement("words", "asks", "asking")] if found.asks else []
    return said or [Statement("words", "plain", "plain")]


def told(statements: Iterable[Statement], *, most: int = 2) -> str:
    """Statements as sentences, one a channel: "The voice is very loud and high. The words are pleasant."

    Args:
        statements: As :func:`describe` gives them.
        most: How many of one channel are told, the first ones.
    """
    by_channel: dict[str, list[str]] = defaultdict(list)
    for each in statements:
        if len(by_channel[each.channel]) < most:
            by_channel[each.channel].append(each.said)
    return " ".join(
        f"The {channel} {'are' if channel == 'words' else 'is'} {' and '.join(by_channel[channel])}."
        for channel in CHANNELS
        if by_channel[channel]
    )
