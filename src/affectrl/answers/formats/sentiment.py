"""Positive, negative or neutral, and nothing else: the sentiment sets of MER-UniBench (MOSI, MOSEI, SIMS).

The benchmark has a language model turn emotion words into a sentiment; this asks for it. A reference of emotion words
becomes one by :func:`affectrl.emotions.sentiment`, which is a rule.
"""

from __future__ import annotations

from collections.abc import Sequence

from affectrl.answers.formats import choice
from affectrl.answers.formats.choice import CLOSING, OPENING, REASONS, answer_opening
from affectrl.answers.parser import plain
from affectrl.emotions import polarity, sentiment
from affectrl.emotions.polarity import POLARITIES
from affectrl.errors import UsageError

__all__ = ["CLOSING", "OPENING", "REASONS", "answer_opening", "question", "target", "well_formed"]


def question(labels: Sequence[str] | None) -> str:
    """The user's question.

    Raises:
        UsageError: ``labels_invalid``: ``labels`` holds something else than the three sentiments, or some of them.
    """
    if odd := [label for label in labels or () if plain(label) not in POLARITIES]:
        raise UsageError(
            f"the format 'sentiment' knows no label {odd[0]!r}.",
            code="labels_invalid",
            hint="Set answers.labels to sentiment3, or leave it out.",
        )
    return f"What is the sentiment? One of: {', '.join(labels or POLARITIES)}."


def target(labels: Sequence[str], reasoning: str | None) -> str:
    """The completion to learn: the sentiment of ``labels``; words that are unknown or can be either do not vote.

    Raises:
        UsageError: ``labels_invalid``: no word has a vote, so that neutral would be made up.
    """
    if not any(map(polarity, labels)):
        raise UsageError(
            f"{', '.join(labels) or 'no label'!r} has no sentiment that we know.",
            code="labels_invalid",
            hint="Use data.*.map_to: sentiment3, which leaves such clips out and counts them.",
        )
    return sentiment(labels)


def well_formed(text: str, choices: Sequence[str] | None = None) -> bool:
    """Whether the whole output is one of the three words, or one of ``choices`` where they are given."""
    return choice.well_formed(text, choices or POLARITIES)
