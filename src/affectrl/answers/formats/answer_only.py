"""Labels and nothing else: the shortest answer, and AffectGPT-R1's best variant on MER-UniBench (its table 3)."""

from __future__ import annotations

from collections.abc import Sequence

from affectrl.answers.formats._listed import MAX_LABELS, is_list

REASONS = False
OPENING = ""
"""What the assistant's turn begins with; it is part of the prompt, so no tokens are spent on it."""
CLOSING = ""
"""What ends an answer, before the end token."""


def question(labels: Sequence[str] | None) -> str:
    """The user's question; ``labels`` makes it a closed choice."""
    choice = f" One of: {', '.join(labels)}." if labels else ""
    return f"What does the person feel?{choice}"


def target(labels: Sequence[str], reasoning: str | None) -> str:
    """The completion to learn: at most eight labels; ``reasoning`` has no place in it."""
    return ", ".join(labels[:MAX_LABELS])


def answer_opening(text: str) -> str:
    """Nothing: the labels come first."""
    return OPENING


def well_formed(text: str) -> bool:
    """Whether the whole output is a plain list of different labels, with no tags and no prose."""
    return is_list(text)
