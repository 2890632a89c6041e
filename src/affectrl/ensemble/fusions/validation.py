"""The mean of the probabilities, each voter weighted by its accuracy on the other folds of the reference."""

from __future__ import annotations

import numpy as np

from affectrl.ensemble.judged import Known, by_fold
from affectrl.ensemble.soft import Fused, Soft, mean_weights, right, weighted

ABOUT = "probabilities weighted by the voters' accuracy on the other folds"
LEARNS = True


def fuse(soft: Soft, known: Known) -> Fused:
    """w of a voter is its accuracy; an abstention is wrong.

    Raises:
        UsageError: ``vote_reference``.
    """
    truth, fold = known.need_truth("validation")
    weight = by_fold(right(soft, soft.opinions.truth_codes(truth)).astype(float), fold)
    return Fused(weighted(soft, np.maximum(weight[fold], 1e-9)), mean_weights(soft, weight))
