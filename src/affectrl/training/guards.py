"""What is watched while reinforcement learning runs: rewards that are being gamed, health, votes that collapse."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from affectrl import jsonl
from affectrl.answers.vote import Vote
from affectrl.recipes.learning import Rl
from affectrl.rl.votes import Collapse
from affectrl.rl.watch import Watch
from affectrl.training.run_folder import RunFolder


class Guards:
    """See the module's text. A resumed run's guards have seen what the run had logged.

    Args:
        rl: When to stop, and the longest answer.
        folder: Where the run's logs are.
    """

    def __init__(self, rl: Rl, folder: RunFolder) -> None:
        stop = rl.stop
        self._watch = Watch(rl.max_completion_length)
        self._collapse = None if stop.collapse is None else Collapse(stop.window, stop.collapse)
        for row in jsonl.read_rows(folder.path / "metrics.jsonl"):
            if row["stage"] == "rl" and row["kind"] == "train":
                self._watch.see(row["step"], row)
        if self._collapse is not None:
            for labels in _by_step(jsonl.read_rows(folder.path / "rollouts.jsonl")):
                self._collapse.see(labels)

    def alarms(self, step: int, scalars: Mapping[str, Any]) -> list[dict[str, str]]:
        """New alarms, each told on stderr as well."""
        numbers = {key: value for key, value in scalars.items() if isinstance(value, int | float)}
        found = [
            {"code": alarm.code, "component": alarm.component, "message": alarm.message}
            for alarm in self._watch.see(step, numbers)
        ]
        for alarm in found:
            print(f"affectrl: step {step}: {alarm['message']} [{alarm['code']}]", file=sys.stderr)
        return found

    def collapsed(self, votes: Sequence[Vote]) -> bool:
        """Whether the votes have collapsed to one label, with this step's."""
        return self._collapse is not None and self._collapse.see([vote.winner for vote in votes])


def _by_step(rows: Iterable[Mapping[str, Any]]) -> list[list[str | None]]:
    steps: dict[int, list[str | None]] = {}
    for row in rows:
        if "vote" in row:
            steps.setdefault(row["step"], []).append(row["vote"]["label"])
    return [steps[step] for step in sorted(steps)]
