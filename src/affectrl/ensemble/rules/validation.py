"""Each vote weighs what the voter scored on other clips: accuracy for one label, EW F for lists (five folds)."""

from __future__ import annotations

import numpy as np

from affectrl.ensemble.judged import Known, Ruling, by_fold, quality
from affectrl.ensemble.opinions import Opinions

ABOUT = "votes weighted by the voters' score on the other folds of the reference"
LEARNS = True


def vote(opinions: Opinions, known: Known) -> Ruling:
    """A label's share of the weight of those who did not abstain; w is the score (Halifa et al., late fusion by F1).

    Raises:
        UsageError: ``vote_reference``.
    """
    _, fold = known.need_truth("validation")
    weight = by_fold(quality(opinions, known, "validation"), fold)
    value = opinions.per_pair(weight[fold[opinions.clip], opinions.voter])
    whole = (weight[fold] * opinions.spoke).sum(1)[opinions.candidates.clip]
    mean = weight.mean(0)
    told = dict(zip(opinions.voters, (mean / mean.sum() if mean.sum() else mean).tolist(), strict=True))
    return Ruling(np.divide(value, whole, out=np.zeros_like(value), where=whole > 0), told)
