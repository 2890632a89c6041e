"""Losses as pure functions on tensors."""

from __future__ import annotations

import torch
from torch import Tensor


def sft_loss(logprobs: Tensor, keep: Tensor) -> Tensor:
    """Negative log-likelihood of the tokens that ``keep`` marks, summed; both are (N, R)."""
    return -(logprobs * keep).sum()


def grpo_loss(logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, keep: Tensor, epsilon: float) -> Tensor:
    """Clipped surrogate, averaged over each completion's tokens (DeepSeekMath, arXiv 2402.03300, eq. 3).

    Without the KL term, as AffectGPT-R1 trains.

    Args:
        logprobs: (N, R) of the policy being updated, with gradient.
        old_logprobs: (N, R) of the policy that sampled.
        advantages: (N,).
        keep: (N, R) bool, True at completion tokens.
        epsilon: Half-width of the clip range.

    Returns:
        (N,) loss of each completion, not yet averaged, so that micro-batches can share one denominator.
    """
    ratio = (logprobs - old_logprobs).exp()
    clipped = ratio.clamp(1 - epsilon, 1 + epsilon)
    surrogate = torch.minimum(ratio * advantages[:, None], clipped * advantages[:, None])
    return -(surrogate * keep).sum(1) / keep.sum(1).clamp(min=1)
