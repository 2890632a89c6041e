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
    """(B, P, H): the shared head, padding, then what differs; so the last position is real in every row. A model whose
    early layers are given more than their input has that behind it: (B, P, (1 + layers) H)."""
    keep: Tensor
    """(B, P) bool: True at real positions."""
    shared: int = 0
    """Leading positions that are the same in every row (instructions), and need to run through the model only once."""
    places: Tensor | None = None
    """(B, P, A): where a model that counts along A axes (time, height, width) puts each column; some in fractions."""

    @property
    def positions(self) -> Tensor:
        """(B, P) long: 0, 1, ... over the real positions; or (B, P, A), the model's own."""
        return self.counts if self.places is None else self.places

    @property
    def counts(self) -> Tensor:
        """(B, P) long: 0, 1, ... over the real positions."""
        return (self.keep.long().cumsum(1) - 1).clamp(min=0)

    def after(self, offsets: Tensor) -> Tensor:
        """Positions (B, W) or (B, W, A) of tokens that stand ``offsets`` (B, W) after the first completion token.

        Text goes on after the highest position of any axis, as the models' own "rope deltas" say.
        """
        if self.places is None:
            return self.lengths[:, None] + offsets
        first = self.places.masked_fill(~self.keep[..., None], 0).amax((1, 2)) + 1
        return (first[:, None] + offsets)[..., None].expand(-1, -1, self.places.shape[-1])

    @property
    def lengths(self) -> Tensor:
        """(B,) long: number of real positions."""
        return self.keep.sum(1)

    def __len__(self) -> int:
        return self.embeds.shape[0]

    def rows(self, index: slice | Tensor) -> Prefix:
        """Some of the clips, by slice or by numbers (long)."""
        places = None if self.places is None else self.places[index]
        return Prefix(self.embeds[index], self.keep[index], self.shared, places)

    def bare(self) -> Prefix:
        """The same numbers, without the graph that made them."""
        return Prefix(self.embeds.detach(), self.keep, self.shared, self.places)


def join(head: Tensor, rows: list[Tensor], places: list[Tensor] | None = None) -> Prefix:
    """One prefix of a head ``(S, H)`` that all clips share and each clip's own part ``(P_i, H)``.

    ``places`` are positions ``(S + P_i, A)`` of each whole row, for a model that has its own.
    """
    longest = max(len(row) for row in rows)
    tails = torch.stack([torch.nn.functional.pad(row, (0, 0, longest - len(row), 0)) for row in rows])
    missing = torch.tensor([[longest - len(row)] for row in rows], device=head.device)
    real = torch.arange(longest, device=head.device) >= missing
    embeds = torch.cat([head.expand(len(rows), *head.shape), tails], dim=1)
    keep = torch.nn.functional.pad(real, (len(head), 0), value=True)
    if places is None:
        return Prefix(embeds, keep, len(head))
    own = places[0].new_zeros((*keep.shape, places[0].shape[1]))
    own[keep] = torch.cat(places)
    return Prefix(embeds, keep, len(head), own)


def fan(rows: list[Tensor], places: list[Tensor] | None = None) -> Prefix:
    """One prefix of rows ``(P_i, H)`` that begin alike: columns before the first difference are the shared head.

    ``places`` are their positions ``(P_i, A)``, likewise. The last two columns of each row are its own: the very last
    is run apart from the rest where an adapter acts on answers alone, and then something must be left to run.
    """
    shortest = max(min(len(row) for row in rows) - 2, 0)
    same = torch.ones(shortest, dtype=torch.bool, device=rows[0].device)
    for table in (rows, places or []):
        for row in table[1:]:
            same &= (row[:shortest] == table[0][:shortest]).all(-1)
    head = int(same.long().cumprod(0).sum())
    return join(rows[0][:head], [row[head:] for row in rows], places)
