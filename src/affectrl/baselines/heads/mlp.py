"""A network of one hidden layer on all features side by side (scikit-learn)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

FIXED: dict[str, Any] = {"hidden": 128, "lr": 1e-3, "l2": 1e-3, "epochs": 50}
CHOICES: dict[str, list[Any]] = {"hidden": [64, 128, 256], "lr": [1e-3, 1e-4], "l2": [1e-5, 1e-3, 1e-1]}


class MLP:
    """See the module's text."""

    def __init__(self, seed: int, hidden: int, lr: float, l2: float, epochs: int) -> None:
        from sklearn.neural_network import MLPClassifier

        self._model = MLPClassifier(
            (hidden,), learning_rate_init=lr, alpha=l2, max_iter=epochs, batch_size=32, random_state=seed
        )

    def fit(self, blocks: list[np.ndarray], y: np.ndarray) -> None:
        """Learn from features ``(N, D)`` and class numbers ``(N,)``."""
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # so many epochs were asked for
            warnings.filterwarnings("ignore", message="Got `batch_size`")
            self._model.fit(np.hstack(blocks), y)

    def predict_proba(self, blocks: list[np.ndarray]) -> np.ndarray:
        """Probabilities ``(N, classes)``."""
        return np.asarray(self._model.predict_proba(np.hstack(blocks)))


def build(
    seed: int,
    *,
    hidden: int = FIXED["hidden"],
    lr: float = FIXED["lr"],
    l2: float = FIXED["l2"],
    epochs: int = FIXED["epochs"],
) -> MLP:
    """Make one.

    Args:
        seed: Of first weights and order.
        hidden: Width of the hidden layer.
        lr: Learning rate (Adam).
        l2: Weight of the L2 penalty.
        epochs: At most so many; it stops when the training loss does.
    """
    return MLP(seed, hidden, lr, l2, epochs)
