"""The mean over time through one linear map, to one position: the plainest pooling, and Emotion-LLaMA's for sound."""

from __future__ import annotations

from affectrl.models.fusion._rows import Projected, linear, one_token


def build(
    dim: int,
    width: int,
    *,
    tokens: int = 1,
    components: int = 0,
    dropout: float = 0.0,
    scale: float = 0.1,
    standardize: bool = True,
) -> Projected:
    """See the module's text and :class:`Projected`.

    Raises:
        ModelError: ``tokens`` is not 1.
    """
    one_token(tokens, "the mean")
    project = linear(dim, width, scale)
    return Projected(dim, width, project, tokens=1, stack=1, dropout=dropout, scale=scale, standardize=standardize)
