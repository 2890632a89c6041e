"""PPO with a critic: each token is as good as it is better than the critic expected (arXiv 1707.06347, eq. 7).

The reward comes with the last token. Departs from the paper as most implementations do: advantages are whitened over
the batch's tokens (``scale_rewards: batch``; ``none`` is the paper's form), and the value loss is clipped
(``critic.clip``). The KL term is added to the loss, not taken off the reward.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from affectrl.rl.advantages import Advantages, gae, raw, terminal, whitened
from affectrl.rl.algorithms import grpo

if TYPE_CHECKING:
    from torch import Tensor

    from affectrl.rl.algorithm import Settings

USES: dict[str, Any] = {
    "epsilon": 0.2,
    "epsilon_high": None,
    "beta": 0.0,
    "scale_rewards": "batch",
    "loss_type": "token",
}
ONLY = {"scale_rewards": ("batch", "none")}
CRITIC = True
DYNAMIC = False

token_loss = grpo.token_loss


def advantages(rewards: Tensor, group: int, settings: Settings) -> Advantages:
    """The rewards as they are: a critic takes the group's place; see :func:`token_advantages`."""
    return raw(rewards, group)


def token_advantages(rewards: Tensor, values: Tensor, keep: Tensor, settings: Settings) -> tuple[Tensor, Tensor]:
    """What ``token_loss`` takes as advantages, and what the critic learns.

    Args:
        rewards: (N,), of completions.
        values: (N, R), the critic's expectation before each token, from the rollout.
        keep: (N, R) bool, True at completion tokens.
        settings: With ``critic``.

    Returns:
        Advantages, whitened if asked for, and returns, which are not: both (N, R).
    """
    assert settings.critic is not None, "PPO without a critic"
    critic = settings.critic
    advantages, returns = gae(terminal(rewards, keep), values, keep, critic.gamma, critic.lam)
    return (whitened(advantages, keep) if settings.scale_rewards == "batch" else advantages), returns
