"""Accuracy: 1 when the first label of the answer is a reference label, else 0 (R1-Omni's accuracy reward).

Unlike the released R1-Omni code it reads the answer through the one parser: case, quotes and a missing closing tag do
not matter, and text without a readable answer earns nothing. Only the first label counts: listing more gains nothing,
and labels joined by ``or`` are no answer. Range [0, 1]. Known exploit: none beyond guessing the majority class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from affectrl.answers.parser import parse, plain

GROUP = False
JUDGE = False


def reward(
    prompts: Sequence[str],
    completions: Sequence[str],
    completion_ids: Sequence[Sequence[int]],
    *,
    labels: Sequence[Sequence[str]],
    **columns: Any,
) -> list[float | None]:
    """Score completions; ``None`` for a clip that has no reference label."""
    return [
        float(_named(text) in {plain(label) for label in reference}) if reference else None
        for text, reference in zip(completions, labels, strict=True)
    ]


def _named(text: str) -> str | None:
    answer = parse(text)
    return None if "alternatives" in answer.problems else answer.top
