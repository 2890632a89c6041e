"""What pre-fusions have in common: streams of different widths mapped to one, and what stands for a missing stream."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from affectrl.models.fusion._rows import Standard, linear

Clip = Sequence[Tensor | None]
"""A clip's features by stream, in the order of the streams."""


class Streams(nn.Module):
    """See the module's text.

    Args:
        dims: Width of each stream's features, in the order of the streams.
        common: The width that they are mapped to.
        lacking: Shape of what stands for a stream that a clip lacks; it begins as zeros, with nothing to say.
        standardize: See :class:`Standard`.
    """

    absent: nn.Parameter
    """(1, H), set by the pre-fusion: what stands for a clip that has none of the streams."""

    def __init__(self, dims: dict[str, int], common: int, *, lacking: tuple[int, ...], standardize: bool) -> None:
        super().__init__()
        self.standard = nn.ModuleDict({name: Standard(dim, standardize) for name, dim in dims.items()})
        self.mapped = nn.ModuleDict({name: linear(dim, common, 1.0) for name, dim in dims.items()})
        self.lacking = nn.ParameterDict({name: nn.Parameter(torch.zeros(lacking)) for name in dims})

    def fit(self, features: dict[str, list[Tensor]], prior: int | None = None) -> None:
        """Take statistics from training features, each ``(T, D)``, by stream; ``prior`` as in ``_rows.moved``."""
        for name, standard in self.standard.items():
            standard.fit(features[name], prior)  # type: ignore[operator]

    def clips(self, features: dict[str, list[Tensor | None]]) -> list[Clip]:
        """Features by stream, one a clip, as features by clip."""
        return list(zip(*(features[name] for name in self.mapped), strict=True))

    def said(self, clip: Clip) -> list[Tensor]:
        """What each stream says, or what stands for it."""
        named = zip(self.mapped, clip, strict=True)
        return [self.lacking[name] if feature is None else self.told(name, feature) for name, feature in named]

    def told(self, name: str, feature: Tensor) -> Tensor:
        """What a stream says that is there, of features ``(T, D)``."""
        raise NotImplementedError

    def placed(self, clips: Sequence[Clip], embeds: Tensor) -> list[Tensor]:
        """Embeddings ``(B, tokens, H)`` one a clip, and ``absent`` for clips that have none of the streams."""
        return [self.absent if all(f is None for f in clip) else row for clip, row in zip(clips, embeds, strict=True)]
