"""What fusions have in common: batches of clips of different lengths, standardization, and the absent stream."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from affectrl.errors import ModelError

LIMIT = 5.0
"""Standardized features are clamped here: one odd recording must not shout the others down."""


class Standard(nn.Module):
    """Rows ``(..., D)`` by the training rows' mean and spread; as they are when ``wanted`` is False.

    Args:
        dim: D.
        wanted: Published projections take features as they come from the encoder.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, dim: int, wanted: bool) -> None:
        super().__init__()
        self.wanted = wanted
        if wanted:
            self.register_buffer("mean", torch.zeros(dim))
            self.register_buffer("std", torch.ones(dim))

    @torch.no_grad()
    def fit(self, features: Sequence[Tensor], prior: int | None = None) -> None:
        """Take them of training features, each ``(T, D)``, every clip counting alike; ``prior`` as in :func:`moved`."""
        if not self.wanted or not features:
            return
        mean = torch.stack([f.mean(0) for f in features]).mean(0)
        squares = torch.stack([f.pow(2).mean(0) for f in features]).mean(0)
        std = (squares - mean.pow(2)).clamp(min=1e-8).sqrt()
        moved(self.mean, self.std, mean, std, len(features), prior)

    def forward(self, rows: Tensor) -> Tensor:
        """Standardized rows."""
        return ((rows - self.mean) / self.std).clamp(-LIMIT, LIMIT) if self.wanted else rows


def moved(mean: Tensor, std: Tensor, new_mean: Tensor, new_std: Tensor, clips: int, prior: int | None) -> None:
    """Overwrite mean and spread by those of new clips; with ``prior``, by what lies between.

    Schneider et al. (2020, arXiv 2006.16971, equation 3): means and variances are weighted by ``clips``, how many new
    clips there are, and by ``prior``, how many the old figures count as.
    """
    if prior is not None:
        share = clips / (clips + prior)
        new_mean = (1 - share) * mean + share * new_mean
        new_std = ((1 - share) * std.pow(2) + share * new_std.pow(2)).sqrt()
    mean.copy_(new_mean)
    std.copy_(new_std)


class Projected(nn.Module):
    """Rows resampled to ``tokens`` times ``stack``, ``stack`` neighbours side by side, through ``project``.

    Args:
        dim: D.
        width: H.
        project: From ``stack x D`` to H.
        tokens: Positions a clip.
        stack: Rows a position.
        dropout: Of the projection's input, while training.
        scale: Root mean square of the language model's embeddings; the absent stream's starts there.
        standardize: See :class:`Standard`.
    """

    def __init__(
        self,
        dim: int,
        width: int,
        project: nn.Module,
        *,
        tokens: int,
        stack: int,
        dropout: float,
        scale: float,
        standardize: bool,
    ) -> None:
        super().__init__()
        self.tokens, self.stack = tokens, stack
        self.standard = Standard(dim, standardize)
        self.dropout = nn.Dropout(dropout)
        self.project = project
        self.absent = nn.Parameter(torch.randn(1, width) * scale)

    def fit(self, features: list[Tensor], prior: int | None = None) -> None:
        """Take statistics from training features, each ``(T, D)``; ``prior`` as in :func:`moved`."""
        self.standard.fit(features, prior)

    def forward(self, features: list[Tensor | None]) -> list[Tensor]:
        """Embeddings, ``(tokens, H)`` for a clip that has the stream and ``(1, H)`` for one that has not."""
        present = [f for f in features if f is not None]
        if not present:
            return [self.absent for _ in features]
        rows = self.standard(torch.stack([resampled(f, self.tokens * self.stack) for f in present]))
        embeds = self.project(self.dropout(rows.unflatten(1, (self.tokens, self.stack)).flatten(2)))
        return placed(features, embeds, self.absent)


def resampled(feature: Tensor, count: int) -> Tensor:
    """``(T, D)`` to ``(count, D)``: means of equal stretches; of fewer rows, these again."""
    return torch.nn.functional.adaptive_avg_pool1d(feature.T[None], count)[0].T if len(feature) != count else feature


def padded(features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Features of different lengths as ``(N, T, D)``, padded at the end, and a bool mask ``(N, T)`` of real rows."""
    rows = nn.utils.rnn.pad_sequence(list(features), batch_first=True)
    lengths = torch.tensor([len(f) for f in features], device=rows.device)
    return rows, torch.arange(rows.shape[1], device=rows.device) < lengths[:, None]


def placed(features: Sequence[Tensor | None], embeds: Tensor, absent: Tensor) -> list[Tensor]:
    """Embeddings of the clips that have the stream, in order, and ``absent`` in the others' places."""
    found = iter(embeds)
    return [absent if f is None else next(found) for f in features]


def linear(inputs: int, outputs: int, scale: float) -> nn.Linear:
    """A projection whose outputs begin as loud as ``scale`` when its inputs are standardized."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=scale / inputs**0.5)
    nn.init.zeros_(layer.bias)
    return layer


def one_token(tokens: int, what: str) -> None:
    """Refuse ``tokens`` for a fusion that sums a clip up.

    Raises:
        ModelError: It is not 1.
    """
    if tokens != 1:
        raise ModelError(f"{what} gives one position a clip, not tokens: {tokens}.", hint="Say tokens: 1.")
