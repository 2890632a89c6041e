"""Advantages: how much better a completion, or a token, is than what was to be expected.

Torch-free: tensors bring their operations along, so that a recipe's algorithm can be checked before torch is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 1e-4
"""Added to the spread, as in TRL and the released R1-Omni code."""

Scale = Literal["group", "batch", "none"]


@dataclass(frozen=True, slots=True)
class Advantages:
    """One number a completion."""

    values: Tensor
    """(N,), clip after clip; exactly 0 in flat groups wherever a baseline is subtracted."""
    flat: Tensor
    """(B,) bool, True where all rewards of a clip are equal."""


def centred(rewards: Tensor, group: int, scale: Scale) -> Advantages:
    """Rewards minus their group's mean, over a spread.

    Args:
        rewards: (N,) float, clip after clip.
        group: G, at least 2.
        scale: ``group``: the group's standard deviation (GRPO: DeepSeekMath, arXiv 2402.03300, section 4.1.2).
            ``batch``: that of all N rewards, so that groups which hardly differ do not weigh as much as those which do.
            ``none``: not divided (Dr. GRPO, arXiv 2503.20783, section 3.2). Deviations are unbiased, as R1-Omni and TRL
            compute them; EMO-R3's paper divides by G instead of G - 1.
    """
    table, flat = _groups(rewards, group)
    values = table - table.mean(1, keepdim=True)
    if scale == "group":
        values = values / (table.std(1, keepdim=True) + EPSILON)
    elif scale == "batch":
        values = values / (table.std() + EPSILON)
    return Advantages(values.masked_fill(flat[:, None], 0.0).flatten(), flat)


def leave_one_out(rewards: Tensor, group: int) -> Advantages:
    """Rewards minus the mean of the group's *other* rewards (RLOO, arXiv 2402.14740); shapes as above."""
    table, flat = _groups(rewards, group)
    others = (table.sum(1, keepdim=True) - table) / (group - 1)
    return Advantages((table - others).masked_fill(flat[:, None], 0.0).flatten(), flat)


def raw(rewards: Tensor, group: int) -> Advantages:
    """The rewards themselves (MERIT's PPO): flat groups are marked, and teach all the same; shapes as above."""
    return Advantages(rewards, _groups(rewards, group)[1])


def _groups(rewards: Tensor, group: int) -> tuple[Tensor, Tensor]:
    """Rewards as (B, G), and which groups are flat."""
    table = rewards.view(-1, group)
    # Not by the spread: that of equal rewards may differ from 0 by rounding.
    return table, table.amax(1) == table.amin(1)


def terminal(rewards: Tensor, keep: Tensor) -> Tensor:
    """A completion's reward (N,) at its last token, 0 before: (N, R). A completion without tokens gets none."""
    left = keep.flip(1).cumsum(1).flip(1)
    return rewards[:, None] * (keep & (left == 1))


def gae(rewards: Tensor, values: Tensor, keep: Tensor, gamma: float, lam: float) -> tuple[Tensor, Tensor]:
    """Generalized advantage estimation (arXiv 1506.02438, eq. 16), per token.

    Args:
        rewards: (N, R), such as :func:`terminal` gives.
        values: (N, R), what the critic expected before each token; no gradient flows from here.
        keep: (N, R) bool, True at completion tokens, which are a row's first ones.
        gamma: Discount a token.
        lam: 0 trusts the critic's next value, 1 the rewards alone.

    Returns:
        Advantages and returns (what the critic should have said), both (N, R) and 0 outside ``keep``.
    """
    values = values.detach().masked_fill(~keep, 0.0)
    advantages = values.new_zeros(values.shape)
    ahead = next_value = values.new_zeros(len(values))
    for t in reversed(range(values.shape[1])):
        surprise = rewards[:, t] + gamma * next_value - values[:, t]
        ahead = (surprise + gamma * lam * ahead).masked_fill(~keep[:, t], 0.0)
        advantages[:, t], next_value = ahead, values[:, t]
    return advantages, advantages + values


def whitened(advantages: Tensor, keep: Tensor) -> Tensor:
    """Token advantages (N, R) with mean 0 and deviation 1 over all tokens of the batch; 0 outside ``keep``."""
    kept = advantages[keep]
    if len(kept) < 2:
        return advantages.masked_fill(~keep, 0.0)
    return ((advantages - kept.mean()) / (kept.std() + EPSILON)).masked_fill(~keep, 0.0)
