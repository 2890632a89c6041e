"""The one parser of model output: rewards, metrics and prediction read an answer in the same way, or not at all.

The grammar stands in ``docs/answers.md``. In short: first the place (``<answer>``, ``\\boxed{}``, what follows
``</think>``, the whole text), then what stands there (JSON, a list, or one of a few sentences). Prose is not a list:
an item of more than :data:`MAX_WORDS` words makes the answer unparsed rather than a label that nobody said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from affectrl.answers import statements, structured
from affectrl.answers.items import MAX_ITEMS, MAX_LABELS, MAX_WORDS, MOST_ITEMS, Items, plain, quick, read_items
from affectrl.answers.steps import steps

__all__ = ["MAX_LABELS", "MAX_WORDS", "Answer", "parse", "plain"]

_OPEN, _CLOSE, _BOX = "<answer>", "</answer>", "boxed{"
_CUT = re.compile(r"</?[answer]{0,6}$")
_LOOSE = re.compile(r"<[ \t]{0,3}(/?)[ \t]{0,3}(answer|think|step[ _]?\d)[ \t]{0,3}>", re.I)
_STEP = re.compile(r"<(?P<close>/?)step[ _]?\d>")
_TOLD = re.compile(
    r"""["'](?:situation|reasoning|rationale)["']\s{0,9}:\s{0,9}"(?P<said>(?:[^"\\]|\\.)*+)""", re.I | re.DOTALL
)
_HALF_BOX = re.compile(r"\s*\\[boxed]{0,5}\s*\Z")
_BRACES = re.compile(r"[{}]")
_LATEX = re.compile(r"\\(?:text\w{0,8}|math\w{0,8}|emph|underline|mbox|rm|bf|it)\s{0,3}(?=[{ ])|\\[,;! ]|\$")
_FENCES = 16
_QUOTES = frozenset("\"'`“”‘’")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model's text says."""

    labels: tuple[str, ...]
    """Lower-case labels in the order given, without repetition; empty when the text holds no readable answer."""
    reasoning: str | None
    """What stood between the think tags, or in the steps (a line each), or in JSON under ``situation`` or
    ``reasoning``; ``None`` when nothing did."""
    span: tuple[int, int]
    """Characters ``[start, end)`` of the text that the labels were read from."""
    problems: tuple[str, ...] = ()
    """Why the answer is doubtful: ``truncated``, ``repeated_answer``, ``prose``, ``empty``, ``too_many``, ``negated``
    (something was denied and left out), ``alternatives`` (labels joined by ``or``)."""
    form: str = ""
    """How the labels were written: ``list``, ``box``, ``json``, ``statement``; empty when there are none."""

    @property
    def top(self) -> str | None:
        """The first label, or ``None``."""
        return self.labels[0] if self.labels else None


Place = tuple[int, int, tuple[str, ...], "Place | None"]
"""Start, end and problems of where an answer stands, and where else to look when nothing can be read there."""


class _Reading(NamedTuple):
    labels: tuple[str, ...]
    problems: tuple[str, ...]
    start: int
    end: int
    form: str


def parse(text: str) -> Answer:
    """Read labels and reasoning from a completion, in time linear in its length.

    It never raises, and every label is :func:`plain` of an unbroken stretch of ``text``.
    """
    if "<" not in text and (labels := quick(text)):
        return Answer(labels, None, (0, len(text)), (), "list")
    low = _lowered(text)
    place = _locate(low)
    start, end, problems, _ = place
    if labels := quick(text[start:end]):
        return Answer(labels, _reasoning(text, low), (start, end), problems, "list")
    labels, problems, start, end, form = _read(text, place, whole=False)
    return Answer(labels, _reasoning(text, low), (start, end), problems, form)


def field(text: str) -> tuple[str, ...]:
    """Labels of a text that is known to be a list of them: an item too long for a label is kept as one."""
    return quick(text) or _read(text, _locate(_lowered(text)), whole=True).labels


def _read(text: str, place: Place, *, whole: bool) -> _Reading:
    start, end, problems, elsewhere = place
    labels, more, a, b, form = _body(text[start:end], whole)
    if not labels and elsewhere:
        second = _read(text, elsewhere, whole=whole)
        if second.labels:
            return second
    return _Reading(labels, tuple(dict.fromkeys(problems + more)), start + a, start + b, form)


def _body(body: str, whole: bool) -> _Reading:
    """What stands in the place of an answer, with start and end in ``body``."""
    low = _lowered(body)
    if _BOX not in low:
        return _written(body, whole)
    start, end, problems = _boxed(low)
    # Blanks in place of commands would glue words together; a mark that no label holds does not.
    inner = _LATEX.sub(lambda m: "\0" * len(m.group()), body[start:end])
    labels, more, a, b, _ = _written(inner, whole)
    labels = tuple(label for label in labels if "\0" not in label)
    return _Reading(labels, problems + more, start + a, start + b, "box" if labels else "")


def _written(body: str, whole: bool) -> _Reading:
    fence = _fenced(body) if "```" in body else None
    if fence:
        labels, problems, a, b, form = _written(body[fence[0] : fence[1]], whole)
        return _Reading(labels, fence[2] + problems, fence[0] + a, fence[0] + b, form)
    if (found := structured.find(body)) is not None:
        return _values(body, found, whole)
    read = read_items(body)
    span, form = (0, len(body)), "list"
    if "prose" in read.problems or statements.is_sentence(read.labels):
        stated = statements.find(body)
        if stated:
            span, read = stated
            form = "statement"
        elif read.labels and not whole:
            read = Items((), ("prose",))
    if whole and ({"prose", "negated", "too_many"} & set(read.problems)):
        span, read = (0, len(body)), read_items(body, whole=True)
        form = "list"
    problems = ("truncated", *read.problems) if _unclosed(body[span[0] : span[1]]) else read.problems
    return _Reading(read.labels, problems, *span, form if read.labels else "")


def _values(body: str, found: structured.Found, whole: bool) -> _Reading:
    """Labels of JSON strings, each of which may be a list itself."""
    labels: list[str] = []
    more: list[str] = []
    most = MOST_ITEMS if whole else MAX_ITEMS
    if len(found.values) > most:
        more.append("too_many")
    for a, b in found.values[:most]:
        # An escaped letter would give a label that the text does not hold; a written line break only divides.
        value = body[a:b].replace("\\n", "\n")
        if "\\u" in value:
            continue
        read = read_items(value, whole=whole)
        if not whole and statements.is_sentence(read.labels):
            stated = statements.find(value)
            read = stated[1] if stated else Items((), ("prose",))
        if "prose" in read.problems:
            return _Reading((), (*found.problems, "prose"), found.start, found.end, "")
        labels += read.labels
        more += [problem for problem in read.problems if problem != "empty"]
    unique = tuple(dict.fromkeys(labels))
    if len(unique) > MAX_LABELS and not whole:
        unique = unique[:MAX_LABELS]
        more.append("too_many")
    problems = (*found.problems, *dict.fromkeys(more if unique else ["empty", *more]))
    return _Reading(unique, problems, found.start, found.end, "json" if unique else "")


def _locate(low: str) -> Place:
    """Where the answer stands: the last one counts, and what stands in the reasoning is none."""
    at = low.rfind(_OPEN)
    inside = None
    if at >= 0:
        if low[at - 1 : at] in _QUOTES and low[at + 8 : at + 9] in _QUOTES:
            at = _unquoted(low, at)
        if at >= 0 and low.find("</think>", at) >= 0:
            inside, at = at, _after_thinking(low, at)
        if at >= 0:
            return _tagged(low, at)
    rest = low.rfind("</think>") + 8
    fallback = _tagged(low, inside) if inside is not None and low.find(_CLOSE, inside) >= 0 else None
    if rest < 8:
        rest, is_open = _after_steps(low)
        if (is_open and low.find(_BOX, rest) < 0) or (rest and _HALF_BOX.match(low, rest)):
            return len(low), len(low), ("truncated",), (0, rest, (), None) if _BOX in low[:rest] else None
    if rest == 0 and "<think>" in low and _BOX not in low:
        return len(low), len(low), ("truncated",), None
    if fallback is None and _BOX in low[:rest]:
        fallback = (0, rest, (), None)
    if rest == 0 and "<think>" in low:
        rest = low.find("<think>") + 7
    return rest, len(low), (), fallback


def _after_steps(low: str) -> tuple[int, bool]:
    """Where the last step's tag ends, 0 without steps, and whether that tag opens a step."""
    tags = list(_STEP.finditer(low)) if "step" in low else []
    return (tags[-1].end(), not tags[-1]["close"]) if tags else (0, False)


def _tagged(low: str, at: int) -> Place:
    start, end = at + len(_OPEN), low.find(_CLOSE, at)
    problems: tuple[str, ...] = ()
    if end < 0:
        cut = _CUT.search(low, max(start, len(low) - len(_CLOSE)))
        end, problems = cut.start() if cut else len(low), ("truncated",)
    first = low.find(_OPEN)
    if first < at and low.rfind(_CLOSE, 0, at) > first:
        problems += ("repeated_answer",)
    return start, end, problems, None


def _unquoted(low: str, at: int) -> int:
    """The last opening tag that is not merely mentioned, in quotes."""
    while at >= 0 and low[at - 1 : at] in _QUOTES and low[at + 8 : at + 9] in _QUOTES:
        at = low.rfind(_OPEN, 0, at)
    return at


def _after_thinking(low: str, at: int) -> int:
    """The last opening tag at or before ``at`` that stands outside reasoning, or -1.

    An unopened ``</think>`` ends a reasoning that the prompt began.
    """
    while at >= 0:
        close = low.find("</think>", at)
        before = low.rfind("</think>", 0, at)
        opened = low.rfind("<think>", max(before, 0), at) >= 0
        if close < 0 or not (opened or (before < 0 and low.find("<think>", at, close) < 0)):
            return at
        at = low.rfind(_OPEN, 0, before) if before >= 0 else -1
    return -1


def _boxed(low: str) -> tuple[int, int, tuple[str, ...]]:
    """Contents of the last box, braces matched."""
    start = low.rfind(_BOX) + len(_BOX)
    end = _brace(low, start)
    problems: tuple[str, ...] = () if end < len(low) else ("truncated",)
    first = low.find(_BOX) + len(_BOX)
    if first < start and _brace(low, first) < start:
        problems += ("repeated_answer",)
    return start, end, problems


def _brace(low: str, start: int) -> int:
    depth = 1
    for brace in _BRACES.finditer(low, start):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return brace.start()
    return len(low)


def _fenced(body: str) -> tuple[int, int, tuple[str, ...]] | None:
    """Contents of the last code block that holds a letter."""
    parts = [match.start() for match in re.finditer("```", body)]
    last = (len(parts) - 1) // 2 * 2
    for i in range(last, max(-1, last - 2 * _FENCES), -2):
        start = parts[i] + 3
        end = parts[i + 1] if i + 1 < len(parts) else len(body)
        line = re.match(r"[\w+-]{0,20}[ \t]{0,20}\n", body[start : start + 50])
        start = min(start + line.end() if line else start, end)
        if any(c.isalpha() for c in body[start:end]):
            return start, end, () if i + 1 < len(parts) else ("truncated",)
    return None


def _unclosed(body: str) -> bool:
    """Whether a list was opened by a bracket that nothing closes."""
    return body.lstrip()[:1] == "[" and "]" not in body


def _reasoning(text: str, low: str) -> str | None:
    start = low.find("<think>")
    if start >= 0:
        start += 7
        end = low.find("</think>", start)
    else:
        start, end = 0, low.find("</think>")
        if end < 0:
            return _steps_or_situation(text)
    answer = low.find(_OPEN, start, end if end >= 0 else len(low))
    if answer >= 0:
        end = answer
    return text[start : end if end >= 0 else len(text)].strip() or None


def _steps_or_situation(text: str) -> str | None:
    if "<" in text and (said := [step for step in steps(text) if step]):
        return "\n".join(said)
    told = _TOLD.search(text) if "{" in text else None
    return (told["said"].strip() or None) if told else None


def _lowered(text: str) -> str:
    """Lower case, each character in its place, and tags without blanks in them."""
    low = text.lower()
    if len(low) != len(text):
        # One letter, the dotted capital I, becomes two in lower case.
        low = text.replace("\u0130", "\u0131").lower()
    if "<" in low and ("< " in low or " >" in low or "/ " in low):
        low = _LOOSE.sub(_tight, low)
    return low


def _tight(match: re.Match[str]) -> str:
    return f"<{match[1]}{match[2]}>".ljust(len(match.group()))
