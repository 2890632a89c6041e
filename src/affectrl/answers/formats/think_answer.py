"""Reasoning in think tags, labels in answer tags: the format of R1-Omni (section 3.2).

The paper asks as of an emotion expert for the most obvious emotion, with the thinking and the answer in their tags. The
assistant's turn opens with ``<think>``, already written, as reasoning models' chat templates do.
"""

from __future__ import annotations

from collections.abc import Sequence

from affectrl.answers.formats import _reasoned
from affectrl.answers.formats._reasoned import CLOSING, NO_REASONING, OPENING, answer_opening
from affectrl.answers.parser import parse

__all__ = ["CLOSING", "NO_REASONING", "OPENING", "REASONS", "answer_opening", "question", "target", "well_formed"]

REASONS = True


def question(labels: Sequence[str] | None) -> str:
    """The user's question; ``labels`` makes it a closed choice."""
    choice = f" One of: {', '.join(labels)}." if labels else ""
    return f"Name the cues in voice, face and words, then the emotion.{choice}"


def target(labels: Sequence[str], reasoning: str | None) -> str:
    """The completion to learn: what follows the opening tag."""
    return _reasoned.target(", ".join(labels), reasoning)


def well_formed(text: str) -> bool:
    """Whether the whole output, opening included, is one think block and then one answer block with labels in it."""
    return _reasoned.answer_of(text) is not None and bool(parse(text).labels)
