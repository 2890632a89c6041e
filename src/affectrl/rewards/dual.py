"""Dual: EW F of the emotion words in the reasoning against the reference, times a length penalty (AffectGPT-R1, eq. 9
and 15).

The accuracy reward put to the reasoning: its words are found as for ``alignment``. Range [0, 1]. A reasoning that is
missing or mentions no emotion earns 0; ``None`` for a clip without a reference that any wheel knows, for a format that
asks for no reasoning, and where the judge did not answer. Known exploit: listing emotions in the reasoning, which is
what the penalty is for; emotions that are weighed and dismissed count unless they are denied in so many words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from affectrl.judges import Judge
from affectrl.rewards._judged import reasons
from affectrl.rewards._length_penalty import Corners, Penalty, count, length_penalty
from affectrl.rewards._on_wheels import Extract, RuleName, Unknown, chosen, ew_of_one, wheels, words_of_reasoning
from affectrl.rewards.alignment import asks

__all__ = ["GROUP", "JUDGE", "asks", "reward"]

GROUP = False
JUDGE = True


def reward(
    prompts: Sequence[str],
    completions: Sequence[str],
    completion_ids: Sequence[Sequence[int]],
    *,
    labels: Sequence[Sequence[str]],
    format: Sequence[str],
    judge: Judge | None = None,
    extract: Extract = "lexicon",
    penalty: Penalty = "none",
    corners: Corners = "ours",
    rules: RuleName = "affectrl",
    unknown: Unknown = "drop",
    tables: str | None = None,
    **columns: Any,
) -> list[float | None]:
    """Score completions; settings as those of ``alignment`` and ``emotion-wheel``."""
    space, how = wheels(tables), chosen(rules, unknown)
    scores: list[float | None] = [None] * len(completions)
    rows = [i for i, name in enumerate(format) if reasons(name) and ew_of_one(labels[i], (), space, how) is not None]
    found = words_of_reasoning([completions[i] for i in rows], extract, space, judge)
    for i, words in zip(rows, found, strict=True):
        value = None if words is None else ew_of_one(labels[i], words, space, how)
        if words is not None and value is not None:
            scores[i] = value * length_penalty(penalty, len(words), count(labels[i]), corners)
    return scores
