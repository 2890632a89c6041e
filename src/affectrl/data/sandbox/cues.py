"""What can be seen, heard and read in a clip, in words taken from the parameters it was made with."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from affectrl.data.sandbox.acoustics import VoiceCues
from affectrl.data.sandbox.expressions import expression_table
from affectrl.data.sandbox.plan import Plan

_VOICE_WORDS = (
    # name, threshold at which a listener would say so, word above, word below
    ("rate", 1.0, 0.12, "fast", "slow"),
    ("pitch", 0.0, 2.2, "high", "low"),
    ("loudness", 0.0, 3.2, "loud", "quiet"),
    ("range", 1.0, 0.42, "lively", "flat"),
    ("tilt", 0.0, 4.5, "sharp", "dull"),
    ("contour", 0.0, 3.2, "rising", "falling"),
    ("tremor", 0.0, 0.4, "trembling", ""),
)
_SEEN_FROM = 0.35
"""Intensity from which an action unit is worth a word."""


CHANNELS = ("voice", "face", "words")
_CLEAR_FROM = 0.45
"""Strength from which a listener or viewer would name the emotion; weak channels lie well below."""


@dataclass(frozen=True, slots=True)
class Cues:
    """What each channel that the clip carries shows."""

    by_channel: dict[str, tuple[str, ...]]
    """Cue words, such as ``fast`` and ``high`` of a voice."""
    verdicts: dict[str, str]
    """The emotion that the channel alone shows; a channel that shows next to nothing looks neutral."""

    def sentence(self, names: Mapping[str, Sequence[str]] | None = None) -> str:
        """One short sentence, such as "Voice angry, face neutral, words angry.".

        Args:
            names: Words to call an emotion by; the channels that show it take them in turn.
        """
        turns = {emotion: itertools.cycle(words) for emotion, words in (names or {}).items()}
        said = [
            f"{channel} {next(turns[verdict]) if verdict in turns else verdict}"
            for channel in CHANNELS
            if (verdict := self.verdicts.get(channel))
        ]
        text = ", ".join(said)
        return f"{text[0].upper()}{text[1:]}."


def cues_of(plan: Plan) -> Cues:
    """Cue words and verdicts of a planned clip; only of the channels it carries."""
    found: dict[str, tuple[str, ...]] = {}
    verdicts = {
        channel: emotion if plan.strengths[channel] >= _CLEAR_FROM else "neutral"
        for channel, emotion in plan.emotions.items()
    }
    if "voice" in plan.emotions:
        found["voice"] = voice_words(plan.voice)
    if "face" in plan.emotions:
        found["face"] = face_words(plan.expression.peaks)
    if "words" in plan.emotions:
        found["words"] = (plan.utterance.labels[0],) if plan.utterance.emotion != "neutral" else ("plain",)
        verdicts["words"] = plan.utterance.emotion
    return Cues(found, verdicts)


def voice_words(cues: VoiceCues) -> tuple[str, ...]:
    """The one or two most striking qualities of a delivery, or ``even``."""
    striking = []
    for name, middle, threshold, above, below in _VOICE_WORDS:
        amount = (getattr(cues, name) - middle) / threshold
        word = above if amount > 0 else below
        if abs(amount) >= 1 and word:
            striking.append((abs(amount), word))
    strongest = sorted(striking, reverse=True)[:2]
    kept = {word for _, word in strongest}
    return tuple(word for *_, above, below in _VOICE_WORDS for word in (above, below) if word in kept) or ("even",)


def face_words(peaks: dict[str, float]) -> tuple[str, ...]:
    """The one or two strongest movements, or ``still face``."""
    names = expression_table()["units"]
    seen = {unit: value for unit, value in peaks.items() if unit in names and value >= _SEEN_FROM}
    if "AU1" in seen and "AU2" in seen:
        seen["AU2"] = max(seen["AU2"], seen.pop("AU1"))
    strongest = sorted(seen, key=lambda unit: (-seen[unit], unit))[:2]
    return tuple(names[unit] for unit in sorted(strongest, key=list(names).index)) or ("still face",)
