"""MERIT's GRPO: standardized advantage times the completion's log-probability (MERIT, eq. 1 and 2).

As printed there: no ratio, no clip, no KL term; ``beta`` is 0 unless a recipe asks for one, as TTRL does. The paper
takes the spread "within each group (e.g., per batch)"; ``scale_rewards`` offers both readings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from affectrl.rl.algorithms import grpo
from affectrl.rl.losses import policy_gradient

if TYPE_CHECKING:
    from torch import Tensor

    from affectrl.rl.algorithm import Settings

USES: dict[str, Any] = {"beta": 0.0, "scale_rewards": "group", "loss_type": "sequence"}
CRITIC = False
DYNAMIC = False

advantages = grpo.advantages


def token_loss(logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, keep: Tensor, settings: Settings) -> Tensor:
    """The plain policy gradient; see :func:`affectrl.rl.losses.policy_gradient`."""
    return policy_gradient(logprobs, advantages, keep)
