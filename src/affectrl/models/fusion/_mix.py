"""A learned mix of an encoder's layers, as SUPERB has it (arXiv 2105.01051): one weight a layer, through a softmax."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LayerMix(nn.Module):
    """``(T, layers x D)``, layers side by side, to ``(T, D)``; begins as the plain mean.

    Args:
        layers: How many lie side by side.
    """

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(layers))

    @property
    def shares(self) -> Tensor:
        """(layers,): what part each layer has."""
        return self.weights.softmax(0)

    def forward(self, feature: Tensor) -> Tensor:
        """The mix of one clip's features."""
        return self.shares @ feature.unflatten(1, (len(self.weights), -1))
