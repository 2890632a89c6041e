"""MER2025 track 1's own head: an encoder a feature, and their sum under weights that all of them decide.

Each feature goes through dropout and three layers with ReLU; the outputs side by side go through another such encoder
and a linear map to one weight each (no softmax); their weighted sum is classified. There are three places at least, and
the last feature fills those that are left, as in the published runs: one feature stands there three times, of two the
second twice (``toolkit/models/attention.py`` of https://github.com/zeroQiaoba/MERTools, and its ``attention_topn``).
Adam, cross-entropy, batches of 32, L2 1e-5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

FIXED: dict[str, Any] = {"hidden": 128, "dropout": 0.3, "lr": 1e-3, "epochs": 30}
CHOICES: dict[str, list[Any]] = {"hidden": [64, 128, 256], "dropout": [0.2, 0.3, 0.4, 0.5], "lr": [1e-3, 1e-4]}
"""Of ``model-tune.yaml``, from which each published run drew."""
PLACES = 3
BATCH = 32
L2 = 1e-5


class Network(nn.Module):
    """Blocks ``(N, D_i)`` to logits ``(N, classes)``."""

    def __init__(self, widths: list[int], classes: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(_encoder(width, hidden, dropout) for width in widths)
        self.together = _encoder(hidden * len(widths), hidden, dropout)
        self.weigh = nn.Linear(hidden, len(widths))
        self.classify = nn.Linear(hidden, classes)

    def forward(self, blocks: list[Tensor]) -> Tensor:
        """See the class."""
        rows = [encoder(block) for encoder, block in zip(self.encoders, blocks, strict=True)]
        weights = self.weigh(self.together(torch.cat(rows, 1)))
        return self.classify((torch.stack(rows, 2) @ weights[:, :, None])[:, :, 0])


class Attention:
    """See the module's text."""

    def __init__(self, seed: int, hidden: int, dropout: float, lr: float, epochs: int) -> None:
        self._seed, self._hidden, self._dropout, self._lr, self._epochs = seed, hidden, dropout, lr, epochs
        self._network: Network | None = None

    def fit(self, blocks: list[np.ndarray], y: np.ndarray) -> None:
        """Learn from features ``(N, D)`` and class numbers ``(N,)``; torch's global generator stays as it was."""
        inputs, targets = _filled(blocks), torch.from_numpy(y).long()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            widths = [block.shape[1] for block in inputs]
            network = Network(widths, int(targets.max()) + 1, self._hidden, self._dropout).train()
            optimizer = torch.optim.Adam(network.parameters(), lr=self._lr, weight_decay=L2)
            for _ in range(self._epochs):
                for batch in torch.randperm(len(targets)).split(BATCH):
                    loss = nn.functional.cross_entropy(network([block[batch] for block in inputs]), targets[batch])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
        self._network = network.eval()

    @torch.no_grad()
    def predict_proba(self, blocks: list[np.ndarray]) -> np.ndarray:
        """Probabilities ``(N, classes)``."""
        assert self._network is not None, "fit comes first"
        return np.asarray(self._network(_filled(blocks)).softmax(1).numpy())


def _encoder(width: int, hidden: int, dropout: float) -> nn.Sequential:
    layers = [nn.Linear(width, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)]
    return nn.Sequential(nn.Dropout(dropout), *(part for layer in layers for part in (layer, nn.ReLU())))


def _filled(blocks: list[np.ndarray]) -> list[Tensor]:
    held = [torch.from_numpy(block).float() for block in blocks]
    return [*held, *[held[-1]] * (PLACES - len(held))]


def build(
    seed: int,
    *,
    hidden: int = FIXED["hidden"],
    dropout: float = FIXED["dropout"],
    lr: float = FIXED["lr"],
    epochs: int = FIXED["epochs"],
) -> Attention:
    """Make one.

    Args:
        seed: Of first weights, order and dropout.
        hidden: Width of all layers.
        dropout: Share of each encoder's inputs that is left out in training.
        lr: Learning rate.
        epochs: Passes over the clips; the last one's weights are kept.
    """
    return Attention(seed, hidden, dropout, lr, epochs)
