"""One linear map, as MERIT has it: rows resampled to ``tokens``, each projected.

``stack`` lays neighbouring rows side by side before the map, as Emotion-LLaMA (MiniGPT-v2) does with four patches.
"""

from __future__ import annotations

from pydantic import PositiveInt

from affectrl.models.fusion._rows import Projected, linear


def build(
    dim: int,
    width: int,
    *,
    tokens: PositiveInt = 4,
    components: int = 0,
    dropout: float = 0.0,
    scale: float = 0.1,
    stack: PositiveInt = 1,
    standardize: bool = True,
) -> Projected:
    """See the module's text and :class:`Projected`."""
    project = linear(stack * dim, width, scale)
    return Projected(
        dim, width, project, tokens=tokens, stack=stack, dropout=dropout, scale=scale, standardize=standardize
    )
