"""Train what a table needs, run by run, and read back what is there. Killed, the same call goes on where it was."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from affectrl import jsonl
from affectrl.errors import AffectError, RecipeError, UsageError
from affectrl.evaluation.evaluate import Row
from affectrl.recipes.schema import Recipe
from affectrl.reproduce.table import Table, recipe_of, run_name
from affectrl.training.preflight import check_clips, check_names
from affectrl.training.run_folder import RunFolder

Train = Callable[[Recipe, Path], object]


@dataclass(frozen=True, slots=True)
class Done:
    """A finished run."""

    variant: str
    seed: int
    path: Path
    seconds: float
    ended: str
    """Why RL ended early, if it did."""

    def rows(self, stage: str, at: str) -> list[Row]:
        """Answers of ``cold-start`` or ``final`` to a set; a run without RL ends with its cold start."""
        folder, end = self.path / "eval", "" if at == "eval" else f"@{at}"
        file = folder / f"{stage}{end}.jsonl"
        return jsonl.read_rows(file if file.is_file() else folder / f"cold-start{end}.jsonl")


@dataclass
class Results:
    """What a folder of reproductions holds so far."""

    name: str
    table: Table
    folder: Path
    quick: bool
    seeds: int
    done: dict[tuple[str, int], Done] = field(default_factory=dict)
    failed: dict[tuple[str, int], str] = field(default_factory=dict)
    """Runs that diverged: why."""

    @property
    def wanted(self) -> int:
        """Runs of the whole table."""
        return len(self.table.runs_for(())) * self.seeds

    def answers(self, at: str) -> dict[tuple[str, int], list[Row]]:
        """Rows on a set by variant and seed; variants without a run of their own come with another's."""
        found = {}
        for name, variant in self.table.variants.items():
            for seed in range(self.seeds):
                run = self.done.get((self.table.run_of(name), seed))
                rows = run.rows("cold-start" if variant.cold_start_of else "final", at) if run else []
                if rows:
                    found[name, seed] = rows
        return found


def plan(table: Table, seeds: int, only: Sequence[str]) -> list[tuple[str, int]]:
    """Runs to make, a seed after the other, so that early results cover all variants.

    Raises:
        UsageError: Fewer than one seed, or an unknown variant.
    """
    if seeds < 1:
        raise UsageError(f"--seeds {seeds} trains nothing.", hint="Give 3 or more: spread needs at least 2.")
    variants = table.runs_for(tuple(only))
    return [(variant, seed) for seed in range(seeds) for variant in variants]


def check(table: Table, out: Path, jobs: Sequence[tuple[str, int]], *, quick: bool) -> None:
    """Look at every recipe before the first one trains.

    Raises:
        AffectError: What :func:`affectrl.training.train.train` would refuse.
    """
    for variant in dict(jobs):
        recipe = recipe_of(table, variant, 0, out / "runs", quick=quick)
        # The model that a run starts from is made by a run before it.
        there = recipe.model_copy(update={"start": None})
        check_names(there)
        check_clips(there)


def reproduce(
    name: str,
    table: Table,
    *,
    seeds: int,
    out: Path,
    quick: bool = False,
    only: Sequence[str] = (),
    train: Train | None = None,
    after: Callable[[Results], object] = lambda _: None,
) -> Results:
    """Train every run that is not there yet.

    Args:
        name: The table's name.
        table: The table.
        seeds: Trainings of each variant: seeds 0, 1, ...
        out: Run folders go to ``out/runs``.
        quick: A sixth of the steps; no verdicts.
        only: These variants, and those that they start from; all by default.
        train: Another way to train a recipe into a folder of runs.
        after: Called after every run with what there is.

    Raises:
        RecipeError: ``run_differs``: ``out`` holds runs of another form of the table.
        Interrupted: The user asked to stop; the same call goes on.
        AffectError: A run failed in another way than by diverging, which is a result and is reported.
    """
    jobs = plan(table, seeds, only)
    check(table, out, jobs, quick=quick)
    results = collect(name, table, seeds=seeds, out=out, quick=quick)
    for number, (variant, seed) in enumerate(jobs):
        if (variant, seed) in results.done:
            continue
        _say(name, jobs, number, results)
        recipe = recipe_of(table, variant, seed, out / "runs", quick=quick)
        if recipe.start is not None and not Path(recipe.start).is_dir():
            results.failed[variant, seed] = f"{table.variants[variant].start}, which it starts from, failed"
            continue
        try:
            (train or _train)(recipe, out / "runs")
        except AffectError as error:
            if error.code != "diverged":
                raise _told(error, out) from error
            results.failed[variant, seed] = error.message
        _take(results, variant, seed)
        after(results)
    return results


def collect(name: str, table: Table, *, seeds: int, out: Path, quick: bool = False) -> Results:
    """What a folder holds of a table: finished runs whose recipe is still the table's.

    Raises:
        RecipeError: ``run_differs``, as :func:`reproduce`.
    """
    results = Results(name, table, out, quick, seeds)
    for variant in table.runs_for(()):
        for seed in range(seeds):
            _take(results, variant, seed)
    return results


def _take(results: Results, variant: str, seed: int) -> None:
    folder = RunFolder(results.folder / "runs" / run_name(variant, seed))
    manifest = folder.manifest()
    if manifest.get("status") != "done":
        return
    recipe = recipe_of(results.table, variant, seed, folder.path.parent, quick=results.quick)
    try:
        folder.claim(recipe, fresh=False)
    except RecipeError as error:
        raise _told(error, results.folder) from error
    ended = str(manifest.get("ended") or "")
    results.done[variant, seed] = Done(variant, seed, folder.path, float(manifest.get("seconds", 0.0)), ended)


def _train(recipe: Recipe, runs: Path) -> object:
    from affectrl.training.train import train

    return train(recipe, runs=runs, report=False)


def _told(error: AffectError, out: Path) -> AffectError:
    if error.code != "run_differs":
        return error
    return RecipeError(
        error.message, code="run_differs", path=error.path, hint=f"Choose another --out than {out}, or remove that run."
    )


def _say(name: str, jobs: Sequence[tuple[str, int]], number: int, results: Results) -> None:
    left = [job for job in jobs[number:] if job not in results.done]
    known = {variant: run.seconds for (variant, _), run in results.done.items()}
    words = ""
    if known:
        usual = fmean(known.values())
        words = f", about {sum(known.get(variant, usual) for variant, _ in left) / 60:.0f} min left"
    variant, seed = jobs[number]
    now = time.strftime("%H:%M")
    print(f"{name}: run {number + 1} of {len(jobs)} ({variant}, seed {seed}) at {now}{words}", file=sys.stderr)
