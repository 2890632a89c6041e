"""The update's forward pass: each clip is one row, its prefix once and then all of its completions.

A row is ``prefix, completion 1, completion 2, ...``. Positions start again after the prefix for every completion, and a
block-sparse causal mask lets a completion see the prefix and itself. The states are those of G whole sequences, and the
cost is P + G R positions a clip in place of G (P + R). Columns that are the same in all rows, or that no trained weight
acts on, come from a key-value cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from affectrl.models.kept import Kept
from affectrl.models.prefix import Prefix

if TYPE_CHECKING:
    from affectrl.models.language import Policy


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands in the packed rows."""

    ids: Tensor
    """(B, W) long: completion tokens that are fed, clip by clip, without gaps."""
    real: Tensor
    """(B, W) bool."""
    owner: Tensor
    """(B, W) long: which of the clip's G completions a column belongs to; -1 at padding."""
    at: Tensor
    """(B, W) long: the token's place in its completion."""
    place: Tensor
    """(N, R - 1) long: column of each fed token."""


def layout(ids: Tensor, keep: Tensor, group: int) -> Layout:
    """Pack the rows ``(N, R)`` of each clip; a completion's last token predicts nothing and is not fed."""
    n, r = ids.shape
    b = n // group
    fed = keep[:, 1:].reshape(b, -1)  # (B, G (R - 1)): a token is fed when another follows it
    order = torch.argsort(~fed, dim=1, stable=True)[:, : int(fed.sum(1).max()) if r > 1 else 0]
    real = fed.gather(1, order)
    column = torch.arange(group * max(r - 1, 0), device=ids.device)
    owner = (column // max(r - 1, 1)).expand(b, -1).gather(1, order).masked_fill(~real, -1)
    at = (column % max(r - 1, 1)).expand(b, -1).gather(1, order)
    place = (fed.cumsum(1) - 1).clamp(min=0).view(n, -1)
    return Layout(ids[:, :-1].reshape(b, -1).gather(1, order), real, owner, at, place)


def block_mask(prefix_keep: Tensor, start: int, rows: Layout) -> Tensor:
    """Who may look at whom: ``(B, 1, Q, K)`` bool.

    Queries are the prefix's columns from ``start`` on and then the completions; keys are all columns of both. Padding
    looks at itself, so that no row of the softmax is empty.
    """
    (b, p), w = prefix_keep.shape, rows.ids.shape[1]
    column = torch.arange(p + w, device=prefix_keep.device)
    causal = column[start:, None] >= column[None, :]  # (Q, K)
    owner = torch.nn.functional.pad(rows.owner, (p, 0), value=-2)  # -2: the prefix, which all may look at
    same = (owner[:, start:, None] == owner[:, None, :]) | (owner[:, None, :] == -2)
    real = torch.cat([prefix_keep, rows.real], 1)[:, None, :]
    itself = column[start:, None] == column[None, :]
    return ((causal & same & real) | itself)[:, None].expand(b, 1, -1, -1)


def completion_states(
    policy: Policy, prefix: Prefix, ids: Tensor, keep: Tensor, *, group: int, reuse: Kept | None = None
) -> Tensor:
    """Hidden states ``(N, R, H)``, each of the position that predicts a completion token, with gradient.

    Args:
        policy: Whose language model runs.
        prefix: B clips.
        ids: (N, R) completions, padded on the right.
        keep: (N, R) bool.
        group: G.
        reuse: What the rollout's pass over the same prefixes has left.
    """
    return states_of(policy, prefix, layout(ids, keep, group), ids.shape, group=group, reuse=reuse)


def states_of(
    policy: Policy, prefix: Prefix, rows: Layout, shape: tuple[int, ...], *, group: int, reuse: Kept | None = None
) -> Tensor:
    """What :func:`completion_states` gives, of completions ``shape`` (N, R) that are packed already."""
    past, start, last = policy.context(prefix, reuse)
    b, fed = len(prefix), rows.ids.shape[1]
    first = prefix.embeds.shape[1] - start
    states = prefix.embeds[:, :0]
    if first + fed:
        mask = block_mask(prefix.keep, start, rows)
        positions = torch.cat([prefix.positions[:, start:], prefix.after(rows.at)], 1)
        embeds = torch.cat([prefix.embeds[:, start:], policy.embed_ids(rows.ids)], 1)
        counts = torch.cat([prefix.counts, prefix.lengths[:, None] + rows.at], 1)
        states = policy.run(embeds, mask, positions, past, counts)  # (B, Q, H)
    last = states[:, first - 1] if last is None else last
    last = last.repeat_interleave(group, 0)[:, None]
    n, r = shape
    if r == 1 or fed == 0:
        return last.expand(-1, r, -1)
    width = states.shape[-1]
    index = rows.place.view(b, -1, 1).expand(-1, -1, width)
    rest = states[:, first:].gather(1, index).view(n, -1, width)
    return torch.cat([last, rest], 1)


@contextmanager
def recomputed_layers(model: torch.nn.Module, wanted: bool) -> Iterator[None]:
    """Gradient checkpointing for the passes within or not, whatever the mode; where it was never turned on, nothing.

    transformers decides by the mode: in evaluation it has none, and in training it drops a key-value cache. Only the
    flags of the modules that checkpoint change: dropout inside them stays as it is.
    """
    if not getattr(model, "gradient_checkpointing", False):
        yield
        return
    layers = [m for m in model.modules() if getattr(m, "gradient_checkpointing", False)]
    before = [layer.training for layer in layers]
    for layer in layers:
        layer.training = wanted
    try:
        yield
    finally:
        for layer, flag in zip(layers, before, strict=True):
            layer.training = flag
