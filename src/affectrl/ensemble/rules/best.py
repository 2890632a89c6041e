"""No vote at all: the voter who did best on the other folds speaks alone. What every vote has to beat."""

from __future__ import annotations

import numpy as np

from affectrl.ensemble.judged import Known, Ruling, by_fold, quality
from affectrl.ensemble.opinions import Opinions

ABOUT = "the one voter who scored best on the other folds; where it abstains, the next best"
LEARNS = True


def vote(opinions: Opinions, known: Known) -> Ruling:
    """1 for the labels on that voter's ballot, 0 for all others.

    Raises:
        UsageError: ``vote_reference``.
    """
    _, fold = known.need_truth("best")
    score = by_fold(quality(opinions, known, "best"), fold)
    # Equal scores fall to the voter who comes first by name.
    speaker = np.where(opinions.spoke, score[fold], -1.0).argmax(1)
    value = opinions.per_pair((opinions.voter == speaker[opinions.clip]).astype(float))
    share = np.bincount(score.argmax(1), minlength=opinions.m) / len(score)
    return Ruling(value, dict(zip(opinions.voters, share.tolist(), strict=True)))
