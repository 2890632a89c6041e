"""Samplers, one file each: where a rollout's completions come from.

A module on this shelf defines ``build(policy) -> Sampler``. It is imported only when a recipe's
``rl.sampler`` names it. It may also define ``check(model, *, critic)``, which refuses what it cannot do before a run
begins: for a recipe's ``model`` section, and whether the algorithm has a critic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

    from affectrl.models.decoding import Completions
    from affectrl.models.prefix import Prefix


class Sampler(Protocol):
    """Samples completions from the policy as it is at the moment of the call."""

    def sample(
        self,
        prefix: Prefix,
        *,
        group: int,
        max_new_tokens: int,
        temperature: float,
        generator: torch.Generator,
        critic: Callable[[torch.Tensor], torch.Tensor] | None = None,
        keep: bool = False,
    ) -> Completions:
        """``group`` completions for each of the prefix's clips; see :func:`affectrl.models.decoding.generate`.

        ``keep`` is a wish: a sampler that computes elsewhere has nothing to keep.
        """
