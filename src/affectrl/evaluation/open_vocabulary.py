"""EW of a model's open-vocabulary answers, with all that it should not be read without.

Rules are ours (``RULES["affectrl"]``: never NaN where a reference is known, ``neutral`` a cluster, the mean over the
wheels that know a reference), as in the reward; a clip whose reference no wheel knows is not kept. Official scores come
from ``affectrl score --task ov --rules mer2025``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from affectrl.emotions.space import WheelSpace
from affectrl.metrics.emotion_wheel import EWScore, ew, ew_of_sums
from affectrl.metrics.intervals import Estimate, bootstrap_sums, paired_bootstrap_sums
from affectrl.metrics.resampling import Floats
from affectrl.metrics.wheel_rules import RULES
from affectrl.scoring.baseline import SIX_WORDS

Lists = Sequence[Sequence[str]]
HEADS = ("ew", "ew_precision", "ew_recall", "ew_level2")
"""What :func:`estimates` gives: F, precision and recall at level 1, F at level 2, each the mean over the wheels."""
RULE = RULES["affectrl"]


@dataclass(frozen=True, slots=True)
class Scored:
    """Label lists against reference lists."""

    score: EWScore

    @property
    def columns(self) -> Floats:
        """Per-clip terms ``(N, 5 W)`` whose sums decide the score."""
        return self.score.columns if self.score.n else np.zeros((0, 5 * len(self.score.wheels)))

    def values(self) -> dict[str, float]:
        """:data:`HEADS`; NaN when no clip is kept."""
        return dict(zip(HEADS, map(float, _heads(self.columns.sum(0))), strict=True))

    def estimates(self, groups: Sequence[str] | None, seed: int = 0) -> dict[str, Estimate]:
        """:data:`HEADS` with 95 % bootstrap intervals, over whole groups where there are any."""
        return _named(bootstrap_sums(self.columns, _heads, groups=groups, seed=seed))

    def gain(self, before: Scored, groups: Sequence[str] | None, seed: int = 0) -> dict[str, Estimate]:
        """:data:`HEADS` minus those of ``before`` on the same clips, paired."""
        return _named(paired_bootstrap_sums(before.columns, self.columns, _heads, groups=groups, seed=seed))

    @property
    def n_kept(self) -> int:
        """Clips whose reference at least one wheel knows."""
        return self.score.n - self.score.n_skipped

    def beside(self) -> dict[str, float]:
        """What the score should be read with: clips kept, words a list on both sides, share of unknown words."""
        reference, answers = self.score.reference, self.score.prediction
        return {
            "n_kept": self.n_kept,
            "labels_per_answer": answers.labels_per_sample,
            "reference_labels": reference.labels_per_sample,
            "unknown_share": answers.unknown_share,
        }


def score(references: Lists, answers: Lists) -> Scored:
    """Score answers; an empty list is an answer that could not be read, and wrong.

    Args:
        references: Labels of each clip.
        answers: Labels of each answer, in the same order.
    """
    return Scored(ew(references, answers, WheelSpace.builtin(), RULE))


def constant(references: Lists) -> float:
    """EW F of naming :data:`SIX_WORDS` for every clip, which looks at none."""
    return score(references, [SIX_WORDS] * len(references)).values()["ew"]


def f_of_sums(sums: Floats) -> Floats:
    """EW F at level 1 of summed :attr:`Scored.columns`."""
    return _heads(sums)[..., 0]


def _heads(sums: Floats) -> Floats:
    # F, precision and recall at level 1, then F at level 2
    return ew_of_sums(sums, len(WheelSpace.builtin().wheels), RULE)[..., : len(HEADS)]


def _named(found: Estimate | list[Estimate]) -> dict[str, Estimate]:
    return dict(zip(HEADS, cast("list[Estimate]", found), strict=True))
