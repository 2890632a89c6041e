"""The rubric: several rewards, their weights, one number a completion.

A reward that says ``None`` of a completion said nothing about it. Within a group the gap is filled with the group's
mean of that reward, so that it moves no advantage of its own; where a reward is ``None`` for a whole group it adds
nothing to any of it. :class:`Scores` tells how much was missing.

When ``torch.distributed`` runs several processes, a group may be split over them, provided that ``group`` numbers the
clips of all processes together: rewards that must see the whole group get it, and so do the means.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import fmean
from types import ModuleType
from typing import Any, get_type_hints

import torch
from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError
from torch import Tensor

from affectrl import shelves
from affectrl.errors import AffectError, RecipeError
from affectrl.judges import Judge
from affectrl.rl import processes

SHELF = "affectrl.rewards"
COLUMNS = ("id", "labels", "format", "choices", "group", "max_completion_length", "truncated", "clip")
"""What every reward gets in a run, beside prompts, completions, their ids and the clips' own extras."""
_GIVEN = frozenset((*COLUMNS, "prompts", "completions", "completion_ids", "judge"))

Values = list[float | None]


@dataclass(frozen=True, slots=True)
class Scores:
    """What a rubric says about N completions."""

    total: Tensor
    """(N,) float32: weighted sum, gaps filled as the module's text says."""
    parts: dict[str, Values]
    """Each reward, unweighted, gaps left as they are."""
    missing: dict[str, float] = field(default_factory=dict)
    """Share of ``None`` by reward, over the groups in which it applied to somebody; 1 where a judge never answered."""

    def mean(self, name: str) -> float | None:
        """Mean of one reward over the completions that it applies to."""
        values = [v for v in self.parts[name] if v is not None]
        return sum(values) / len(values) if values else None

    def rows(self, which: Sequence[int]) -> Scores:
        """Some of the completions; ``missing`` stays that of all."""
        parts = {name: [values[n] for n in which] for name, values in self.parts.items()}
        return replace(self, total=self.total[torch.tensor(list(which), dtype=torch.long)], parts=parts)

    def joined(self, other: Scores) -> Scores:
        """These completions, then those of another batch under the same rubric."""
        n, m = len(self.total), len(other.total)
        parts = {name: values + other.parts[name] for name, values in self.parts.items()}
        missing = {
            name: (n * share + m * other.missing.get(name, 0.0)) / max(n + m, 1) for name, share in self.missing.items()
        }
        return Scores(torch.cat([self.total, other.total]), parts, missing)


@dataclass(frozen=True, slots=True)
class _Reward:
    """A reward of the rubric: its module, and the settings that a recipe gives it."""

    name: str
    module: ModuleType
    settings: Mapping[str, Any]
    known: Mapping[str, Any]
    """Names and defaults of all settings that it has."""

    @property
    def sees_groups(self) -> bool:
        return bool(getattr(self.module, "GROUP", False))

    @property
    def asks(self) -> bool:
        sometimes = getattr(self.module, "asks", None)
        return bool(getattr(self.module, "JUDGE", False)) and (sometimes is None or sometimes(**self.settings))


class Rubric:
    """Reward functions by shelf name, with weights.

    Args:
        names: Files of ``affectrl/rewards``, or ``package.module`` of your own.
        weights: One a reward; 1 each by default.
        settings: Keyword arguments of rewards, by the name that the reward has in ``names``. A reward's settings are
            its parameters with a default.
        judge: Whom rewards ask that need one; may be put in place later.

    Raises:
        UsageError: ``unknown_name``: no such reward.
        RecipeError: There are more or fewer weights than rewards, a weight that is no number, a reward twice, or a
            setting that the reward does not have or cannot take.
    """

    def __init__(
        self,
        names: Sequence[str],
        weights: Sequence[float] | None = None,
        *,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        judge: Judge | None = None,
    ) -> None:
        self.names = tuple(names)
        self.weights = tuple(weights) if weights is not None else (1.0,) * len(self.names)
        self.judge = judge
        settings = settings or {}
        if len(self.weights) != len(self.names):
            raise RecipeError(f"there are {len(self.weights)} weights for {len(self.names)} rewards.")
        if odd := [name for name, w in zip(self.names, self.weights, strict=True) if not math.isfinite(w)]:
            raise RecipeError(f"the weight of reward {odd[0]!r} is no finite number.")
        if twice := [name for i, name in enumerate(self.names) if _same(name) in map(_same, self.names[:i])]:
            raise RecipeError(f"reward {twice[0]!r} is named twice.", hint="Give it a larger weight.")
        if odd := sorted(set(settings) - set(self.names)):
            raise RecipeError(
                f"there are settings for {odd[0]!r}, which is no reward of this rubric.",
                hint=shelves.nearest(odd[0], self.names),
            )
        self._rewards = [_reward(name, settings.get(name, {})) for name in self.names]

    @property
    def needs_judge(self) -> bool:
        """Whether a reward asks a judge."""
        return any(reward.asks for reward in self._rewards)

    def check(self, choices: Sequence[str] | None) -> None:
        """Refuse settings that make no sense for these choices (``None``: open vocabulary), before a run begins.

        Raises:
            RecipeError: What the ``check(choices, **settings)`` of a reward's module finds.
        """
        for reward in self._rewards:
            if check := getattr(reward.module, "check", None):
                check(choices, **{**reward.known, **reward.settings})

    def score(
        self,
        prompts: Sequence[str],
        completions: Sequence[str],
        completion_ids: Sequence[Sequence[int]],
        columns: Mapping[str, Sequence[Any]],
    ) -> Scores:
        """Score completions; every column has one entry a completion.

        Without the column ``group`` each completion is a group of its own.

        Raises:
            RecipeError: ``reward_failed``: a reward broke down, or gave a wrong number of scores, or one that is no
                finite number. ``recipe_invalid``: a reward asks a judge, and there is none.
            AffectError: Whatever a reward or its judge refuses by itself.
        """
        n = len(completions)
        groups, ours = processes.gathered(list(columns.get("group") or range(n)))
        total, parts, missing = [0.0] * n, {}, {}
        for reward, weight in zip(self._rewards, self.weights, strict=True):
            ask = partial(self._ask, reward)
            scored = _by_one(ask) if reward.sees_groups and processes.several() else ask
            parts[reward.name] = scored(prompts, completions, completion_ids, columns)
            values, _ = processes.gathered(parts[reward.name])
            filled, share = _fill(values, groups)
            missing[reward.name] = 1.0 if reward.asks and n and not any(v is not None for v in values) else share
            total = [t + weight * v for t, v in zip(total, filled[ours], strict=True)]
        return Scores(torch.tensor(total, dtype=torch.float32), parts, missing)

    def _ask(
        self,
        reward: _Reward,
        prompts: Sequence[str],
        completions: Sequence[str],
        completion_ids: Sequence[Sequence[int]],
        columns: Mapping[str, Sequence[Any]],
    ) -> Values:
        # A clip's extra may have the name of a setting; that must not become one.
        given = {name: column for name, column in columns.items() if name not in reward.known} | dict(reward.settings)
        if reward.asks:
            if self.judge is None:
                raise RecipeError(f"reward {reward.name!r} asks a judge, and there is none.", hint="See rl.judge.")
            given["judge"] = self.judge
        try:
            found = list(reward.module.reward(prompts, completions, completion_ids, **given))
            values = [None if v is None else float(v) for v in found]
        except AffectError:
            raise
        except Exception as error:  # a reward may be anybody's code
            told = f"{type(error).__name__}: {error}".rstrip(": .")
            raise RecipeError(f"reward {reward.name!r} failed: {told}.", code="reward_failed") from error
        if len(values) != len(completions):
            raise RecipeError(
                f"reward {reward.name!r} gave {len(values)} scores for {len(completions)} completions.",
                code="reward_failed",
            )
        if odd := [v for v in values if v is not None and not math.isfinite(v)]:
            raise RecipeError(
                f"reward {reward.name!r} gave {odd[0]}.", code="reward_failed", hint="None is for what it cannot score."
            )
        return values


def _same(name: str) -> str:
    return name.replace("_", "-")


def _reward(name: str, settings: Mapping[str, Any]) -> _Reward:
    module = shelves.load(SHELF, name)
    function = getattr(module, "reward", None)
    if not callable(function):
        raise RecipeError(f"{name!r} is no reward: it has no function called 'reward'.")
    known = {
        parameter.name: parameter.default
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is not parameter.empty and parameter.name not in _GIVEN
    }
    for setting in settings:
        if setting not in known:
            hint = shelves.nearest(setting, known) if known else "It has none."
            raise RecipeError(f"{setting!r} is no setting of reward {name!r}.", hint=hint)
    return _Reward(name, module, {s: _checked(name, function, s, value) for s, value in settings.items()}, known)


def _checked(name: str, function: Callable[..., Any], setting: str, value: Any) -> Any:
    """A setting in its own type: strict, but YAML's lists may be tuples.

    Raises:
        RecipeError: It is of another type, or out of range.
    """
    written = getattr(function, "__annotations__", {}).get(setting)
    if written is None:
        return value
    here = partial(lambda *_, **__: None)  # an object whose only annotation is this one
    here.__annotations__ = {setting: written}
    try:
        kind = get_type_hints(here, getattr(function, "__globals__", {}), include_extras=True)[setting]
        return TypeAdapter(kind).validate_json(json.dumps(value), strict=True)
    except (ValidationError, TypeError, ValueError) as error:
        told = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise RecipeError(f"reward {name!r} cannot take {setting}: {value!r}. {told}.") from error
    except (NameError, PydanticSchemaGenerationError):  # a type of somebody's own, which only they can check
        return value


def _fill(values: Values, groups: Sequence[Any]) -> tuple[list[float], float]:
    """Values with their gaps filled, and the share of gaps in groups that have any value."""
    known: dict[Any, list[float]] = {}
    for value, which in zip(values, groups, strict=True):
        if value is not None:
            known.setdefault(which, []).append(value)
    # The mean of equal numbers is to be exactly that number: such a group is flat.
    means = {which: of[0] if len(set(of)) == 1 else fmean(of) for which, of in known.items()}
    filled = [means.get(which, 0.0) if v is None else v for v, which in zip(values, groups, strict=True)]
    there = [v is None for v, which in zip(values, groups, strict=True) if which in known]
    return filled, sum(there) / len(there) if there else 0.0


def _by_one(ask: Callable[..., Values]) -> Callable[..., Values]:
    """Let one process score the completions of all, so that each group is whole and its judge is asked once."""

    def scored(
        prompts: Sequence[str],
        completions: Sequence[str],
        completion_ids: Sequence[Sequence[int]],
        columns: Mapping[str, Sequence[Any]],
    ) -> Values:
        own = [{name: column[n] for name, column in columns.items()} for n in range(len(completions))]
        rows, ours = processes.gathered(list(zip(prompts, completions, completion_ids, own, strict=True)))

        def whole() -> Values:
            names = dict.fromkeys(name for row in rows for name in row[3])  # clips need not have the same extras
            table = {name: [row[3].get(name) for row in rows] for name in names}
            return ask(*([row[i] for row in rows] for i in range(3)), table)

        return processes.by_first(whole)[ours]

    return scored
