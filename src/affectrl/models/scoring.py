"""Log-probabilities of given tokens, without the logits of all of them in memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from affectrl.models.language import Policy

LOGIT_ROWS = 256
"""Tokens whose logits are in memory at a time."""


def score_tokens(
    policy: Policy, states: Tensor, ids: Tensor, keep: Tensor, temperature: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy ``(N, R)`` of tokens from the states ``(N, R, H)`` that predict them; 0 at padding.

    Entropy has no gradient.
    """
    picked, entropy = score_rows(policy, states[keep], ids[keep], temperature)
    shape = (torch.zeros(keep.shape, device=ids.device), torch.zeros(keep.shape, device=ids.device))
    return shape[0].masked_scatter(keep, picked), shape[1].masked_scatter(keep, entropy)


def score_rows(policy: Policy, states: Tensor, ids: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy ``(M,)`` of tokens ``(M,)`` from the states ``(M, H)`` that predict them."""
    from torch.utils.checkpoint import checkpoint

    learns = torch.is_grad_enabled()
    head = policy.lm.get_output_embeddings()
    frozen = not any(p.requires_grad for p in head.parameters())
    if learns and type(head) is nn.Linear and frozen and policy.softcap is None:
        return _FrozenHead.apply(states, ids, policy, head.weight, temperature)
    pieces = []
    for state, wanted in zip(states.split(LOGIT_ROWS), ids.split(LOGIT_ROWS), strict=True):
        if learns:
            pieces.append(checkpoint(_score, policy, state, wanted, temperature, use_reentrant=False))
        else:
            pieces.append(_score(policy, state, wanted, temperature))
    picked, entropy = zip(*pieces, strict=True)
    return torch.cat(picked), torch.cat(entropy)


def _score(policy: Policy, states: Tensor, ids: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    logprobs = torch.log_softmax(policy.logits(states) / temperature, dim=-1)
    picked = logprobs.gather(1, ids[:, None])[:, 0]
    entropy = -(logprobs.detach().exp() * logprobs.detach()).sum(-1)
    return picked, entropy


class _FrozenHead(torch.autograd.Function):
    """Scores by a head that does not learn: logits are made once, and each token's gradient is ready with its score.

    d log p(y) / d state = (w_y - sum_v p(v) w_v) / temperature, of head rows w: a vector a token, which the backward
    pass only scales.
    """

    @staticmethod
    def forward(
        ctx: Any, states: Tensor, ids: Tensor, policy: Policy, weight: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor]:
        picked, entropy, slopes = [], [], []
        for state, wanted in zip(states.split(LOGIT_ROWS), ids.split(LOGIT_ROWS), strict=True):
            logits = policy.logits(state)
            logprobs = torch.log_softmax(logits if temperature == 1 else logits / temperature, dim=-1)
            chance = logprobs.exp()
            picked.append(logprobs.gather(1, wanted[:, None])[:, 0])
            entropy.append(-(chance * logprobs).sum(-1))
            # One product of the difference: that of the two products would lose the digits that they have in common.
            chance.scatter_add_(1, wanted[:, None], chance.new_full((len(wanted), 1), -1.0))
            slopes.append(chance.to(weight.dtype) @ weight / -temperature)
        ctx.save_for_backward(torch.cat(slopes))
        spread = torch.cat(entropy)
        ctx.mark_non_differentiable(spread)
        return torch.cat(picked), spread

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (slopes,) = ctx.saved_tensors
        return (slopes * grads[0][:, None]).to(slopes.dtype), None, None, None, None
