"""Advantages: how much better a completion is than its group."""

from __future__ import annotations

from torch import Tensor

EPSILON = 1e-4
"""Added to the spread, as in TRL and the released R1-Omni code."""


def group_advantages(rewards: Tensor, group: int) -> tuple[Tensor, Tensor]:
    """Rewards standardized within each clip's group (DeepSeekMath, arXiv 2402.03300, section 4.1.2).

    Args:
        rewards: (B G,) float32, clip after clip.
        group: G, at least 2.

    Returns:
        Advantages (B G,), and (B,) bool that is True where a group had no variance and so teaches nothing. The spread
        is the unbiased standard deviation, as R1-Omni and TRL compute it; EMO-R3's paper divides by G instead.
    """
    table = rewards.view(-1, group)
    spread = table.std(1, keepdim=True)
    # Not by the spread: that of equal rewards may differ from 0 by rounding.
    flat = table.amax(1, keepdim=True) == table.amin(1, keepdim=True)
    advantages = (table - table.mean(1, keepdim=True)) / (spread + EPSILON)
    return advantages.masked_fill(flat, 0.0).flatten(), flat[:, 0]
