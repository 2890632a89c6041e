"""What rewards that ask a judge have in common: putting a completion into a question, and reading what comes back."""

from __future__ import annotations

import re

from affectrl import shelves
from affectrl.answers.parser import parse
from affectrl.answers.steps import Steps, steps

MOST_CHARACTERS = 800
"""Of a completion's text in a question; a longer one is cut, or it would decide what the judge still takes in."""

_MARKS = str.maketrans({"<": "‹", ">": "›", "«": "‹", "»": "›"})
_VERDICT = re.compile(r"[\W_]*(yes|no)\b(?![-'’]\w|\s+(?:one|idea|doubt|way)\b)", re.I)
_CHOICE = re.compile(
    r"[\W_]*(?:the\s+)?(?:(?:text|description|option|number|answer)(?:\s+is)?[\W_]*){0,2}([12])"
    r"(?=[\W_]*$|[\W_]*\n|[.,:;)*]|\s+(?:is|describes|fits|matches|seems)\b)",
    re.I,
)


def quoted(text: str) -> str:
    """A text to put between « and »: on one line, not too long, with no mark that could pass for a tag or a turn."""
    line = " ".join(text.translate(_MARKS).split())
    return f"«{line[:MOST_CHARACTERS].rstrip()}»"


def reasons(format: str) -> bool:
    """Whether an answer format asks for reasoning at all."""
    return bool(shelves.load("affectrl.answers.formats", format).REASONS)


def told_steps(text: str) -> Steps:
    """The three steps of a completion; one in another format has its whole reasoning for a first step."""
    found = steps(text)
    if any(found):
        return found
    reasoning = parse(text).reasoning
    return (reasoning if reasoning and any(c.isalpha() for c in reasoning) else None), None, None


def yes_or_no(answer: str | None) -> bool | None:
    """A verdict: its first word is ``yes`` or ``no`` and the other word is nowhere. ``eyes`` is no yes."""
    found = _VERDICT.match(answer or "")
    if found is None or len({word.lower() for word in re.findall(r"\b(?:yes|no)\b", answer or "", re.I)}) != 1:
        return None
    return found[1].lower() == "yes"


def one_or_two(answer: str | None) -> int | None:
    """A choice between two: it opens with ``1`` or ``2``, perhaps after a word such as ``text``, and not with both."""
    found = _CHOICE.match(answer or "")
    if found is None or len(set(re.findall(r"\b[12]\b", answer or ""))) != 1:
        return None
    return int(found[1])
