"""What can be read in a sentence without a model: its emotion words, their polarity, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from affectrl.answers.mentions import mentions
from affectrl.emotions.polarity import Polarity, judge, sentiment
from affectrl.emotions.space import WheelSpace


@dataclass(frozen=True, slots=True)
class WordMeasures:
    """One sentence."""

    emotion_words: tuple[str, ...]
    """Those that :mod:`affectrl.answers.mentions` finds and that are pleasant or unpleasant, in order."""
    polarity: Polarity | None
    """Of those words together; ``None`` where there is none, which is no sign of a plain sentence."""
    exclaims: bool
    asks: bool


def measure_words(text: str) -> WordMeasures:
    """Measure a sentence. English; never raises."""
    found = tuple(word for word in mentions(text, _space()) if judge(word).polarity in ("positive", "negative"))
    return WordMeasures(found, sentiment(found) if found else None, "!" in text, text.rstrip().endswith("?"))


@cache
def _space() -> WheelSpace:
    return WheelSpace.builtin()
