"""What a recipe may say about reinforcement learning."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from affectrl.recipes.section import Section


class DynamicSampling(Section):
    """Ask other clips in place of groups that teach nothing (DAPO, arXiv 2503.14476, section 3.2)."""

    rounds: Annotated[int, Field(ge=1, le=20)] = 3
    """Most rounds of asking; what is missing then stays missing, and the share is logged."""
    by: str | None = None
    """A reward whose variance within the group decides, such as ``accuracy``; the total by default."""


class Critic(Section):
    """A value head on the policy's hidden states, for PPO."""

    lr: PositiveFloat = 1e-3
    gamma: Annotated[float, Field(gt=0, le=1)] = 1.0
    lam: Annotated[float, Field(ge=0, le=1)] = 0.95
    clip: PositiveFloat | None = 0.2
    """Clip range of the value loss; none leaves it a squared error."""


class JudgeSpec(Section):
    """Who answers the questions that rewards ask."""

    kind: str = "policy"
    """A file of ``judges``."""
    settings: dict[str, Any] = Field(default_factory=dict)
    timeout_s: PositiveFloat | None = None
    """For one batch of questions; what has no answer by then is missing, never 0. By default what the judge says:
    60 seconds, but for the policy itself no limit, so that a slow machine gives no other rewards."""


class Stop(Section):
    """When reinforcement learning ends before its last step."""

    patience: PositiveInt | None = None
    """Looks without a better ``eval.metric``."""
    collapse: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of one label among the recent majority votes from which adaptation counts as collapsed."""
    window: PositiveInt = 8
    """Steps that ``collapse`` looks back over."""
    roll_back: bool = True
    """After a collapse, go back to the weights from before it."""


class Rl(Section):
    """Reinforcement learning. Fields that are left empty are as the algorithm has them."""

    algorithm: str = "grpo"
    """A file of ``rl/algorithms``."""
    steps: Annotated[int, Field(ge=0)] = 40
    batch_size: PositiveInt = 8
    """Clips a step."""
    clips: Literal["all", "unseen"] = "all"
    """Of ``data.train``, all clips, or those alone that the cold start's steps have not drawn."""
    order: Literal["shuffled", "stream"] = "shuffled"
    """Epochs in a new order each, or every clip once, as they come."""
    num_generations: Annotated[int, Field(ge=2)] = 6
    """Completions a clip (G); the voters of test-time RL."""
    train_generations: Annotated[int, Field(ge=2)] | None = None
    """Completions a clip that are trained on (k of the G that vote); all by default."""
    num_iterations: PositiveInt = 1
    """Updates a rollout."""
    max_completion_length: PositiveInt = 40
    temperature: PositiveFloat = 1.0
    train: Literal["all", "adapter"] = "all"
    """Which weights learn: adapter and projections, or the adapter alone, as MERIT does."""
    restandardize: Annotated[int, Field(ge=0)] | None = None
    """Before the first step, move the means and spreads that features are standardized by to those of the training
    clips, the old ones counting as so many clips (Schneider et al., 2020): for clips of another domain. It needs no
    labels, and acts with ``steps: 0`` as well."""
    epsilon: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Half-width of the clip range."""
    epsilon_high: PositiveFloat | None = None
    """Its upper half, when that is another (DAPO)."""
    beta: Annotated[float, Field(ge=0)] | None = None
    """Weight of the KL term against the policy that RL began with."""
    scale_rewards: Literal["group", "batch", "none"] | None = None
    """Whose spread advantages are divided by."""
    loss_type: Literal["completion", "token", "constant", "sequence"] | None = None
    """How token losses are averaged; see ``rl/losses.py``."""
    importance_sampling_level: Literal["token", "sequence", "sequence-mean"] | None = None
    dynamic_sampling: DynamicSampling | None = None
    critic: Critic | None = None
    sampler: str = "shared-prefix"
    """A file of ``rl/samplers``."""
    reward_funcs: Annotated[tuple[str, ...], Field(min_length=1)] = ("accuracy", "format")
    reward_weights: tuple[float, ...] | None = None
    """One a reward; 1 each when left out."""
    reward_settings: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Keyword arguments of rewards, by the reward's name."""
    judge: JudgeSpec = JudgeSpec()
    lr: PositiveFloat | None = None
    fusion_lr: PositiveFloat | None = None
    stop: Stop = Stop()

    @model_validator(mode="after")
    def _fits_together(self) -> Rl:
        if self.reward_weights is not None and len(self.reward_weights) != len(self.reward_funcs):
            raise ValueError(f"{len(self.reward_weights)} reward_weights for {len(self.reward_funcs)} reward_funcs")
        if self.train_generations is not None and self.train_generations > self.num_generations:
            raise ValueError(
                f"train_generations {self.train_generations} is more than num_generations {self.num_generations}"
            )
        if unused := sorted(set(self.reward_settings) - set(self.reward_funcs)):
            raise ValueError(f"reward_settings for {unused[0]!r}, which is none of reward_funcs")
        if self.train == "adapter" and self.fusion_lr is not None:
            raise ValueError("fusion_lr has no effect with train: adapter, which leaves the projections as they are")
        sampling = self.dynamic_sampling
        if sampling is not None and sampling.by is not None and sampling.by not in self.reward_funcs:
            raise ValueError(f"dynamic_sampling.by {sampling.by!r} is none of reward_funcs")
        return self
