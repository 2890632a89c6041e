"""Is RL ahead of the cold start it began from, and of SFT for as long? Several seeds of a recipe, every set it names.

    python benchmarks/rl_seeds.py RECIPE [--seeds 0,1,2] [--runs runs] [override ...]

For each seed the recipe is trained (runs/RECIPE-sN), and then SFT goes on from the same cold start, on the clips that
RL had, for as many steps as fit into the time that RL took (runs/RECIPE-sft-sN); a recipe whose RL sees no labels gets
more of its cold start's clips instead. Runs that are there already are not made again. An override may hold {seed}.
Intervals hold seeds and clips (or speakers) together, differences are paired on both: affectrl/reproduce/figures.py.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

from affectrl import jsonl
from affectrl.recipes.load import load_recipe
from affectrl.recipes.schema import Recipe
from affectrl.reproduce.figures import Figure, Scores, score
from affectrl.training.train import train


def seconds(run: Path, stage: str) -> tuple[float, int]:
    """Time of a stage's steps, evaluations left out, and their number."""
    rows = [row for row in jsonl.read_rows(run / "metrics.jsonl") if row["kind"] in ("train", "eval", "alarm")]
    total, steps = 0.0, 0
    for before, row in pairwise(rows):
        if (row["stage"], row["kind"], before["kind"]) == (stage, "train", "train") and before["stage"] == stage:
            total, steps = total + row["time_s"] - before["time_s"], steps + 1
    return total, steps


def longer_sft(recipe: Recipe, run: Path) -> Recipe:
    """SFT from the run's cold start, for as long as its RL took."""
    rl, rl_steps = seconds(run, "rl")
    sft, sft_steps = seconds(run, "sft")
    steps = max(1, round((rl / rl_steps) * recipe.rl.steps / (sft / sft_steps)))
    data = recipe.data
    if not data.train.unlabelled:
        data = data.model_copy(update={"cold_start": data.train})
    return recipe.model_copy(
        update={
            "name": sft_name(run.name),
            "start": str(run / "cold-start"),
            "data": data,
            "cold_start": recipe.cold_start.model_copy(update={"steps": steps, "align": False}),
            "rl": recipe.rl.model_copy(update={"steps": 0, "restandardize": None}),
        }
    )


def sft_name(name: str) -> str:
    """``RECIPE-sN`` to ``RECIPE-sft-sN``."""
    head, seed = name.rsplit("-s", 1)
    return f"{head}-sft-s{seed}"


def main() -> None:
    """Train what is not there yet, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--no-sft", action="store_true", help="Leave the SFT of equal time out.")
    asked = parser.parse_args()
    found: dict[str, dict[str, dict[int, Path]]] = {}
    for seed in map(int, asked.seeds.split(",")):
        stem = Path(asked.recipe).stem
        overrides = [text.replace("{seed}", str(seed)) for text in asked.overrides]
        recipe = load_recipe(asked.recipe, [*overrides, f"seed={seed}", f"name={stem}-s{seed}"])
        run = train(recipe, runs=asked.runs, report=False)
        wanted = [("cold start", run, "cold-start"), ("RL", run, "final")]
        if not asked.no_sft:
            longer = train(longer_sft(recipe, run), runs=asked.runs, report=False)
            wanted.insert(1, ("SFT as long", longer, "cold-start"))
        for place in ("", *(f"@{name}" for name in recipe.data.also)):
            for variant, folder, file in wanted:
                at = found.setdefault(place.removeprefix("@") or "eval", {}).setdefault(variant, {})
                at[seed] = folder / "eval" / f"{file}{place}.jsonl"
    metrics = ("ew", "war") if recipe.answers.labels is None else ("war", "uar")
    print("| set | score | " + " | ".join(next(iter(found.values()))) + " | RL - cold start | RL - SFT | n |")
    print("| --- |" + " --- |" * (len(wanted) + 4))
    for name, variants in found.items():
        rows = {(v, seed): jsonl.read_rows(file) for v, files in variants.items() for seed, file in files.items()}
        for metric in metrics:
            scores = score(rows, metric)
            if scores is not None:
                print(line(name, metric, scores, list(variants)))


def line(name: str, metric: str, scores: Scores, variants: list[str]) -> str:
    """One row of the table."""
    cells = [shown(scores.figure(v)) for v in variants]
    gains = [shown(scores.difference("RL", v), sign="+") for v in ("cold start", "SFT as long")]
    return f"| {name} | {metric.upper()} | {' | '.join(cells)} | {' | '.join(gains)} | {scores.n} |"


def shown(figure: Figure | None, sign: str = "") -> str:
    """A mean with its interval, and each seed's own value."""
    if figure is None:
        return ""
    seeds = " ".join(f"{value:{sign}.3f}" for value in figure.by_seed.values())
    return f"{figure.mean:{sign}.3f} [{figure.low:{sign}.3f}, {figure.high:{sign}.3f}] ({seeds})"


if __name__ == "__main__":
    main()
