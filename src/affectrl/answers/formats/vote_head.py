"""Situation, confidence from 1 to 10 and emotion in JSON: the fused answer of the voting head (T^vot, section 3.4).

The paper hands several descriptions of one scene to a language model and asks for the most likely emotion, a plausible
situation and a confidence. Here the situation comes first, as reasoning does, and the emotion last, so that labels can
be compared by the probability of a whole answer. The assistant's turn opens with the first key, already written.

A reference says nothing of confidence. A target's ten points are divided among its labels, which teaches the shape and
no calibration.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from affectrl.answers.formats._listed import MAX_LABELS, is_list
from affectrl.answers.formats._reasoned import says, told
from affectrl.answers.parser import parse

REASONS = True
OPENING = '{"situation": "'
CLOSING = '"}'
NO_SITUATION = "Not told."
"""What a cold-start example says when its clip has no reasoning of its own."""
MOST, LEAST = 10, 1
"""The scale of confidence; an answer that was cut before it is completed with the least."""

_STRING = r"(?:[^\"\\\x00-\x1f]|\\.)*+"
_SITUATION = rf'\s*\{{\s*"situation"\s*:\s*"(?P<situation>{_STRING})"'
_CONFIDENCE = r'\s*,\s*"confidence"\s*:\s*(?P<confidence>10|[1-9])(?=[\s,])'
_PLACE = re.compile(r"\\boxed|</?(?:answer|think)>")
"""What would be read in place of the emotion."""
_BACKSLASH = "\\"
_BEGUN = re.compile(rf"{_SITUATION}(?:{_CONFIDENCE})?")
_SHAPE = re.compile(rf'{_SITUATION}{_CONFIDENCE}\s*,\s*"emotion"\s*:\s*"(?P<emotion>[^"\\]++)"\s*\}}\s*')


def question(labels: Sequence[str] | None) -> str:
    """The user's question; ``labels`` makes it a closed choice."""
    choice = f" One of: {', '.join(labels)}." if labels else ""
    return f"Situation, confidence (1-10) and emotion, as JSON?{choice}"


def target(labels: Sequence[str], reasoning: str | None) -> str:
    """The completion to learn: what follows the first key. ``reasoning`` is the situation."""
    labels = labels[:MAX_LABELS]
    said = " ".join((told(reasoning) or NO_SITUATION).replace('"', "'").split())
    return f"{said}{_between(max(LEAST, MOST // len(labels)))}{', '.join(labels)}{CLOSING}"


def _between(confidence: int) -> str:
    return f'", "confidence": {confidence}, "emotion": "'


def answer_opening(text: str) -> str:
    """``text`` (the output so far, from its opening) cut or completed up to where the labels begin."""
    text = _PLACE.split(text, maxsplit=1)[0]
    begun = _BEGUN.match(text)
    if begun is None:
        # Cut inside the situation; a lone backslash would swallow the quote.
        return f"{text.rstrip(_BACKSLASH)}{_between(LEAST)}"
    return f"{OPENING}{begun['situation']}{_between(int(begun['confidence'] or LEAST))}"


def confidence(text: str) -> int | None:
    """The confidence that an output states, from 1 to 10; ``None`` when it states none in the format's shape."""
    begun = _BEGUN.match(text)
    return int(begun["confidence"]) if begun and begun["confidence"] else None


def well_formed(text: str) -> bool:
    """Whether the whole output is the three keys in order: a situation with words, 1 to 10, a list of labels."""
    shape = _SHAPE.fullmatch(text)
    if shape is None or not says(shape["situation"]) or not is_list(shape["emotion"]):
        return False
    # Tags or a box inside the situation would be read in place of the emotion.
    return parse(text).labels == parse(shape["emotion"]).labels
