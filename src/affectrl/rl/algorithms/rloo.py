"""RLOO: REINFORCE whose baseline is the mean of a completion's siblings (arXiv 2402.14740).

The paper's form: no ratio, no clip, and the whole completion is one action. Departs from it in the KL term, which is
added to the loss here (``beta``) and taken off the reward there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from affectrl.rl.advantages import Advantages, leave_one_out
from affectrl.rl.algorithms import merit_grpo

if TYPE_CHECKING:
    from torch import Tensor

    from affectrl.rl.algorithm import Settings

USES: dict[str, Any] = {"beta": 0.0, "loss_type": "sequence"}
CRITIC = False
DYNAMIC = False

token_loss = merit_grpo.token_loss


def advantages(rewards: Tensor, group: int, settings: Settings) -> Advantages:
    """Rewards minus the mean of the group's others."""
    return leave_one_out(rewards, group)
