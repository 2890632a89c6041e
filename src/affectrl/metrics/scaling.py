"""Probabilities made honest after training: temperature and vector scaling of a classifier's scores.

Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017), section 4.2: on held-out clips the scores are
divided by one number (temperature), or each class's is multiplied and shifted by numbers of its own (vector), so that
the log-likelihood of the right labels is greatest. Temperature keeps every ranking; vector scaling may change it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affectrl.errors import UsageError

Method = Literal["temperature", "vector"]
COLDEST, HOTTEST = 0.02, 50.0
"""Temperatures that are looked through. A model that is always right has its best one at 0, which is none."""
RIDGE = 1e-3
"""Of vector scaling: what keeps the factors of classes that hardly occur near the temperature's."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """``softmax(weight * scores + bias)`` over K classes."""

    method: Method
    weight: tuple[float, ...]
    """K factors; of a temperature K times its inverse."""
    bias: tuple[float, ...]
    """K shifts; of a temperature all 0."""

    @property
    def temperature(self) -> float:
        """The inverse of the mean factor: above 1 the model was too sure, below 1 not sure enough."""
        return float(1 / np.mean(self.weight))

    def probabilities(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Probabilities ``(N, K)`` from log-scores ``(N, K)``.

        Raises:
            UsageError: ``metric_labels``: the scores are of another number of classes.
        """
        from scipy.special import softmax

        given = np.asarray(scores, dtype=float)
        if given.shape[-1] != len(self.weight):
            raise UsageError(f"{given.shape[-1]} scores for {len(self.weight)} classes.", code="metric_labels")
        return np.asarray(softmax(given * np.asarray(self.weight) + np.asarray(self.bias), axis=-1))


def negative_log_likelihood(probabilities: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    """``-log p`` of each clip's right class, ``(N,)``: probabilities ``(N, K)``, class numbers ``(N,)``."""
    right = np.take_along_axis(np.asarray(probabilities), np.asarray(truth)[:, None], axis=1)[:, 0]
    return np.asarray(-np.log(np.maximum(right, np.finfo(float).tiny)))


def fit(scores: ArrayLike, truth: ArrayLike, method: Method = "temperature", *, ridge: float = RIDGE) -> Scaling:
    """The scaling under which the right classes are likeliest.

    Args:
        scores: ``(N, K)`` log-scores; with vector scaling log-probabilities, so that their zero is the same everywhere.
        truth: ``(N,)`` class numbers.
        method: ``temperature`` (one number) or ``vector`` (2 K numbers, which want some dozens of clips a class).
        ridge: Of vector scaling: weight of the squared distance from the best temperature, beside the mean loss.

    Raises:
        UsageError: ``metric_lengths``: not one class a row, or no rows. ``metric_labels``: a class that is none.
    """
    given, right = np.asarray(scores, dtype=float), np.asarray(truth, dtype=int)
    if given.ndim != 2 or not len(given) or len(given) != len(right):
        raise UsageError(f"scores of shape {given.shape} for {len(right)} classes.", code="metric_lengths")
    if right.min() < 0 or right.max() >= given.shape[1]:
        raise UsageError(f"a class is none of the {given.shape[1]}.", code="metric_labels")
    factor = _best_factor(given, right)
    classes = given.shape[1]
    if method == "temperature":
        return Scaling("temperature", (factor,) * classes, (0.0,) * classes)
    weight, bias = _best_vector(given, right, factor, ridge)
    return Scaling("vector", tuple(weight.tolist()), tuple(bias.tolist()))


def _best_factor(scores: NDArray[np.float64], right: NDArray[np.int_]) -> float:
    """The loss is convex in the factor, so it has one valley in the factor's logarithm too."""
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    own = scores[np.arange(len(right)), right]

    def loss(log_factor: float) -> float:
        factor = np.exp(log_factor)
        return float(np.mean(logsumexp(factor * scores, axis=1) - factor * own))

    bounds = (-np.log(HOTTEST), -np.log(COLDEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    return float(np.exp(found.x))


def _best_vector(
    scores: NDArray[np.float64], right: NDArray[np.int_], factor: float, ridge: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.optimize import minimize
    from scipy.special import logsumexp, softmax

    count, classes = scores.shape
    hot = np.eye(classes)[right]

    def loss(both: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weight, bias = both[:classes], both[classes:]
        z = scores * weight + bias
        away = np.concatenate([weight - factor, bias])
        value = np.mean(logsumexp(z, axis=1) - (z * hot).sum(1)) + ridge * (away**2).sum()
        slope = (softmax(z, axis=1) - hot) / count
        return float(value), np.concatenate([(slope * scores).sum(0), slope.sum(0)]) + 2 * ridge * away

    start = np.concatenate([np.full(classes, factor), np.zeros(classes)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9})
    return found.x[:classes], found.x[classes:]
