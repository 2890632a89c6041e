"""AffectGPT's pre-fusion by attention (arXiv 2501.16566, released configuration): streams weigh each other.

Each stream's mean over time is mapped to a common width; all maps together give, through two linear layers with nothing
between them and no softmax, a weight for each stream; the weighted sum is projected to one token. In place of a stream
that a clip lacks stands a learned vector, which begins as zeros, as if it had nothing to say.
"""

from __future__ import annotations

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from affectrl.models.fusion._rows import linear, one_token
from affectrl.models.pre_fusion._streams import Streams


class AttentionPreFusion(Streams):
    """See the module's text.

    Args:
        dims: Width of each stream's features; their order is the order of the weights.
        width: H.
        hidden: The common width; AffectGPT takes the widest stream's.
        dropout: Of the sum, while training.
        scale: Root mean square of the language model's embeddings; ours start there.
        standardize: See :class:`Streams`.
    """

    def __init__(
        self, dims: dict[str, int], width: int, *, hidden: int, dropout: float, scale: float, standardize: bool
    ) -> None:
        super().__init__(dims, hidden, lacking=(hidden,), standardize=standardize)
        self.together = linear(len(dims) * hidden, hidden, 1.0)
        self.weigh = linear(hidden, len(dims), 0.1)
        nn.init.constant_(self.weigh.bias, 1 / len(dims))  # begins near the mean of the streams
        self.dropout = nn.Dropout(dropout)
        self.project = linear(hidden, width, scale)
        self.absent = nn.Parameter(torch.randn(1, width) * scale)

    def forward(self, features: dict[str, list[Tensor | None]]) -> list[Tensor]:
        """Embeddings ``(1, H)``, one a clip."""
        clips = self.clips(features)
        said = torch.stack([torch.stack(self.said(clip)) for clip in clips])  # (B, streams, hidden)
        weights = self.weigh(self.together(said.flatten(1)))  # (B, streams)
        fused = self.project(self.dropout(weights[:, None] @ said))  # (B, 1, H)
        return self.placed(clips, fused)

    def told(self, name: str, feature: Tensor) -> Tensor:
        """The stream's mean over time ``(hidden,)``."""
        found: Tensor = self.mapped[name](self.standard[name](feature).mean(0))
        return found


def build(
    dims: dict[str, int],
    width: int,
    *,
    tokens: int = 1,
    dropout: float = 0.0,
    scale: float = 0.1,
    hidden: PositiveInt | None = None,
    standardize: bool = True,
) -> AttentionPreFusion:
    """See :class:`AttentionPreFusion`; ``hidden`` is the widest stream's width by default.

    Raises:
        ModelError: ``tokens`` is not 1.
    """
    one_token(tokens, "attention")
    return AttentionPreFusion(
        dims, width, hidden=hidden or max(dims.values()), dropout=dropout, scale=scale, standardize=standardize
    )
