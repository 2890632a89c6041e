"""The run folder: everything that a training leaves behind, in files that people have tools for."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from affectrl import jsonl, paths
from affectrl.errors import DataError, RecipeError
from affectrl.recipes.load import dump, load_recipe
from affectrl.recipes.schema import Recipe
from affectrl.rl import processes
from affectrl.version import __version__

PACKAGES = ("torch", "transformers", "peft", "accelerate", "datasets", "av", "numpy", "opencv-python-headless")
LOGS = ("metrics.jsonl", "rollouts.jsonl")


@dataclass(slots=True)
class RunFolder:
    """``runs/NAME``. Rows are appended as they come; after a kill, :meth:`rewind` drops what its checkpoint lacks.

    Of several processes the first one alone writes there.
    """

    path: Path
    started: float = field(default_factory=time.monotonic)
    before_s: float = 0.0
    """Seconds that earlier parts of the same run took."""

    @property
    def seconds(self) -> float:
        """Time spent on this run so far, interruptions left out."""
        return self.before_s + time.monotonic() - self.started

    def claim(self, recipe: Recipe, *, fresh: bool) -> bool:
        """Make the folder this recipe's; gives True when a run of it is to be continued.

        Another recipe's run that came to nothing (no checkpoint, nothing evaluated) gives way.

        Raises:
            RecipeError: ``run_differs``: another recipe's run is there, and ``fresh`` is not set.
        """
        file = self.path / "recipe.yaml"
        if fresh:
            paths.remove(self.path)
        if not file.is_file():
            self._begin(recipe)
            return False
        if changed := _differences(load_recipe(str(file)), recipe):
            if not self._holds_work():
                self._begin(recipe)
                return False
            raise RecipeError(
                f"holds a run of another recipe ({', '.join(changed[:4])}).",
                code="run_differs",
                path=self.path,
                hint="Choose another name=..., or --fresh to replace it.",
            )
        return True

    def _holds_work(self) -> bool:
        return any(next(self.path.glob(kind), None) for kind in ("checkpoints/step-*", "eval/*.jsonl"))

    def _begin(self, recipe: Recipe) -> None:
        for name in (*LOGS, "manifest.json", "skipped.jsonl", "tensorboard"):
            paths.remove(self.path / name)
        with paths.atomic(self.path / "recipe.yaml") as scratch:
            scratch.write_text(dump(recipe), "utf-8")

    def manifest(self) -> dict[str, Any]:
        """What ``manifest.json`` says; empty before the first :meth:`update`.

        Raises:
            DataError: ``run_damaged``: it holds no JSON object.
        """
        file = self.path / "manifest.json"
        if not file.is_file():
            return {}
        try:
            return dict(json.loads(file.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise DataError(
                "is damaged.", code="run_damaged", path=file, hint="Remove that file; the run goes on without it."
            ) from error

    def open(self, recipe: Recipe, command: str) -> None:
        """Write the manifest's first fields, or take up the clock of a run that goes on."""
        if processes.rank():
            return
        paths.sweep(self.path)
        old = self.manifest()
        self.before_s = float(old.get("seconds", 0.0))
        self.update(
            affectrl=__version__,
            status="running",
            command=command,
            created=old.get("created", _now()),
            python=platform.python_version(),
            platform=platform.platform(),
            packages={name: metadata.version(name) for name in PACKAGES},
            seed=recipe.seed,
            resumed=[*old.get("resumed", []), _now()] if old else [],
        )

    def update(self, **fields: Any) -> None:
        """Replace fields of the manifest, all or nothing."""
        if processes.rank():
            return
        with paths.atomic(self.path / "manifest.json") as scratch:
            rows = self.manifest() | {"seconds": round(self.seconds, 1)} | fields
            scratch.write_text(json.dumps(rows, indent=1, ensure_ascii=False), "utf-8")

    def close(self, status: str) -> None:
        """Say how the run ended: ``done`` or ``interrupted``."""
        self.update(status=status, finished=_now())

    def log(self, file: str, rows: Iterable[dict[str, Any]]) -> None:
        """Append rows to one of :data:`LOGS`."""
        if not processes.rank():
            jsonl.append_rows(self.path / file, rows)

    def logged(self, stage: str, step: int, kind: str) -> bool:
        """Whether ``metrics.jsonl`` has such a row."""
        rows = jsonl.read_rows(self.path / "metrics.jsonl")
        return any(
            (row["stage"], row["step"], row["kind"]) == (stage, step, kind) and not row.get("look") for row in rows
        )

    def rewind(self, stage: str, step: int) -> None:
        """Drop logged rows of steps that the checkpoint at ``step`` of ``stage`` has not seen."""
        if processes.rank():
            return
        for name in LOGS:
            rows = jsonl.read_rows(self.path / name)
            kept = [row for row in rows if _seen(row, stage, step)]
            if rows:
                jsonl.write_rows(self.path / name, kept)


def _seen(row: dict[str, Any], stage: str, step: int) -> bool:
    if row["stage"] == stage:
        return bool(row["step"] <= step)
    return bool(row["stage"] == "sft")


def _differences(a: Recipe, b: Recipe) -> list[str]:
    left, right = _flat(a.model_dump(mode="json")), _flat(b.model_dump(mode="json"))
    return sorted(key for key in left.keys() | right.keys() if left.get(key) != right.get(key) and key != "about")


def _flat(fields: dict[str, Any], head: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in fields.items():
        out |= _flat(value, f"{head}{key}.") if isinstance(value, dict) else {f"{head}{key}": value}
    return out


def command_line() -> str:
    """How this process was started, as people would type it."""
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
