"""A recipe's ``rl`` section to an algorithm and its settings. Torch-free, so that a wrong recipe is refused at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from types import ModuleType
from typing import TYPE_CHECKING, Any

from affectrl.errors import RecipeError, UsageError
from affectrl.recipes.learning import Critic, DynamicSampling, Rl
from affectrl.shelves import load, names

if TYPE_CHECKING:
    from affectrl.rl.advantages import Scale
    from affectrl.rl.losses import Level, LossType

SHELF = "affectrl.rl.algorithms"
PARTS = ("USES", "advantages", "token_loss")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an algorithm reads: the recipe's values, else its own defaults. Fields that it does not use are neutral."""

    epsilon: float = math.inf
    """Ratios are clipped below ``1 - epsilon``."""
    epsilon_high: float = math.inf
    """And above ``1 + epsilon_high``."""
    beta: float = 0.0
    """Weight of the KL term; 0 needs no reference policy."""
    scale_rewards: Scale = "none"
    loss_type: LossType = "completion"
    importance_sampling_level: Level = "token"
    critic: Critic | None = None
    """Set if and only if the algorithm has one."""
    dynamic_sampling: DynamicSampling | None = None


def resolve(rl: Rl) -> tuple[ModuleType, Settings]:
    """The algorithm's module, and its settings.

    Raises:
        RecipeError: ``unknown_name``; ``recipe_invalid`` for a field that the algorithm does not use, a value that has
            no meaning for it, or a module of one's own that is no algorithm. The message names the field.
    """
    module = _module(rl.algorithm)
    uses: dict[str, Any] = module.USES
    given = {f.name: value for f in fields(Settings) if (value := getattr(rl, f.name)) is not None}
    for field in given:
        if not _has(module, field):
            raise _unused(rl.algorithm, field)
    chosen = {field: default for field, default in uses.items() if default is not None} | given
    if "epsilon" in chosen:
        chosen.setdefault("epsilon_high", chosen["epsilon"])
    if getattr(module, "CRITIC", False):
        chosen.setdefault("critic", Critic())
    if getattr(module, "DYNAMIC", False):
        chosen.setdefault("dynamic_sampling", DynamicSampling())
    settings = Settings(**chosen)
    _check_values(rl, module, settings)
    return module, settings


def _module(name: str) -> ModuleType:
    try:
        module = load(SHELF, name)
    except UsageError as error:
        raise RecipeError(f"rl.algorithm: {error.message}", code=error.code, hint=error.hint) from error
    if missing := [part for part in PARTS if not hasattr(module, part)]:
        raise RecipeError(f"rl.algorithm: {name!r} does not define {', '.join(missing)}.")
    if odd := sorted(set(module.USES) - {field.name for field in fields(Settings)}):
        raise RecipeError(f"rl.algorithm: USES of {name!r} holds {odd[0]!r}, which is no setting.")
    return module


def _has(module: ModuleType, field: str) -> bool:
    """Whether a recipe may set the field: what chooses clips is free, the others are the algorithm's to read."""
    if field == "critic":
        return getattr(module, "CRITIC", False)
    return field == "dynamic_sampling" or field in module.USES


def _unused(name: str, field: str) -> RecipeError:
    users = [other for other in names(SHELF) if _has(load(SHELF, other), field)]
    hint = f"Leave it out. Algorithms that use it: {', '.join(users)}."
    return RecipeError(f"rl.{field}: {name} does not use it.", hint=hint)


def _check_values(rl: Rl, module: ModuleType, settings: Settings) -> None:
    """Refuse combinations that are not what they seem."""
    for field, allowed in getattr(module, "ONLY", {}).items():
        if (value := getattr(settings, field)) not in allowed:
            hint = f"Give {' or '.join(allowed)}."
            raise RecipeError(f"rl.{field}: {value!r} has no meaning for {rl.algorithm}.", hint=hint)
    if rl.num_iterations > 1 and "epsilon" not in module.USES:
        raise RecipeError(
            f"rl.num_iterations: {rl.algorithm} has no ratio to the policy that sampled, so that a second update of a "
            "rollout would follow a gradient that is no longer its own.",
            hint="Leave it at 1, or take an algorithm with a clip range, such as grpo.",
        )
    if rl.order == "stream" and settings.dynamic_sampling is not None and settings.dynamic_sampling.rounds > 1:
        raise RecipeError(
            "rl.order: a stream brings each clip once, and dynamic_sampling would ask for others in a second round.",
            hint="Give order: shuffled, or dynamic_sampling: {rounds: 1}, which leaves out what teaches nothing.",
        )
    if settings.importance_sampling_level != "token" and settings.loss_type == "sequence":
        raise RecipeError(
            "rl.loss_type: 'sequence' adds up tokens, but with importance_sampling_level: "
            f"{settings.importance_sampling_level} each token already stands for its whole completion.",
            hint="Give loss_type: completion.",
        )
