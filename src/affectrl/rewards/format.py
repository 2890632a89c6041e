"""Format: 1 when the whole output has the shape that its answer format asks for, else 0 (R1-Omni's format reward).

Range [0, 1]. Known exploit: a well-formed answer with empty talk inside, which is why it is never used alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from affectrl import shelves

GROUP = False
JUDGE = False


def reward(
    prompts: Sequence[str],
    completions: Sequence[str],
    completion_ids: Sequence[Sequence[int]],
    *,
    format: Sequence[str],
    **columns: Any,
) -> list[float | None]:
    """Score completions against the format that each was asked for."""
    return [
        float(shelves.load("affectrl.answers.formats", name).well_formed(text))
        for text, name in zip(completions, format, strict=True)
    ]
