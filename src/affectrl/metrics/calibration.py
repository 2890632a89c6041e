"""Whether a stated confidence means what it says: reliability table and expected calibration error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from affectrl.errors import UsageError


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose confidence lies in (low, high]; the first bin also holds 0."""

    low: float
    high: float
    n: int
    confidence: float
    """Mean stated confidence; NaN when the bin is empty."""
    accuracy: float
    """Share that was right; NaN when the bin is empty."""


def reliability(confidence: Sequence[float], correct: Sequence[bool], bins: int = 10) -> list[Bin]:
    """Equal-width bins of confidence with the accuracy found in each.

    Args:
        confidence: In [0, 1], one a clip. Leave out clips that state none.
        correct: Whether the answer was right; an unparsed answer is not.
        bins: Number of bins.

    Raises:
        UsageError: Different lengths, or a confidence that is not in [0, 1].
    """
    edges, which, stated, right = _binned(confidence, correct, bins)
    return [_bin(float(edges[i]), float(edges[i + 1]), stated[which == i], right[which == i]) for i in range(bins)]


def _binned(
    confidence: Sequence[float], correct: Sequence[bool], bins: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Edges ``(bins + 1,)``, then bin, confidence and rightness of each clip, ``(N,)`` each."""
    if len(confidence) != len(correct):
        raise UsageError(f"{len(confidence)} confidences for {len(correct)} answers.", code="metric_lengths")
    stated, right = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=float)
    if not np.all((stated >= 0) & (stated <= 1)):
        raise UsageError("a confidence is not in [0, 1].", code="metric_confidence", hint="Give probabilities.")
    edges = np.linspace(0, 1, bins + 1)
    return edges, np.searchsorted(edges[1:], stated), stated, right


def _bin(low: float, high: float, stated: np.ndarray, right: np.ndarray) -> Bin:
    if not len(stated):
        return Bin(low, high, 0, float("nan"), float("nan"))
    return Bin(low, high, len(stated), float(stated.mean()), float(right.mean()))


def ece(confidence: Sequence[float], correct: Sequence[bool], bins: int = 10) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy over bins, weighted by their size.

    In [0, 1]; 0 means that confidence equals accuracy in every bin. A model that always states its overall accuracy
    also scores 0, so read it beside the accuracy (Guo et al., "On Calibration of Modern Neural Networks", 2017).
    NaN when nothing is given.

    Raises:
        UsageError: As :func:`reliability`.
    """
    if not len(confidence):
        return float("nan")
    _, which, stated, right = _binned(confidence, correct, bins)
    # A bin's size cancels against the size in its two means.
    return float(np.abs(np.bincount(which, stated - right, minlength=bins)).sum() / len(stated))
