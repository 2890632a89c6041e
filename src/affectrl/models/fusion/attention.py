"""AffectGPT's pooling (arXiv 2501.16566, released configuration): a weight for each position, their sum, one token.

The weights come of a linear map and go through no softmax, so that they neither are positive nor sum to 1. Since a sum
grows with its terms, clips are resampled to a fixed number of ``positions``: AffectGPT takes eight of everything.
"""

from __future__ import annotations

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from affectrl.models.fusion._rows import Standard, linear, one_token, placed, resampled


class AttentionPooling(nn.Module):
    """``(T, D)`` features of each clip to ``(1, H)`` embeddings; see the module's text.

    Args:
        dim: D.
        width: H.
        positions: Rows that are weighted.
        softmax: Whether the weights are made a distribution.
        dropout: Of the sum, while training.
        scale: Root mean square of the language model's embeddings; ours start there.
        standardize: See :class:`Standard`.
    """

    tokens = 1

    def __init__(
        self, dim: int, width: int, *, positions: int, softmax: bool, dropout: float, scale: float, standardize: bool
    ) -> None:
        super().__init__()
        self.positions, self.softmax = positions, softmax
        self.standard = Standard(dim, standardize)
        self.score = linear(dim, 1, 0.1)
        nn.init.constant_(self.score.bias, 0.0 if softmax else 1 / positions)  # begins near the mean
        self.dropout = nn.Dropout(dropout)
        self.project = linear(dim, width, scale)
        self.absent = nn.Parameter(torch.randn(1, width) * scale)

    def fit(self, features: list[Tensor], prior: int | None = None) -> None:
        """Take statistics from training features, each ``(T, D)``; ``prior`` as in ``_rows.moved``."""
        self.standard.fit(features, prior)

    def forward(self, features: list[Tensor | None]) -> list[Tensor]:
        """Embeddings ``(1, H)``, learned ones for clips that lack the stream."""
        present = [f for f in features if f is not None]
        if not present:
            return [self.absent for _ in features]
        rows = self.standard(torch.stack([resampled(f, self.positions) for f in present]))  # (N, positions, D)
        weights = self.score(rows)  # (N, positions, 1)
        if self.softmax:
            weights = weights.softmax(1)
        pooled = (weights * rows).sum(1, keepdim=True)
        return placed(features, self.project(self.dropout(pooled)), self.absent)


def build(
    dim: int,
    width: int,
    *,
    tokens: int = 1,
    components: int = 0,
    dropout: float = 0.0,
    scale: float = 0.1,
    positions: PositiveInt = 8,
    softmax: bool = False,
    standardize: bool = True,
) -> AttentionPooling:
    """See :class:`AttentionPooling`.

    Raises:
        ModelError: ``tokens`` is not 1.
    """
    one_token(tokens, "attention")
    return AttentionPooling(
        dim, width, positions=positions, softmax=softmax, dropout=dropout, scale=scale, standardize=standardize
    )
