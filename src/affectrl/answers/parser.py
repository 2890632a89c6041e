"""The one parser of model output: rewards, metrics and prediction read an answer in the same way, or not at all.

Grammar, first match wins: the last ``<answer>...</answer>`` (or an ``<answer>`` that was never closed), the last
``\\boxed{...}``, and otherwise the whole text after the last ``</think>``. What stands there is a list of labels,
separated by commas, semicolons, new lines or ``and``, in optional brackets and quotes. Prose is not a list: an item of
more than :data:`MAX_WORDS` words makes the answer unparsed rather than a label that nobody said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_WORDS = 4
MAX_LABELS = 16

_ANSWER = re.compile(r"<answer>(?P<body>(?:(?!<answer>).)*?)(?:</answer>|</?[answer]{0,6}$|$)", re.I | re.DOTALL)
_BOXED = re.compile(r"\\boxed\{(?P<body>[^{}]*)(?:\}|$)")
_THINK_END = re.compile(r"</think>", re.IGNORECASE)
_THINK = re.compile(r"<think>(.*?)(?:</think>|<answer>|$)", re.IGNORECASE | re.DOTALL)
_SEPARATOR = re.compile(r"[,;，；、\n|/]|\band\b|\\boxed\{", re.IGNORECASE)
_TRIM = " \t\r\"'`“”‘’.!?:*()[]{}<>。！？【】"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model's text says."""

    labels: tuple[str, ...]
    """Lower-case labels in the order given, without repetition; empty when the text holds no readable answer."""
    reasoning: str | None
    """What stood between the think tags, if anything did."""
    span: tuple[int, int]
    """Characters ``[start, end)`` of the text that the labels were read from."""
    problems: tuple[str, ...] = ()
    """Why the answer is doubtful: ``truncated``, ``repeated_answer``, ``prose``, ``empty``, ``too_many``."""

    @property
    def top(self) -> str | None:
        """The first label, or ``None``."""
        return self.labels[0] if self.labels else None


def parse(text: str) -> Answer:
    """Read labels and reasoning from a completion; never raises, never invents a label that is not in the text."""
    start, end, problems = _locate(text)
    labels, more = _split(text[start:end])
    think = _THINK.search(text)
    reasoning = think.group(1).strip() if think else ""
    return Answer(labels, reasoning or None, (start, end), (*problems, *more))


def _locate(text: str) -> tuple[int, int, list[str]]:
    for pattern in (_ANSWER, _BOXED):
        found = list(pattern.finditer(text))
        if found:
            last = found[-1]
            closed = text[last.end("body") : last.end()].lower() in ("</answer>", "}")
            problems = [] if closed else ["truncated"]
            if len(found) > 1:
                problems.append("repeated_answer")
            return *last.span("body"), problems
    after = [m.end() for m in _THINK_END.finditer(text)]
    if after:
        return after[-1], len(text), []
    if "<think>" in text.lower():
        return len(text), len(text), ["truncated"]
    return 0, len(text), []


def _split(body: str) -> tuple[tuple[str, ...], list[str]]:
    items = [" ".join(item.strip(_TRIM).lower().split()) for item in _SEPARATOR.split(body)]
    items = [item for item in items if any(c.isalpha() for c in item)]
    if not items:
        return (), ["empty"]
    if any(len(item.split()) > MAX_WORDS for item in items):
        return (), ["prose"]
    labels = tuple(dict.fromkeys(items))
    return (labels[:MAX_LABELS], ["too_many"]) if len(labels) > MAX_LABELS else (labels, [])
