"""Losses as pure functions on tensors: per token, to be minimised, 0 outside ``keep``.

Weights of :func:`token_weights` turn token losses into the batch's loss, ``(losses * weights).sum()``. They are
computed over the whole batch at once, so that micro-batches, whose sums add up, share one denominator.

Torch-free, like ``advantages.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

LossType = Literal["completion", "token", "constant", "sequence"]
Level = Literal["token", "sequence", "sequence-mean"]

MAX_LOG_RATIO = 20.0
"""Where probability ratios stop growing: an infinite one would make a clipped gradient 0 times infinity."""


def clipped_surrogate(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    keep: Tensor,
    *,
    epsilon: float,
    epsilon_high: float,
    level: Level = "token",
) -> Tensor:
    """Minus the smaller of ratio times advantage and clipped ratio times advantage (PPO, arXiv 1707.06347, eq. 7).

    Args:
        logprobs: (N, R) of the policy being updated, with gradient.
        old_logprobs: (N, R) of the policy that sampled.
        advantages: (N,), or (N, R) from a critic.
        keep: (N, R) bool, True at completion tokens.
        epsilon: Ratios are clipped below ``1 - epsilon``
        epsilon_high: and above ``1 + epsilon_high`` (DAPO, arXiv 2503.14476, eq. 10).
        level: Whose ratio: each token's own (GRPO, arXiv 2402.03300, eq. 3); the whole completion's (``sequence``:
            AffectGPT-R1, eq. 4, and MERIT, section 3.4.2), or its geometric mean over tokens (``sequence-mean``: GSPO,
            arXiv 2507.18071, eq. 7, which is TRL's ``sequence``). A completion's ratio stands at each of its tokens.

    Returns:
        (N, R).
    """
    log_ratio = (logprobs - old_logprobs).masked_fill(~keep, 0.0)
    if level != "token":
        log_ratio = log_ratio.sum(1, keepdim=True)
        if level == "sequence-mean":
            log_ratio = log_ratio / _lengths(keep)
        log_ratio = log_ratio.expand(keep.shape)
    ratio = log_ratio.clamp(max=MAX_LOG_RATIO).exp()
    push = _per_token(advantages)
    surrogate = (ratio * push).minimum(ratio.clamp(1 - epsilon, 1 + epsilon_high) * push)
    return (-surrogate).masked_fill(~keep, 0.0)


def policy_gradient(logprobs: Tensor, advantages: Tensor, keep: Tensor) -> Tensor:
    """Minus advantage times log-probability, without ratio or clip (MERIT, eq. 2; REINFORCE); (N, R)."""
    return -(_per_token(advantages) * logprobs.masked_fill(~keep, 0.0))


def kl_k3(logprobs: Tensor, reference: Tensor, keep: Tensor) -> Tensor:
    """KL divergence from the reference policy, estimated at the sampled tokens (DeepSeekMath, eq. 4): (N, R).

    ``q/p - log(q/p) - 1`` with p the policy and q the reference: never negative, and of the right mean under p.
    """
    log_ratio = (reference - logprobs).masked_fill(~keep, 0.0).clamp(max=MAX_LOG_RATIO)
    return log_ratio.exp() - log_ratio - 1


def value_loss(
    values: Tensor, old_values: Tensor, returns: Tensor, keep: Tensor, *, clip: float | None = None
) -> Tensor:
    """Half the squared error of the critic.

    With ``clip``, the larger of it and the error of a value that moved at most ``clip`` from the old one. That is in no
    equation of the PPO paper, only in its authors' code (arXiv 2005.12729, section 3).

    Args:
        values: (N, R), with gradient.
        old_values: (N, R), from the rollout.
        returns: (N, R), as :func:`affectrl.rl.advantages.gae` gives.
        keep: (N, R) bool.
        clip: None for the plain error.
    """
    # Masked before it is squared: what stands behind the end may be anything, and its gradient is not to be.
    values = values.masked_fill(~keep, 0.0)
    old_values, returns = old_values.masked_fill(~keep, 0.0), returns.masked_fill(~keep, 0.0)
    error = (values - returns) ** 2
    if clip is not None:
        near = old_values + (values - old_values).clamp(-clip, clip)
        error = error.maximum((near - returns) ** 2)
    return error / 2


def token_weights(keep: Tensor, loss_type: LossType, max_length: int) -> Tensor:
    """What each token's loss counts in the batch's, (N, R) float32.

    Args:
        keep: (N, R) bool, of the whole batch.
        loss_type: ``completion``: the mean over a completion's tokens, then over completions (GRPO). ``token``: the
            mean over all tokens, so that long completions count more (DAPO, eq. 12). ``constant``: the sum over tokens,
            divided by N times ``max_length`` (Dr. GRPO). ``sequence``: the sum over tokens, divided by N, which makes
            token log-probabilities that of the completion (MERIT, eq. 2; RLOO).
        max_length: Most tokens that a completion may have; only ``constant`` reads it.
    """
    weights, rows = keep.float(), max(len(keep), 1)
    if loss_type == "completion":
        return weights / (_lengths(keep) * rows)
    if loss_type == "token":
        return weights / weights.sum().clamp(min=1)
    if loss_type == "constant":
        return weights / (rows * max_length)
    return weights / rows


def sft_loss(logprobs: Tensor, keep: Tensor) -> Tensor:
    """Negative log-likelihood of the tokens that ``keep`` marks, summed; both are (N, R)."""
    return -logprobs.masked_fill(~keep, 0.0).sum()


def _per_token(advantages: Tensor) -> Tensor:
    """(N,) or (N, R) to what multiplies (N, R)."""
    return advantages[:, None] if advantages.ndim == 1 else advantages


def _lengths(keep: Tensor) -> Tensor:
    """Tokens a completion, at least 1: (N, 1)."""
    return keep.sum(1, keepdim=True).clamp(min=1)
