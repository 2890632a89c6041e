"""Evaluations while RL runs: the best weights so far are kept, and a run that no longer gets better may end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from affectrl import jsonl, paths
from affectrl.models.task import Task
from affectrl.recipes.schema import Recipe
from affectrl.training.boards import rounded
from affectrl.training.run_folder import RunFolder

BEST = "best"


def metric_of(recipe: Recipe, task: Task) -> str:
    """The score that checkpoints are compared by."""
    if recipe.eval.metric != "auto":
        return recipe.eval.metric
    return "ew" if task.labels is None else "war"


class Looks:
    """The record of a run's looks, which a resumed run reads back from its logs.

    Args:
        recipe: ``eval`` and ``rl.stop``.
        task: Decides the metric where the recipe leaves it open.
        folder: Of the run.
    """

    def __init__(self, recipe: Recipe, task: Task, folder: RunFolder) -> None:
        self.metric = metric_of(recipe, task)
        self.patience = recipe.rl.stop.patience
        self.keep_best = recipe.eval.keep_best
        self.place = folder.path / BEST
        self._seen: dict[int, float] = {}
        for row in jsonl.read_rows(folder.path / "metrics.jsonl"):
            if row["stage"] == "rl" and row.get("look") and row.get(self.metric) is not None:
                self._seen[row["step"]] = row[self.metric]

    @property
    def wanted_at_start(self) -> bool:
        """Whether the weights that RL begins with count among those that are compared."""
        return (self.keep_best or self.patience is not None) and 0 not in self._seen

    def see(self, step: int, scores: dict[str, Any]) -> bool:
        """Take in a look; gives True when it is the best so far."""
        value = scores.get(self.metric)
        if value is None:
            return False
        value = rounded(value)  # as it is logged, or a resumed run would compare with other numbers
        best = max((v for at, v in self._seen.items() if at < step), default=None)
        self._seen[step] = value
        return best is None or value > best

    @property
    def tired(self) -> bool:
        """Whether ``patience`` looks in a row were no better than what was before them."""
        if self.patience is None or len(self._seen) <= self.patience:
            return False
        values = [self._seen[step] for step in sorted(self._seen)]
        return max(values[-self.patience :]) <= max(values[: -self.patience])

    def note(self, step: int) -> None:
        """Say beside the best weights which they are."""
        with paths.atomic(self.place.with_suffix(".json")) as scratch:
            scratch.write_text(json.dumps({"step": step, "metric": self.metric, "value": self._seen[step]}))

    def best(self) -> Path | None:
        """The model folder to end with, if the best look is wanted."""
        return self.place if self.keep_best and self.place.is_dir() else None
