"""Our own sampler: each prefix runs once, its completions decode together, rows that have ended leave the batch."""

from __future__ import annotations

from collections.abc import Callable

import torch

from affectrl.models.decoding import Completions, generate
from affectrl.models.policy import FusedPolicy
from affectrl.models.prefix import Prefix


class SharedPrefix:
    """See the module's text."""

    def __init__(self, policy: FusedPolicy) -> None:
        self.policy = policy

    def sample(
        self,
        prefix: Prefix,
        *,
        group: int,
        max_new_tokens: int,
        temperature: float,
        generator: torch.Generator,
        critic: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> Completions:
        """See :func:`affectrl.models.decoding.generate`."""
        return generate(
            self.policy,
            prefix,
            group=group,
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            generator=generator,
            critic=critic,
        )


def build(policy: FusedPolicy) -> SharedPrefix:
    """See :class:`SharedPrefix`."""
    return SharedPrefix(policy)
