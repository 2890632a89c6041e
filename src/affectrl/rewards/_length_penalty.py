"""Length penalties P1, P2, P3: what an answer with more labels than the reference is multiplied by (AffectGPT-R1,
eq. 11 to 13).

With o labels said and y true ones, each is 1 for o <= y, and else P1 = 1 / (o - y + 1), P2 = y / o, P3 = log y / log o.
The paper calls P3 the loosest and P1 the strictest. Corners that it leaves open:

- y = 1: its P3 is 0 for any longer answer, so that one synonym too many costs everything. ``corners="ours"`` takes
  log(y + 1) / log(o + 1) there, which is strictly between 0 and 1; ``"paper"`` keeps the 0.
- y = 0: P2 is 0, P1 is 1 / (o + 1), and P3, a logarithm of 0, is 0 either way. Rewards are ``None`` there anyhow.
- o = 0: never longer than the reference, so 1; the reward that it multiplies is 0.
- y = 2, o = 3: P3 = 0.631 is below P2 = 0.667, against the paper's order of them. Left as printed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal

from affectrl.answers.parser import Answer, plain

Penalty = Literal["none", "P1", "P2", "P3"]
Corners = Literal["ours", "paper"]
Duplicates = Literal["once", "each"]

_DIVIDERS = re.compile(r"[,;|/\n，、；،؛]|\band\b")


def length_penalty(kind: Penalty, said: int, true: int, corners: Corners = "ours") -> float:
    """The factor, in [0, 1].

    Args:
        kind: Which penalty; ``none`` is always 1.
        said: Labels of the answer, 0 or more.
        true: Labels of the reference, 0 or more.
        corners: P3 with one reference label: see the module's text.
    """
    if kind == "none" or said <= true:
        return 1.0
    if kind == "P1":
        return 1 / (said - true + 1)
    if kind == "P2":
        return true / said
    if true >= 2:
        return math.log(true) / math.log(said)
    return math.log(true + 1) / math.log(said + 1) if corners == "ours" else 0.0


def count(labels: Sequence[str]) -> int:
    """Different labels of a reference."""
    return len({plain(label) for label in labels})


def said_in(text: str, answer: Answer, duplicates: Duplicates) -> int:
    """Labels of an answer: different ones, or with ``each`` all that are written, so that saying one twice costs."""
    if duplicates == "once" or not answer.labels:
        return len(answer.labels)
    start, end = answer.span
    pieces = [piece for piece in _DIVIDERS.split(text[start:end]) if any(c.isalpha() for c in piece)]
    return max(len(answer.labels), len(pieces))
