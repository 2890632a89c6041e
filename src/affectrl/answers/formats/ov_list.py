"""A list of open-vocabulary labels in brackets: how the official scorers of MER2025 and MER2026 want predictions.

The assistant's turn opens with the bracket, already written, so that the first token is a label.
"""

from __future__ import annotations

from collections.abc import Sequence

from affectrl.answers.formats._listed import MAX_LABELS, is_list

REASONS = False
OPENING = "["
CLOSING = "]"


def question(labels: Sequence[str] | None) -> str:
    """The user's question; ``labels`` makes it a closed choice."""
    choice = f" Choose from: {', '.join(labels)}." if labels else ""
    return f"List every emotion of the person.{choice}"


def target(labels: Sequence[str], reasoning: str | None) -> str:
    """The completion to learn, after the opening bracket: at most eight labels; ``reasoning`` has no place in it."""
    return f"{', '.join(labels[:MAX_LABELS])}{CLOSING}"


def answer_opening(text: str) -> str:
    """The opening bracket: nothing that the model wrote comes before its first label."""
    return OPENING


def well_formed(text: str) -> bool:
    """Whether the whole output is one bracketed list of different labels, and nothing more."""
    body = text.strip()
    inner = body[1:-1]
    return body[:1] == "[" and body[-1:] == "]" and set("[]").isdisjoint(inner) and is_list(inner)
