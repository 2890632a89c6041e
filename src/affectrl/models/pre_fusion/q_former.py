"""AffectGPT's pre-fusion by Q-Former (arXiv 2501.16566): queries over the rows of all streams, one after another.

Rows are mapped to a common width and numbered from the first stream's to the last one's. A stream that a clip lacks is
one learned row in its place.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from affectrl.errors import ModelError
from affectrl.models.fusion._queries import Queries
from affectrl.models.fusion._rows import linear, padded, resampled
from affectrl.models.pre_fusion._streams import Streams


class QFormerPreFusion(Streams):
    """See the module's text.

    Args:
        dims: Width of each stream's features; their order is the order of the rows.
        width: H.
        queries: What looks at the rows.
        common: Width that rows are mapped to.
        hidden: Width of the queries' answers.
        scale: Root mean square of the language model's embeddings; ours start there.
        standardize: See :class:`Streams`.
    """

    def __init__(
        self,
        dims: dict[str, int],
        width: int,
        queries: Queries,
        *,
        common: int,
        hidden: int,
        scale: float,
        standardize: bool,
    ) -> None:
        super().__init__(dims, common, lacking=(1, common), standardize=standardize)
        self.queries = queries
        self.project = linear(hidden, width, scale)
        self.absent = nn.Parameter(torch.randn(1, width) * scale)

    def forward(self, features: dict[str, list[Tensor | None]]) -> list[Tensor]:
        """Embeddings ``(tokens, H)``, one a clip, or ``(1, H)`` for a clip that has none of the streams."""
        clips = self.clips(features)
        rows = [torch.cat(self.said(clip)) for clip in clips]
        return self.placed(clips, self.project(self.queries(*padded(rows))))

    def told(self, name: str, feature: Tensor) -> Tensor:
        """The stream's rows ``(T, common)``."""
        most = self.queries.positions.num_embeddings // len(self.mapped)
        feature = feature if len(feature) <= most else resampled(feature, most)
        found: Tensor = self.mapped[name](self.standard[name](feature))
        return found


def build(
    dims: dict[str, int],
    width: int,
    *,
    tokens: PositiveInt = 4,
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    scale: float = 0.1,
    common: PositiveInt | None = None,
    positions: PositiveInt = 264,
    layers: PositiveInt = 2,
    hidden: PositiveInt = 768,
    heads: PositiveInt = 12,
    standardize: bool = True,
) -> QFormerPreFusion:
    """See :class:`QFormerPreFusion`.

    ``common`` is the widest stream's width by default; a stream has an equal share of the ``positions`` at most, and
    more rows are resampled.

    Raises:
        ModelError: ``hidden`` is no multiple of ``heads``, or there are fewer positions than streams.
    """
    if positions < len(dims):
        raise ModelError(f"positions must be at least {len(dims)}, one a stream, not {positions}.")
    common = common or max(dims.values())
    queries = Queries(
        common, tokens=tokens, positions=positions, layers=layers, hidden=hidden, heads=heads, dropout=dropout
    )
    return QFormerPreFusion(dims, width, queries, common=common, hidden=hidden, scale=scale, standardize=standardize)
