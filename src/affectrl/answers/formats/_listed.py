"""What formats with a list of labels share: how many there are, and a strict look at the list."""

from __future__ import annotations

import re

from affectrl.answers.parser import parse, plain

MAX_LABELS = 8
"""Labels that a list may have; an answer of all emotions would score well otherwise."""

_COMMA = re.compile(r"[,，、،]")


def is_list(said: str) -> bool:
    """Whether a text is 1 to :data:`MAX_LABELS` different labels between commas, and nothing else.

    Blanks, one kind of quotes around labels, and a full stop at the end do no harm.
    """
    items = [plain(item) for item in _COMMA.split(said.strip().removesuffix("."))]
    answer = parse(said)
    if answer.form != "list" or answer.problems or len(items) > MAX_LABELS:
        return False
    # A label that is said twice is read once.
    return list(answer.labels) in [items, *([item.strip(mark) for item in items] for mark in "'\"")]
