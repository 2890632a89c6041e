"""A two-layer Q-Former over a clip's rows, as AffectGPT and Video-LLaMA have it: learned queries, a token each."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from affectrl.models.fusion._queries import Queries
from affectrl.models.fusion._rows import Standard, linear, padded, placed, resampled


class QFormerFusion(nn.Module):
    """``(T, D)`` features of each clip to ``(tokens, H)`` embeddings.

    Args:
        dim: D.
        width: H.
        queries: What looks at the rows.
        hidden: Width of its answers.
        scale: Root mean square of the language model's embeddings; ours start there.
        standardize: See :class:`Standard`.
    """

    def __init__(self, dim: int, width: int, queries: Queries, *, hidden: int, scale: float, standardize: bool) -> None:
        super().__init__()
        self.standard = Standard(dim, standardize)
        self.queries = queries
        self.project = linear(hidden, width, scale)
        self.absent = nn.Parameter(torch.randn(1, width) * scale)

    def fit(self, features: list[Tensor], prior: int | None = None) -> None:
        """Take statistics from training features, each ``(T, D)``; ``prior`` as in ``_rows.moved``."""
        self.standard.fit(features, prior)

    def forward(self, features: list[Tensor | None]) -> list[Tensor]:
        """Embeddings, ``(tokens, H)`` for a clip that has the stream and ``(1, H)`` for one that has not."""
        most = self.queries.positions.num_embeddings
        present = [f if len(f) <= most else resampled(f, most) for f in features if f is not None]
        if not present:
            return [self.absent for _ in features]
        rows, keep = padded(present)
        return placed(features, self.project(self.queries(self.standard(rows), keep)), self.absent)


def build(
    dim: int,
    width: int,
    *,
    tokens: PositiveInt = 4,
    components: int = 0,
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    scale: float = 0.1,
    positions: PositiveInt = 32,
    layers: PositiveInt = 2,
    hidden: PositiveInt = 768,
    heads: PositiveInt = 12,
    standardize: bool = True,
) -> QFormerFusion:
    """See :class:`QFormerFusion`; ``tokens`` is the number of queries, and more rows than ``positions`` are resampled.

    Raises:
        ModelError: ``hidden`` is no multiple of ``heads``.
    """
    queries = Queries(
        dim, tokens=tokens, positions=positions, layers=layers, hidden=hidden, heads=heads, dropout=dropout
    )
    return QFormerFusion(dim, width, queries, hidden=hidden, scale=scale, standardize=standardize)
