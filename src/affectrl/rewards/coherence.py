"""Coherence: is the emotion that a judge reads out of steps 1 and 2 the clip's label? 1 or 0 (EMO-R3, arXiv
2602.23802, section 3.3, eq. 4: the emotional half of the reflective reward).

The judge sees the two steps alone: no clip, no third step, no answer. Its answer is read by the one parser, and forms
of a word count as the word (``sadness`` for ``sad``). A completion that lacks either step earns 0; a judge's answer
that cannot be read, or is none of a closed choice, says nothing about the completion and is ``None``. So is a clip
without labels, and every row of a format that asks for no reasoning. In a format with one block of reasoning that block
stands for both steps. Range [0, 1]. Known exploit: naming the emotion in step 1 instead of what is seen; hence its
sibling, ``consistency``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from affectrl.answers.parser import parse, plain
from affectrl.emotions.label_set import family
from affectrl.judges import Judge, Question
from affectrl.rewards._judged import quoted, reasons, told_steps

GROUP = False
JUDGE = True


def reward(
    prompts: Sequence[str],
    completions: Sequence[str],
    completion_ids: Sequence[Sequence[int]],
    *,
    labels: Sequence[Sequence[str]],
    format: Sequence[str],
    choices: Sequence[Sequence[str] | None],
    judge: Judge,
    **columns: Any,
) -> list[float | None]:
    """Score completions; ``judge`` gets one question for each that has both steps and a reference label."""
    scores: list[float | None] = [
        0.0 if reasons(name) and reference else None for name, reference in zip(format, labels, strict=True)
    ]
    told = [_told(text) if score is not None else None for text, score in zip(completions, scores, strict=True)]
    asked = [i for i, text in enumerate(told) if text is not None]
    answers = judge.answer([question(told[i] or "", choices[i]) for i in asked])
    for i, answer in zip(asked, answers, strict=True):
        scores[i] = _agrees(answer, labels[i], choices[i])
    return scores


def question(text: str, choices: Sequence[str] | None) -> Question:
    """What the judge is asked; a closed choice is named."""
    among = f" Reply with one of: {', '.join(choices)}." if choices else " Reply with one word."
    asked = f"{quoted(text)} Which emotion does this text tell of?{among}"
    return Question(asked, None, tuple(choices) if choices else None, 12)


def _told(text: str) -> str | None:
    first, second, _ = told_steps(text)
    if second is None and "<step" not in text.lower().replace(" ", ""):
        return first  # one block of reasoning
    return f"{first} {second}" if first and second else None


def _agrees(answer: str | None, reference: Sequence[str], choices: Sequence[str] | None) -> float | None:
    read = parse(answer or "")
    if read.top is None or "alternatives" in read.problems:
        return None
    forms = {read.top, *family(read.top)}
    if choices and not forms & {plain(choice) for choice in choices}:
        return None
    exact = read.top in {plain(choice) for choice in choices or ()}
    return float(bool(({read.top} if exact else forms) & {plain(label) for label in reference}))
