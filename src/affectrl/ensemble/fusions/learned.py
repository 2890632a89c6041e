"""Weights of a mixture: those under which the other folds of the reference are likeliest.

p(c) = sum of w_m p_m(c) with w on the simplex, fitted by minimising the mean of -log p(reference), which is convex in w;
SciPy's SLSQP does it. A linear opinion pool (Genest and Zidek, 1986) whose weights are learned.
"""

from __future__ import annotations

import numpy as np

from affectrl.ensemble.judged import Known
from affectrl.ensemble.opinions import Floats
from affectrl.ensemble.soft import Fused, Soft, mean_weights, probability_of, weighted

ABOUT = "weights of a mixture that make the other folds likeliest"
LEARNS = True
_LEAST = 1e-3
"""Probability that a voter is granted for what it called impossible, so that no clip is infinitely unlikely."""


def fuse(soft: Soft, known: Known) -> Fused:
    """One weight a voter, learned on the other folds.

    Raises:
        UsageError: ``vote_reference``.
    """
    truth, fold = known.need_truth("learned")
    said = probability_of(soft, soft.opinions.truth_codes(truth))
    weight = np.stack([mixture(said[fold != f]) for f in range(int(fold.max()) + 1)])
    return Fused(weighted(soft, np.maximum(weight[fold], 1e-9)), mean_weights(soft, weight))


def mixture(said: Floats) -> Floats:
    """``(M,)`` weights for ``(N, M)`` probabilities of the true label, summing to 1."""
    from scipy.optimize import minimize

    p = np.maximum(said, _LEAST)
    m = p.shape[1]

    def loss(w: Floats) -> tuple[float, Floats]:
        mixed = np.maximum(p @ w, _LEAST / 10)
        return float(-np.log(mixed).mean()), -(p / mixed[:, None]).mean(0)

    found = minimize(
        loss,
        np.full(m, 1 / m),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * m,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(m)},
        options={"maxiter": 300, "ftol": 1e-10},
    )
    w = np.clip(found.x, 0.0, None)
    return np.asarray(w / w.sum())
