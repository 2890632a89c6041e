"""Consistency: does the first step describe the clip? 1 when the judge says yes, 0 when it says no (EMO-R3, arXiv
2602.23802, section 3.3, eq. 3: the image-text half of the reflective reward).

The judge, which is the policy itself in the paper, sees the clip and step 1 alone. ``yes`` is read strictly: the public
code also takes ``eyes`` for it. A step that is missing describes nothing and earns 0; a verdict that cannot be read
says nothing about the step and is ``None``, and so is every row of a format that asks for no reasoning. Range [0, 1].
Known exploit: a first step that is true of every clip ("a person speaks"), or that talks to the judge; and a policy
that judges itself drifts towards yes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from affectrl.judges import Judge, Question
from affectrl.rewards._judged import quoted, reasons, told_steps, yes_or_no

GROUP = False
JUDGE = True


def reward(
    prompts: Sequence[str],
    completions: Sequence[str],
    completion_ids: Sequence[Sequence[int]],
    *,
    format: Sequence[str],
    clip: Sequence[Any],
    judge: Judge,
    **columns: Any,
) -> list[float | None]:
    """Score completions; ``judge`` gets one question for each that has a first step."""
    firsts = [told_steps(text)[0] if reasons(name) else None for text, name in zip(completions, format, strict=True)]
    scores: list[float | None] = [0.0 if reasons(name) else None for name in format]
    asked = [i for i, first in enumerate(firsts) if first is not None]
    answers = judge.answer([Question(question(firsts[i] or ""), clip[i], ("yes", "no"), 8) for i in asked])
    for i, answer in zip(asked, answers, strict=True):
        verdict = yes_or_no(answer)
        scores[i] = None if verdict is None else float(verdict)
    return scores


def question(step: str) -> str:
    """What the judge is asked beside the clip."""
    return f"Is this a true description of the clip? {quoted(step)} Reply with yes or no."
