"""Is GRPO ahead of the cold start it began from? Three seeds of a recipe, on held-out clips, with paired intervals.

    python benchmarks/first_light_seeds.py [--recipe first-light] [--seeds 0,1,2] [override ...]

Every seed trains anew from its own cold start (runs/RECIPE-seedN). The difference of each seed, and of all seeds
together, comes from a paired bootstrap over held-out clips, whole speakers at a time where there are enough of them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from affectrl import jsonl
from affectrl.evaluation.evaluate import scored
from affectrl.metrics.classification import uar, war
from affectrl.metrics.intervals import Estimate, clusters, paired_bootstrap
from affectrl.recipes.load import load_recipe
from affectrl.training.train import train

Columns = tuple[list[str], list[str | None], list[str | None], list[str | None]]


def columns(run: Path) -> Columns:
    """References, answers before and after, and speakers, clip by clip."""
    before, after = (list(scored(jsonl.read_rows(run / "eval" / f"{name}.jsonl"))) for name in ("cold-start", "final"))
    assert [row[0] for row in before] == [row[0] for row in after]
    truth, first, speakers = (list(part) for part in zip(*before, strict=True))
    return truth, first, [row[1] for row in after], speakers


def show(name: str, table: Columns) -> None:
    """One line a score: before, after, difference with its interval."""
    truth, before, after, speakers = table
    for title, score in (("WAR", war), ("UAR", uar)):
        gain: Estimate = paired_bootstrap(score, truth, before, after, groups=clusters(speakers))
        print(
            f"| {name} | {title} | {score(truth, before):.3f} | {score(truth, after):.3f} | "
            f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] | {len(truth)} |",
            flush=True,
        )


def main() -> None:
    """Train what is not there yet, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--recipe", default="first-light")
    parser.add_argument("--seeds", default="0,1,2")
    asked = parser.parse_args()
    seeds = [int(seed) for seed in asked.seeds.split(",")]
    tables = []
    for seed in seeds:
        name = f"{Path(asked.recipe).stem}-seed{seed}"
        recipe = load_recipe(asked.recipe, [*asked.overrides, f"seed={seed}", f"name={name}"])
        tables.append(columns(train(recipe)))
    print("| seed | score | cold start | after GRPO | difference, 95 % | clips |")
    print("| --- | --- | --- | --- | --- | --- |")
    for seed, table in zip(seeds, tables, strict=True):
        show(str(seed), table)
    if len(tables) > 1:
        pooled = [[item for table in tables for item in table[i]] for i in range(4)]
        show("all", tuple(pooled))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
