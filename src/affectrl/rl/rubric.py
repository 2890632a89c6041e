"""The rubric: several rewards, their weights, one number a completion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from affectrl import shelves
from affectrl.errors import RecipeError

RewardFunction = Callable[..., list[float | None]]


@dataclass(frozen=True, slots=True)
class Scores:
    """What a rubric says about N completions."""

    total: Tensor
    """(N,) float32: weighted sum; a reward that does not apply adds nothing."""
    parts: dict[str, list[float | None]]
    """Each reward, unweighted."""

    def mean(self, name: str) -> float | None:
        """Mean of one reward over the completions that it applies to."""
        values = [v for v in self.parts[name] if v is not None]
        return sum(values) / len(values) if values else None


class Rubric:
    """Reward functions by shelf name, with weights.

    Args:
        names: Files of ``affectrl/rewards``, or ``package.module`` of your own.
        weights: One a reward; 1 each by default.

    Raises:
        RecipeError: There are more or fewer weights than rewards.
    """

    def __init__(self, names: Sequence[str], weights: Sequence[float] | None = None) -> None:
        self.names = tuple(names)
        self.weights = tuple(weights) if weights is not None else (1.0,) * len(self.names)
        if len(self.weights) != len(self.names):
            raise RecipeError(f"there are {len(self.weights)} weights for {len(self.names)} rewards.")
        self._functions: dict[str, RewardFunction] = {n: shelves.load("affectrl.rewards", n).reward for n in self.names}

    def score(
        self,
        prompts: Sequence[str],
        completions: Sequence[str],
        completion_ids: Sequence[Sequence[int]],
        columns: Mapping[str, Sequence[Any]],
    ) -> Scores:
        """Score completions; every column has one entry a completion.

        Raises:
            RecipeError: ``reward_failed``: a reward returned a wrong number of scores.
        """
        parts: dict[str, list[float | None]] = {}
        total = torch.zeros(len(completions))
        for name, weight in zip(self.names, self.weights, strict=True):
            values = self._functions[name](prompts, completions, completion_ids, **columns)
            if len(values) != len(completions):
                raise RecipeError(
                    f"reward {name!r} gave {len(values)} scores for {len(completions)} completions.",
                    code="reward_failed",
                )
            parts[name] = values
            total += weight * torch.tensor([0.0 if v is None else v for v in values])
        return Scores(total, parts)
