"""Two layers with a GELU between them, as LLaVA-1.5 has them (arXiv 2310.03744): rows resampled, each projected."""

from __future__ import annotations

from pydantic import PositiveInt
from torch import nn

from affectrl.models.fusion._rows import Projected, linear


def build(
    dim: int,
    width: int,
    *,
    tokens: PositiveInt = 4,
    components: int = 0,
    dropout: float = 0.0,
    scale: float = 0.1,
    hidden: PositiveInt | None = None,
    stack: PositiveInt = 1,
    standardize: bool = True,
) -> Projected:
    """See the module's text and :class:`Projected`; ``hidden`` is the width between the layers, H by default."""
    between = hidden or width
    project = nn.Sequential(linear(stack * dim, between, 1.0), nn.GELU(), linear(between, width, scale))
    return Projected(
        dim, width, project, tokens=tokens, stack=stack, dropout=dropout, scale=scale, standardize=standardize
    )
