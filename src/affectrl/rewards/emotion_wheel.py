"""Emotion wheel: EW F of the answer's labels against the reference, one sample at a time, times a length penalty
(AffectGPT-R1, eq. 7 and 14: its accuracy reward).

Our rules by default: never NaN, averaged over the wheels that know the reference, ``neutral`` a cluster, a wheel's own
words first. The official rules on one sample give NaN (MER2025; 0 here) or cap a perfect answer (MER2026);
``docs/metric-audit.md`` shows both. Range [0, 1]. Known exploit: synonyms are free and a few words that cover many
clusters earn something on any clip, so answers grow: take a penalty, and watch the number of labels. Unknown words cost
nothing unless ``unknown: wrong``, but they count for the penalty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from affectrl.answers.parser import parse
from affectrl.rewards._length_penalty import Corners, Duplicates, Penalty, count, length_penalty, said_in
from affectrl.rewards._on_wheels import RuleName, Unknown, chosen, ew_of_one, wheels

GROUP = False
JUDGE = False


def reward(
    prompts: Sequence[str],
    completions: Sequence[str],
    completion_ids: Sequence[Sequence[int]],
    *,
    labels: Sequence[Sequence[str]],
    penalty: Penalty = "none",
    corners: Corners = "ours",
    duplicates: Duplicates = "once",
    rules: RuleName = "affectrl",
    unknown: Unknown = "drop",
    tables: str | None = None,
    **columns: Any,
) -> list[float | None]:
    """Score completions; ``None`` for a clip without a reference that any wheel knows.

    Args:
        prompts: Not used.
        completions: N texts.
        completion_ids: Not used.
        labels: Reference labels of each.
        penalty: For more labels than the reference has; see ``_length_penalty.py``.
        corners: P3 with one reference label.
        duplicates: Whether a label that is written twice counts twice for the penalty.
        rules: How the corners of EW are treated.
        unknown: Whether a label that no wheel knows is left out or wrong.
        tables: A folder with a challenge's word tables, in place of our wheels and lexicon.
        **columns: Not used.
    """
    space, how = wheels(tables), chosen(rules, unknown)
    scores: list[float | None] = []
    for text, reference in zip(completions, labels, strict=True):
        answer = parse(text)
        value = ew_of_one(reference, answer.labels, space, how)
        said = said_in(text, answer, duplicates)
        factor = length_penalty(penalty, said, count(reference), corners)
        scores.append(None if value is None else factor * value)
    return scores
