"""MERIT's PPO: the raw reward in PPO's clipped objective, without critic or baseline (MERIT, section 3.4.2).

The ratio is that of whole completions, as printed. Rewards of one sign push all answers the same way: with positive
ones even a group whose answers agree is reinforced, and only its size tells a good answer from a bad one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from affectrl.rl.advantages import Advantages, raw
from affectrl.rl.algorithms import grpo

if TYPE_CHECKING:
    from torch import Tensor

    from affectrl.rl.algorithm import Settings

USES: dict[str, Any] = {
    "epsilon": 0.2,
    "epsilon_high": None,
    "beta": 0.0,
    "loss_type": "completion",
    "importance_sampling_level": "sequence",
}
CRITIC = False
DYNAMIC = False

token_loss = grpo.token_loss


def advantages(rewards: Tensor, group: int, settings: Settings) -> Advantages:
    """The rewards as they are."""
    return raw(rewards, group)
