"""Reasoning in think tags, then a list of open-vocabulary labels: AffectGPT-R1 with thinking (sections 3.1 and 3.2).

The paper learns to describe all clues of a clip first, which its cold start takes from MER-Caption+, and then to list
every emotion that they speak for. ``answer-only`` is the same system without thinking, its better half.
"""

from __future__ import annotations

from collections.abc import Sequence

from affectrl.answers.formats import _reasoned
from affectrl.answers.formats._listed import MAX_LABELS, is_list
from affectrl.answers.formats._reasoned import CLOSING, OPENING, answer_opening

__all__ = ["CLOSING", "OPENING", "REASONS", "answer_opening", "question", "target", "well_formed"]

REASONS = True


def question(labels: Sequence[str] | None) -> str:
    """The user's question; ``labels`` makes it a closed choice."""
    choice = f" Choose from: {', '.join(labels)}." if labels else ""
    return f"Describe the clues, then list all emotions of the person.{choice}"


def target(labels: Sequence[str], reasoning: str | None) -> str:
    """The completion to learn: what follows the opening tag, with at most eight labels."""
    return _reasoned.target(", ".join(labels[:MAX_LABELS]), reasoning)


def well_formed(text: str) -> bool:
    """Whether the whole output is one think block and then one answer block with a plain list of different labels."""
    said = _reasoned.answer_of(text)
    return said is not None and is_list(said)
