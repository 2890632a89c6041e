"""Features of a stream to a few LLM positions: what happened when, and what it was like on the whole.

The clip is cut into equal segments whose mean rows are projected linearly, as MERIT does, and one more position holds
the mean and spread over the whole clip. Features are standardized and turned to their principal components with
statistics of the training clips, which are part of the model: thousands of columns and dozens of labelled clips would
let the projection learn the clips by heart, and a step of Adam would shake it. A clip that lacks the stream gets one
learned position, not zeros.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from affectrl.models.fusion._rows import LIMIT, moved, placed, resampled

EXACT_ROWS = 2000
"""Rows above which principal components are found by a randomized method, in seconds rather than minutes."""
RIDGE_STRENGTHS = tuple(10.0 ** (power / 2) for power in range(-4, 9))


class SegmentFusion(nn.Module):
    """``(T, D)`` features of each clip to ``(tokens, H)`` embeddings.

    Args:
        dim: D, the encoder's width.
        width: H, the language model's.
        tokens: Positions a clip: ``tokens - 1`` segments and one for the whole.
        components: K, principal components kept.
        dropout: Share of components that are dropped while training.
        scale: Root mean square of the language model's own embeddings; ours start there.
    """

    feature_mean: Tensor
    feature_std: Tensor
    segment_basis: Tensor
    whole_basis: Tensor

    def __init__(self, dim: int, width: int, *, tokens: int, components: int, dropout: float, scale: float) -> None:
        super().__init__()
        self.tokens = tokens
        self.register_buffer("feature_mean", torch.zeros(3, dim))
        self.register_buffer("feature_std", torch.ones(3, dim))
        self.register_buffer("segment_basis", torch.randn(dim, components) / dim**0.5)
        self.register_buffer("whole_basis", torch.randn(2 * dim, components) / (2 * dim) ** 0.5)
        self.dropout = nn.Dropout(dropout)
        self.segment = nn.Linear(components, width)
        self.whole = nn.Linear(components, width)
        self.place = nn.Parameter(torch.zeros(tokens, width))
        self.absent = nn.Parameter(torch.randn(1, width) * scale)
        for layer in (self.segment, self.whole):
            nn.init.normal_(layer.weight, std=scale / layer.in_features**0.5)
            nn.init.zeros_(layer.bias)

    @torch.no_grad()
    def fit(self, features: list[Tensor], prior: int | None = None) -> None:
        """Take means, spreads and principal components from training features, each ``(T, D)``; labels play no part.

        They are taken of segment rows and of whole clips. Without any features the stream stays as good as absent.
        With ``prior`` (see ``_rows.moved``) means and spreads alone move: what is projected keeps its directions.
        """
        if not features:
            return
        rows = torch.cat([self._segments(f) for f in features])
        wholes = torch.stack([self._whole(f) for f in features])  # (N, 2, D)
        for i, table in enumerate((rows, wholes[:, 0], wholes[:, 1])):
            spread = table.std(0).clamp(min=1e-4) if len(table) > 1 else torch.ones_like(table[0])
            moved(self.feature_mean[i], self.feature_std[i], table.mean(0), spread, len(features), prior)
        if prior is not None:
            return
        _principal(self._standard_rows(features).flatten(0, 1), self.segment_basis)
        _principal(self._standard_wholes(features), self.whole_basis)

    @torch.no_grad()
    def align(self, features: list[Tensor], classes: list[int], words: Tensor) -> None:
        """Begin where the whole-clip position says, in the language model's own words, what a linear probe hears.

        Ridge regression (its strength chosen by leave-one-out) from the standardized clip to its class, composed with
        the classes' word embeddings: a closed-form stand-in for the alignment stage of LLaVA-like models, for when
        there are dozens of labelled clips rather than a million. Call :meth:`fit` first.

        Args:
            features: N clips, each ``(T, D)``.
            classes: N numbers of classes.
            words: (classes, H): what to say for each class.
        """
        from sklearn.linear_model import RidgeCV

        if len(set(classes)) < 2:
            return
        table = self._standard_wholes(features) @ self.whole_basis
        wanted = torch.nn.functional.one_hot(torch.tensor(classes), len(words)).double()
        ridge = RidgeCV(alphas=RIDGE_STRENGTHS).fit(table.double().cpu().numpy(), wanted.numpy())
        slope = torch.from_numpy(ridge.coef_).to(words)  # (classes, K)
        offset = torch.from_numpy(ridge.intercept_).to(words)
        centred = words - words.mean(0)
        said = (table @ slope.T + offset - wanted.mean(0).to(words)) @ centred
        gain = centred.pow(2).mean().sqrt() / said.pow(2).mean().sqrt().clamp(min=1e-6)
        # The segments say nothing until they have learned to: random talk beside plain words would only confuse.
        self.segment.weight.zero_()
        self.whole.weight.copy_(gain * centred.T @ slope)
        self.whole.bias.copy_(words.mean(0) + gain * (offset - wanted.mean(0).to(words)) @ centred)

    def forward(self, features: list[Tensor | None]) -> list[Tensor]:
        """Embeddings, ``(tokens, H)`` for a clip that has the stream and ``(1, H)`` for one that has not."""
        present = [f for f in features if f is not None]
        if not present:
            return [self.absent for _ in features]
        rows = self.segment(self.dropout(self._standard_rows(present) @ self.segment_basis))
        wholes = self.whole(self.dropout(self._standard_wholes(present) @ self.whole_basis))
        return placed(features, torch.cat([rows, wholes[:, None]], dim=1) + self.place, self.absent)

    def _standard_rows(self, features: list[Tensor]) -> Tensor:
        rows = torch.stack([self._segments(f) for f in features])  # (N, tokens - 1, D)
        return ((rows - self.feature_mean[0]) / self.feature_std[0]).clamp(-LIMIT, LIMIT)

    def _standard_wholes(self, features: list[Tensor]) -> Tensor:
        wholes = torch.stack([self._whole(f) for f in features])  # (N, 2, D)
        return ((wholes - self.feature_mean[1:]) / self.feature_std[1:]).clamp(-LIMIT, LIMIT).flatten(1)

    def _segments(self, feature: Tensor) -> Tensor:
        return resampled(feature, self.tokens - 1)

    def _whole(self, feature: Tensor) -> Tensor:
        return torch.stack([feature.mean(0), feature.std(0, unbiased=False)])


def _principal(table: Tensor, basis: Tensor) -> None:
    """Fill ``basis`` ``(D, K)`` with principal directions of ``table`` ``(N, D)``; the first gets unit spread."""
    from sklearn.decomposition import PCA

    count = min(basis.shape[1], table.shape[1], len(table) - 1)
    if count < 1 or not table.any():  # one clip, or clips all alike: there is no direction to find
        return
    solver = "randomized" if len(table) > EXACT_ROWS else "full"
    pca = PCA(count, svd_solver=solver, random_state=0).fit(table.double().cpu().numpy())
    spread = max(float(pca.explained_variance_[0]) ** 0.5, 1e-6)
    basis.zero_()
    basis[:, :count] = torch.from_numpy(pca.components_.T / spread).to(basis)


def build(
    dim: int,
    width: int,
    *,
    tokens: Annotated[int, Field(ge=2)] = 5,
    components: int = 64,
    dropout: float = 0.1,
    scale: float = 0.1,
) -> SegmentFusion:
    """See :class:`SegmentFusion`."""
    return SegmentFusion(dim, width, tokens=tokens, components=components, dropout=dropout, scale=scale)
