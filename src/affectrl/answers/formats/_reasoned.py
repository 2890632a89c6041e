"""What formats with reasoning share: text that cannot be taken for tags, a test for empty talk, and think tags."""

from __future__ import annotations

import re

OPENING = "<think>"
CLOSING = "</answer>"
NO_REASONING = "No cue stands out."
"""What a cold-start example says when its clip has no reasoning of its own."""

_MARKS = str.maketrans("<>{}\\`", "‹›()/'") | dict.fromkeys((*range(10), *range(11, 32), 127), " ")
_SHAPE = re.compile(r"\s*<think>(?P<think>[^<>]++)</think>\s*<answer>(?P<answer>[^<>]++)</answer>\s*")


def told(reasoning: str | None) -> str | None:
    """A clip's reasoning with nothing in it that looks like a tag, a box or a fence; ``None`` when it says nothing."""
    clean = (reasoning or "").translate(_MARKS).strip()
    return clean if says(clean) else None


def says(text: str) -> bool:
    """Whether there is a letter, of any script, in a text."""
    return any(c.isalpha() for c in text)


def target(said: str, reasoning: str | None) -> str:
    """What follows the opening think tag: the reasoning, then ``said`` in answer tags."""
    return f"{told(reasoning) or NO_REASONING}</think><answer>{said}{CLOSING}"


def answer_opening(text: str) -> str:
    """``text`` (the output so far, from its opening tag) cut or completed up to where the labels begin."""
    think = re.split(r"</think>|<answer>", text, maxsplit=1)[0]
    return f"{think}</think><answer>"


def answer_of(text: str) -> str | None:
    """What the answer tags hold, when the whole text is one think block that says something, then one answer block."""
    shape = _SHAPE.fullmatch(text)
    return shape["answer"] if shape and says(shape["think"]) else None
