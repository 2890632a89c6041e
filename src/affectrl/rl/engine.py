"""What a step of reinforcement learning works with, built once from a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from affectrl import shelves
from affectrl.judges import make as make_judge
from affectrl.models.language import Policy
from affectrl.models.task import Task
from affectrl.models.trained import Weights
from affectrl.recipes.learning import Rl
from affectrl.rl.algorithm import Settings, resolve
from affectrl.rl.rubric import Rubric

if TYPE_CHECKING:
    from affectrl.rl.samplers import Sampler


VOTES = "majority-vote"
"""The reward whose votes are worth logging."""


class ValueHead(nn.Module):
    """PPO's critic: one number for each state of the policy. Its error does not reach into the policy."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, states: Tensor) -> Tensor:
        """Values ``(...)`` of states ``(..., H)``."""
        return self.out(self.norm(states.detach().float()))[..., 0]


@dataclass(slots=True)
class Engine:
    """See the module's text."""

    rl: Rl
    policy: Policy
    task: Task
    algorithm: ModuleType
    settings: Settings
    rubric: Rubric
    sampler: Sampler
    critic: ValueHead | None = None
    reference: Weights | None = None
    """The weights that RL began with: for the KL term, and to tell how far the policy has drifted."""
    hide_labels: bool = False
    """Rewards see no labels: the clips count as unlabelled."""
    keep_tokens: int = 0
    """Prefix positions, of all clips of a rollout, up to which the update goes on from the rollout's pass over them.
    Their activations are in memory until then."""

    @property
    def votes(self) -> bool:
        """Whether rewards come from majority votes, so that those are worth logging."""
        return VOTES in {name.replace("_", "-") for name in self.rl.reward_funcs}

    @property
    def needs_reference(self) -> bool:
        """Whether :attr:`reference` is read."""
        return self.settings.beta > 0 or self.votes


def build(rl: Rl, policy: Policy, task: Task, *, hide_labels: bool = False, keep_tokens: int = 0) -> Engine:
    """Put the parts of a recipe's ``rl`` section together.

    Raises:
        RecipeError: A name leads nowhere, or a setting does not fit; the message names the field.
    """
    algorithm, settings = resolve(rl)
    rubric = Rubric(rl.reward_funcs, rl.reward_weights, settings=rl.reward_settings)
    rubric.check(task.labels)
    if rubric.needs_judge:
        rubric.judge = make_judge(rl.judge, policy)
    sampler = shelves.load("affectrl.rl.samplers", rl.sampler).build(policy)
    critic = None
    if settings.critic is not None:
        with torch.random.fork_rng():
            critic = ValueHead(policy.width).to(policy.device)
    return Engine(rl, policy, task, algorithm, settings, rubric, sampler, critic, None, hide_labels, keep_tokens)
