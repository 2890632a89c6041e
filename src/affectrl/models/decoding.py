"""Answers from a policy: sampled groups, greedy ones, and exact scores of given ones.

Each clip's prefix runs through the model once, and is kept once: the G completions of a clip are the queries of one
row, which see its prefix and their own columns. A completion that has ended is no query any more, and a clip whose last
one has ended leaves the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from affectrl.errors import ModelError
from affectrl.models.kept import Kept
from affectrl.models.language import Policy
from affectrl.models.packed import completion_states
from affectrl.models.prefix import Prefix
from affectrl.models.scoring import score_tokens


@dataclass(frozen=True, slots=True)
class Completions:
    """G completions for each of B clips, clip after clip: N = B G rows."""

    ids: Tensor
    """(N, R) long: padded on the right."""
    keep: Tensor
    """(N, R) bool: True at generated tokens, the end token included."""
    logprobs: Tensor
    """(N, R) float32: log-probability under the distribution that was sampled from; 0 at padding."""
    group: int
    """G."""
    values: Tensor | None = None
    """(N, R) float32: what a critic expected before each token."""
    reuse: Kept | None = None
    """What the pass over the prefixes leaves for the update."""

    @property
    def lengths(self) -> Tensor:
        """(N,) long: tokens of each row."""
        return self.keep.sum(1)

    def texts(self, policy: Policy, opening: str = "") -> list[str]:
        """The rows as text, the opening of the answer put back in front."""
        ids = [row[keep].tolist() for row, keep in zip(self.ids, self.keep, strict=True)]
        return [opening + text for text in policy.tokenizer.batch_decode(ids, skip_special_tokens=True)]

    def truncated(self, eos_id: int) -> Tensor:
        """(N,) bool: True where the length limit cut the answer."""
        return ~((self.ids == eos_id) & self.keep).any(1)


@torch.no_grad()
def generate(
    policy: Policy,
    prefix: Prefix,
    *,
    group: int = 1,
    max_new_tokens: int = 64,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    critic: Callable[[Tensor], Tensor] | None = None,
    keep: bool = False,
) -> Completions:
    """Sample ``group`` completions a clip, or decode greedily with ``temperature=0``.

    Args:
        policy: In evaluation mode, unless dropout is wanted.
        prefix: B clips.
        group: G.
        max_new_tokens: Rows that have not ended by then are cut.
        temperature: Logits are divided by it, here and in the log-probabilities.
        generator: Source of randomness; the global one by default.
        critic: Gives values ``(N,)`` of the states ``(N, H)`` that tokens are drawn from.
        keep: Keep the prefixes' pass with its graph, for the update.

    Raises:
        ModelError: ``diverged``: the weights no longer give finite numbers.
    """
    from affectrl.models.roomy import roomy

    past, last, reuse = policy.prefill(prefix, keep=keep)
    past = roomy(past, group * (max_new_tokens - 1))
    n, device = len(prefix) * group, policy.device
    ids = torch.full((n, max_new_tokens), policy.eos_id, device=device)
    written = torch.zeros((n, max_new_tokens), dtype=torch.bool, device=device)
    logprobs = torch.zeros((n, max_new_tokens), device=device)
    values = None if critic is None else torch.zeros_like(logprobs)
    alive = torch.arange(n, device=device)
    states = last.repeat_interleave(group, 0)
    clips = torch.arange(len(prefix), device=device)
    begin = prefix.after(prefix.keep.new_zeros((len(prefix), 1), dtype=torch.long))
    owner = torch.where(prefix.keep, ALL, NOBODY)  # (B, P): which completion a cached column belongs to
    counts = prefix.counts
    for step in range(max_new_tokens):
        token, logprob = _draw(policy.logits(states), temperature, generator)
        ids[alive, step], logprobs[alive, step], written[alive, step] = token, logprob, True
        if critic is not None and values is not None:
            values[alive, step] = critic(states)
        going = token != policy.eos_id
        alive, token = alive[going], token[going]
        if len(alive) == 0 or step + 1 == max_new_tokens:
            break
        left = torch.unique(alive // group)
        if len(left) < len(clips):
            rest = torch.searchsorted(clips, left)
            past.batch_select_indices(rest)
            clips, owner, counts = left, owner[rest], counts[rest]
        clip, seat, seats = _seats(torch.searchsorted(clips, alive // group), len(clips))
        fed = torch.full((len(clips), seats), policy.eos_id, device=device)
        fed[clip, seat] = token
        of = torch.full((len(clips), seats), EMPTY, device=device)
        of[clip, seat] = alive
        owner = torch.cat([owner, of], 1)
        mask = (of[:, :, None] == owner[:, None, :]) | (owner[:, None, :] == ALL)
        counts = torch.cat([counts, (prefix.lengths[clips] + step)[:, None].expand(-1, seats)], 1)
        positions = begin[clips].expand(-1, seats, *begin.shape[2:]) + step
        states = policy.run(policy.embed_ids(fed), mask[:, None], positions, past, counts)[clip, seat]
    used = int(written.any(0).sum())
    values = None if values is None else values[:, :used]
    return Completions(ids[:, :used], written[:, :used], logprobs[:, :used], group, values, reuse)


ALL, NOBODY, EMPTY = -1, -2, -3
"""Owners of cached columns that are no completion: the prefix, its padding, and seats that nobody took."""


def _seats(clip: Tensor, clips: int) -> tuple[Tensor, Tensor, int]:
    """Seat numbers 0, 1, ... within each clip for rows that are sorted by clip, and how many seats the fullest has."""
    counts = torch.bincount(clip, minlength=clips)
    first = counts.cumsum(0) - counts
    return clip, torch.arange(len(clip), device=clip.device) - first[clip], int(counts.max())


def token_logprobs(
    policy: Policy,
    prefix: Prefix,
    ids: Tensor,
    keep: Tensor,
    *,
    group: int,
    temperature: float = 1.0,
    reuse: Kept | None = None,
) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy of each completion token, with gradient: two ``(N, R)`` tensors, 0 at padding.

    The result is that of N whole sequences, at the cost of B prefixes and N completions; see ``models/packed.py``.
    """
    states = completion_states(policy, prefix, ids, keep, group=group, reuse=reuse)
    return score_tokens(policy, states, ids, keep, temperature)


def _draw(logits: Tensor, temperature: float, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    logprobs = torch.log_softmax(logits / (temperature or 1.0), dim=-1)
    if not logprobs[:, 0].isfinite().all():  # one wild logit spoils its whole row
        raise ModelError(
            "what the model computes is not finite any more.",
            code="diverged",
            hint="Train again with a lower optim.lr or rl.lr.",
        )
    if temperature == 0:
        token = logits.argmax(-1)
    else:
        token = sample(logprobs.exp(), generator)
    return token, logprobs.gather(1, token[:, None])[:, 0]


def sample(chances: Tensor, generator: torch.Generator | None) -> Tensor:
    """A column ``(N,)`` for each row of ``(N, V)`` chances, by inverting its distribution: one random number a row."""
    reached = chances.cumsum(-1)
    whole = reached[:, -1:]
    mark = torch.rand(whole.shape, generator=generator, device=whole.device) * whole
    mark = torch.minimum(mark, torch.nextafter(whole, torch.zeros_like(whole)))  # rounding must not lead past the end
    return torch.searchsorted(reached, mark, right=True)[:, 0]


def pack(rows: list[list[int]], pad_id: int, device: Any = None) -> tuple[Tensor, Tensor]:
    """Right-padded ids ``(N, R)`` and their keep mask."""
    longest = max(len(row) for row in rows)
    ids = torch.full((len(rows), longest), pad_id, device=device)
    keep = torch.zeros((len(rows), longest), dtype=torch.bool, device=device)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row, device=device)
        keep[i, : len(row)] = True
    return ids, keep
