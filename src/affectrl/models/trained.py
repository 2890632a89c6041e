"""The weights that learn, as a small dictionary: copies of them, other ones put in for a moment, a moving average."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

Weights = Mapping[str, Tensor]


def trained(policy: nn.Module) -> dict[str, Tensor]:
    """Copies of all weights that learn, by name."""
    return {name: p.detach().clone() for name, p in policy.named_parameters() if p.requires_grad}


@torch.no_grad()
def put(policy: nn.Module, weights: Weights) -> None:
    """Overwrite the policy's weights of those names."""
    known = dict(policy.named_parameters())
    for name, value in weights.items():
        known[name].data.copy_(value)


@contextmanager
def swapped(policy: nn.Module, weights: Weights | None) -> Iterator[None]:
    """The policy with other weights (``None``: its own). Not to be left or entered alone between a forward and its
    backward, which reads the weights."""
    if weights is None:
        yield
        return
    known = dict(policy.named_parameters())
    before = {name: known[name].detach().clone() for name in weights}
    put(policy, weights)
    try:
        yield
    finally:
        put(policy, before)


@torch.no_grad()
def average(weights: dict[str, Tensor], policy: nn.Module, decay: float) -> None:
    """Move an exponential moving average towards the policy's present weights, in place."""
    for name, parameter in policy.named_parameters():
        if name in weights:
            weights[name].lerp_(parameter.detach(), 1 - decay)
