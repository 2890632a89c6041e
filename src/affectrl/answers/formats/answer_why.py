"""Labels first, in answer tags, then why, in think tags: affectrl-nano's format.

A small model that reasons first copies the noise of its reasoning into its answer. Here the label is read off the clip,
so that a closed choice has exact probabilities at the price of a few tokens, and the reasoning names the cues.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from affectrl.answers.formats import _reasoned
from affectrl.answers.formats._listed import MAX_LABELS, is_list

REASONS = False
"""Nothing is written before the labels."""
OPENING = "<answer>"
CLOSING = "</answer>"
EXPLAINS = "</answer><think>"
"""What stands between the labels and the reasons for them."""
ENDS = False
"""Whether the answer ends where its labels do."""

_SHAPE = re.compile(r"\s*<answer>(?P<answer>[^<>]++)</answer>\s*<think>(?P<think>[^<>]++)</think>\s*")


def question(labels: Sequence[str] | None) -> str:
    """The user's question; ``labels`` makes it a closed choice."""
    choice = f" One of: {', '.join(labels)}." if labels else ""
    return f"What does the person feel, and why?{choice}"


def target(labels: Sequence[str], reasoning: str | None) -> str:
    """The completion to learn: what follows the opening tag, with at most eight labels."""
    said = _reasoned.told(reasoning) or _reasoned.NO_REASONING
    return f"{', '.join(labels[:MAX_LABELS])}{EXPLAINS}{said}</think>"


def answer_opening(text: str) -> str:
    """Nothing but the tag: the labels come first."""
    return OPENING


def well_formed(text: str) -> bool:
    """Whether the whole output is a plain list of different labels in answer tags, then reasons in think tags."""
    shape = _SHAPE.fullmatch(text)
    return shape is not None and is_list(shape["answer"]) and _reasoned.says(shape["think"])
