"""Accuracy: 1 when the first label of the answer is a reference label, else 0 (R1-Omni's accuracy reward).

Unlike the released R1-Omni code it reads the answer through the one parser: case, quotes and a missing closing tag do
not matter, and text without a readable answer earns nothing. Only the first label counts: listing more gains nothing.
Range [0, 1]. Known exploit: none beyond guessing the majority class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from affectrl.answers.parser import parse

GROUP = False


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
        float(parse(text).top in {" ".join(label.lower().split()) for label in reference}) if reference else None
        for text, reference in zip(completions, labels, strict=True)
    ]
