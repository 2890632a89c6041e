"""What rewards on emotion wheels have in common: wheels and rules from plain settings, and the words of a reasoning."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Literal

from affectrl.answers.mentions import mentions
from affectrl.answers.parser import parse
from affectrl.emotions.space import WheelSpace
from affectrl.errors import RecipeError
from affectrl.judges import Judge, Question
from affectrl.metrics.emotion_wheel import one
from affectrl.metrics.wheel_rules import Rules, rules
from affectrl.rewards._judged import quoted

RuleName = Literal["affectrl", "mer2025", "mer2026"]
Unknown = Literal["drop", "wrong"]
Extract = Literal["lexicon", "judge"]
MOST_TOKENS = 32
"""Of a judge's list of emotions."""


def wheels(tables: str | None) -> WheelSpace:
    """Our wheels and lexicon, or those of a folder with a challenge's word tables."""
    return WheelSpace.builtin() if tables is None else _official(tables)


@cache
def _official(folder: str) -> WheelSpace:
    return WheelSpace.official(folder)


def chosen(name: RuleName, unknown: Unknown) -> Rules:
    """Named rules with the one switch that a reward offers."""
    return rules(name).but(unknown=unknown)


def ew_of_one(reference: Sequence[str], labels: Sequence[str], space: WheelSpace, how: Rules) -> float | None:
    """EW F of one sample, in [0, 1]; ``None`` for a reference that no wheel knows.

    Under MER2025's rules a wheel without overlap makes it NaN, which as a reward would spoil its whole group: it is 0.
    """
    if not any(space.masks(how.reading)[label.lower().strip()] for label in reference):
        return None
    value = one(reference, labels, space, how)
    return 0.0 if value is None or math.isnan(value) else value


def words_of_reasoning(
    completions: Sequence[str], extract: Extract, space: WheelSpace, judge: Judge | None
) -> list[tuple[str, ...] | None]:
    """Emotion words of each completion's reasoning: ``()`` where it has none, ``None`` where the judge did not say.

    Raises:
        RecipeError: ``extract`` is ``judge``, and there is none.
    """
    told = [parse(text).reasoning for text in completions]
    if extract == "lexicon":
        return [mentions(reasoning, space) if reasoning else () for reasoning in told]
    if judge is None:
        raise RecipeError("extract: judge needs a judge.", hint="See rl.judge.")
    asked = [i for i, reasoning in enumerate(told) if reasoning and any(c.isalpha() for c in reasoning)]
    found: list[tuple[str, ...] | None] = [()] * len(completions)
    answers = judge.answer([question(told[i] or "") for i in asked])
    for i, answer in zip(asked, answers, strict=True):
        found[i] = _read(answer)
    return found


def question(reasoning: str) -> Question:
    """What the judge is asked; the text alone decides, so it sees no clip."""
    asked = "Which emotions does this text say that somebody feels? Reply with a list, or with none."
    return Question(f"{quoted(reasoning)} {asked}", None, None, MOST_TOKENS)


def _read(answer: str | None) -> tuple[str, ...] | None:
    read = parse(answer or "")
    if read.labels:
        return tuple(label for label in read.labels if label != "none")
    return () if answer and {"empty", "negated"} & set(read.problems) else None
