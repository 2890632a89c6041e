"""The three steps of Structured Emotional Thinking in a model's text (EMO-R3, section 3.2): what each of them says."""

from __future__ import annotations

import re

Steps = tuple[str | None, str | None, str | None]

_TAG = re.compile(r"<[ \t]{0,3}(?P<close>/?)[ \t]{0,3}step[ _]?(?P<number>[1-3])[ \t]{0,3}>", re.I)
_STOP = re.compile(r"\\boxed\{|</?(?:answer|think)>", re.I)


def steps(text: str) -> Steps:
    """What the steps 1 to 3 of a text say; ``None`` for one that is missing or holds no letter.

    Blanks and capitals in the tags do not matter. A step that was never closed goes on to the next tag, to the box, or
    to the end; one that was never opened begins where the tag before it ended, since the prompt may have opened it. Of
    several with one number the last counts. It never raises, and its time is linear in the text's length.
    """
    found: list[str | None] = [None, None, None]
    tags = list(_TAG.finditer(text))
    for i, tag in enumerate(tags):
        before = tags[i - 1] if i else None
        after = tags[i + 1] if i + 1 < len(tags) else None
        if not tag["close"]:
            start, end = tag.end(), after.start() if after else len(text)
            is_closed = after and after["close"] and after["number"] == tag["number"]
            if not is_closed and (stop := _STOP.search(text, start, end)):
                end = stop.start()
        elif before is None or before["close"]:
            start, end = before.end() if before else 0, tag.start()
        else:
            continue
        said = text[start:end].strip()
        found[int(tag["number"]) - 1] = said if any(c.isalpha() for c in said) else None
    return found[0], found[1], found[2]
