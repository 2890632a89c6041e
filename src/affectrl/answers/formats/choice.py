"""One label of a closed choice and nothing else: the question of a classifier."""

from __future__ import annotations

from collections.abc import Sequence

from affectrl.answers.parser import parse, plain
from affectrl.errors import UsageError

REASONS = False
OPENING = ""
CLOSING = ""


def question(labels: Sequence[str] | None) -> str:
    """The user's question.

    Raises:
        UsageError: ``labels_invalid``: there is no choice to choose from.
    """
    if not labels:
        raise UsageError(
            "the format 'choice' needs a closed choice of labels.",
            code="labels_invalid",
            hint="Set answers.labels, or use the format answer-only or ov-list.",
        )
    return f"Which emotion? One of: {', '.join(labels)}."


def target(labels: Sequence[str], reasoning: str | None) -> str:
    """The completion to learn: the first label."""
    return labels[0]


def answer_opening(text: str) -> str:
    """Nothing: the label comes first."""
    return OPENING


def well_formed(text: str, choices: Sequence[str] | None = None) -> bool:
    """Whether the whole output is one label, and one of ``choices`` where they are given."""
    answer = parse(text)
    if len(answer.labels) != 1 or plain(text) != answer.labels[0]:
        return False
    return choices is None or answer.labels[0] in map(plain, choices)
