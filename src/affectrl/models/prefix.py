"""The seam between what a clip is and what a language model does with it.

Left of a :class:`Prefix` nothing knows reinforcement learning; right of it nothing knows media. Letters in shapes, here
and in all of ``models`` and ``rl``: B clips, P prefix positions, G completions a clip, R completion tokens, H hidden
width, T feature rows, D feature width, V vocabulary. A mask is named for what True means.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Prefix:
    """Everything before the first generated token, for a batch of clips."""

    embeds: Tensor
    """(B, P, H): padded on the left."""
    keep: Tensor
    """(B, P) bool: True at real positions."""

    @property
    def positions(self) -> Tensor:
        """(B, P) long: 0, 1, ... over the real positions."""
        return (self.keep.long().cumsum(1) - 1).clamp(min=0)

    @property
    def lengths(self) -> Tensor:
        """(B,) long: number of real positions."""
        return self.keep.sum(1)

    def __len__(self) -> int:
        return self.embeds.shape[0]

    def rows(self, index: slice) -> Prefix:
        """Some of the clips."""
        return Prefix(self.embeds[index], self.keep[index])


def left_pad(rows: list[Tensor]) -> Prefix:
    """Stack embeddings of different lengths, each ``(P_i, H)``, into one prefix."""
    longest = max(len(row) for row in rows)
    embeds = torch.stack([torch.nn.functional.pad(row, (0, 0, longest - len(row), 0)) for row in rows])
    missing = torch.tensor([[longest - len(row)] for row in rows], device=embeds.device)
    return Prefix(embeds, torch.arange(longest, device=embeds.device) >= missing)
