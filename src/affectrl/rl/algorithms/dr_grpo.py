"""Dr. GRPO: GRPO without its two divisors, by the spread and by a completion's length (arXiv 2503.20783, section 3.2).

Both bias GRPO: the one towards clips on which nearly all answers agree, the other towards long wrong answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from affectrl.rl.advantages import Advantages, centred
from affectrl.rl.algorithms import grpo

if TYPE_CHECKING:
    from torch import Tensor

    from affectrl.rl.algorithm import Settings

USES: dict[str, Any] = {name: value for name, value in grpo.USES.items() if name != "scale_rewards"}
USES["loss_type"] = "constant"
CRITIC = False
DYNAMIC = False

token_loss = grpo.token_loss


def advantages(rewards: Tensor, group: int, settings: Settings) -> Advantages:
    """Rewards minus their group's mean."""
    return centred(rewards, group, "none")
