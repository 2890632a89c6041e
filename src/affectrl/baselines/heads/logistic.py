"""Logistic regression on all features side by side (scikit-learn)."""

from __future__ import annotations

from typing import Any

import numpy as np

FIXED: dict[str, Any] = {"c": 0.1, "iterations": 1000}
CHOICES: dict[str, list[Any]] = {"c": [0.001, 0.01, 0.1, 1.0, 10.0]}


class Logistic:
    """See the module's text."""

    def __init__(self, seed: int, c: float, iterations: int) -> None:
        from sklearn.linear_model import LogisticRegression

        self._model = LogisticRegression(C=c, max_iter=iterations, random_state=seed)

    def fit(self, blocks: list[np.ndarray], y: np.ndarray) -> None:
        """Learn from features ``(N, D)`` and class numbers ``(N,)``."""
        self._model.fit(np.hstack(blocks), y)

    def predict_proba(self, blocks: list[np.ndarray]) -> np.ndarray:
        """Probabilities ``(N, classes)``."""
        return np.asarray(self._model.predict_proba(np.hstack(blocks)))


def build(seed: int, *, c: float = FIXED["c"], iterations: int = FIXED["iterations"]) -> Logistic:
    """Make one.

    Args:
        seed: Of its solver.
        c: Inverse of the L2 penalty.
        iterations: At most so many.
    """
    return Logistic(seed, c, iterations)
