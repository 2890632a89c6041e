"""Three tagged steps, then the labels in a box: Structured Emotional Thinking, the format of EMO-R3 (section 3.2).

The paper's prompt asks for the trigger in the image (object, action, face, surroundings), then for what a person would
feel, then for a conclusion in terms of valence and arousal, and for the label in ``\\boxed{}``; this one asks that in a
line. The assistant's turn opens with ``<step1>``, already written.

EMO-R3's cold start has no reasoning to learn from (section 3.5). A target without any therefore says in its steps only
what its label implies: the feeling, and whether it is pleasant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from affectrl.answers.formats._reasoned import says, told
from affectrl.answers.parser import parse, plain
from affectrl.emotions import polarity

REASONS = True
OPENING = "<step1>"
CLOSING = "}"
NO_TRIGGER = "The whole scene."
"""What step 1 of a cold-start example says when its clip has no reasoning of its own."""

_SHAPE = re.compile(
    r"\s*<step1>(?P<one>[^<>]++)</step1>\s*<step2>(?P<two>[^<>]++)</step2>\s*<step3>(?P<three>[^<>]++)</step3>\s*"
    r"\\boxed\{(?:[^{}<>]|\{[^{}<>]*\})++\}\s*"
)
_TAG = re.compile(r"</?step[123]>")
_CUT = re.compile(r"\\boxed|</?(?:answer|think)>|(?:\\\w{0,5}|<[/\w]{0,6})\Z")
"""Where labels begin, rightly or not, or a tag or box that was cut in half."""


def question(labels: Sequence[str] | None) -> str:
    """The user's question; ``labels`` makes it a closed choice."""
    choice = f" One of: {', '.join(labels)}." if labels else ""
    return f"Step 1: what triggers emotion? Step 2: what would one feel? Step 3: conclude. Box the emotion.{choice}"


def target(labels: Sequence[str], reasoning: str | None) -> str:
    """The completion to learn: what follows the opening tag. ``reasoning`` is step 1."""
    said = ", ".join(labels)
    felt, concluded = f"One feels {said}.", f"Valence: {_valence(labels)}."
    trigger = told(reasoning)
    if trigger is None or plain(trigger) in (plain(felt), plain(concluded)):
        trigger = NO_TRIGGER
    return f"{trigger}</step1><step2>{felt}</step2><step3>{concluded}</step3>\\boxed{{{said}{CLOSING}"


def _valence(labels: Sequence[str]) -> str:
    signs = {sign for label in labels if (sign := polarity(label))}
    return "open" if not signs else signs.pop() if len(signs) == 1 else "mixed"


def answer_opening(text: str) -> str:
    """``text`` (the output so far, from its opening tag) cut at its box, its open step closed, up to the labels.

    Steps that the model has not come to are left out: nobody said them.
    """
    written = _CUT.split(text, maxsplit=1)[0]
    tags = _TAG.findall(written)
    closing = f"</{tags[-1][1:]}" if tags and tags[-1][1] != "/" else ""
    return f"{written}{closing}\\boxed{{"


def well_formed(text: str) -> bool:
    """Whether the whole output is the three steps in order, each saying something else, and then a box with labels."""
    shape = _SHAPE.fullmatch(text)
    if shape is None or not all(map(says, shape.groups())):
        return False
    return len({plain(step) for step in shape.groups()}) == 3 and bool(parse(text).labels)
