"""GRPO: a completion is as good as it is better than its group (DeepSeekMath, arXiv 2402.03300, eq. 3 and 4).

Departs from the paper in ``beta``, which is 0.04 there: the default 0 is AffectGPT-R1's eq. 5, and spares a forward
pass. With ``importance_sampling_level: sequence`` it is AffectGPT-R1's eq. 3 and 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from affectrl.rl.advantages import Advantages, centred
from affectrl.rl.losses import clipped_surrogate

if TYPE_CHECKING:
    from torch import Tensor

    from affectrl.rl.algorithm import Settings

USES: dict[str, Any] = {
    "epsilon": 0.2,
    "epsilon_high": None,
    "beta": 0.0,
    "scale_rewards": "group",
    "loss_type": "completion",
    "importance_sampling_level": "token",
}
CRITIC = False
DYNAMIC = False


def advantages(rewards: Tensor, group: int, settings: Settings) -> Advantages:
    """Rewards standardized within each group; see :func:`affectrl.rl.advantages.centred`."""
    return centred(rewards, group, settings.scale_rewards)


def token_loss(logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, keep: Tensor, settings: Settings) -> Tensor:
    """The clipped surrogate; see :func:`affectrl.rl.losses.clipped_surrogate`."""
    return clipped_surrogate(
        logprobs,
        old_logprobs,
        advantages,
        keep,
        epsilon=settings.epsilon,
        epsilon_high=settings.epsilon_high,
        level=settings.importance_sampling_level,
    )
