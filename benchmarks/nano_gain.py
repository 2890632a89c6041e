"""What GRPO gave affectrl-nano: answers of several trainings beside those of the cold start that they all began from.

    python benchmarks/nano_gain.py CHECK_OF_COLD_START CHECK [CHECK ...]

Each folder is what ``affectrl nano check -o`` wrote of one model. Rows are its sets, and all of them together; clips
that one of them lacks do not count. Intervals hold seeds and clips together: affectrl/reproduce/figures.py.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from affectrl import jsonl
from affectrl.evaluation.columns import Metric
from affectrl.evaluation.evaluate import Row
from affectrl.nano.check import SETS
from affectrl.reproduce.figures import score

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.rl_seeds import shown

METRICS: tuple[Metric, ...] = ("war", "uar", "ew")


def answers(folder: Path, names: tuple[str, ...]) -> list[Row]:
    """Rows of these sets; a row's one answer is its likeliest label."""
    found = [row for name in names for row in jsonl.read_rows(folder / f"{name}.jsonl")]
    return [row | {"emotions": [row["top"]]} for row in found]


def main() -> None:
    """A table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path, nargs="+")
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    args = parser.parse_args()
    print("| set | score | cold start | after GRPO | difference | clips |\n| --- | --- | --- | --- | --- | --- |")
    for names in [*((name,) for name in args.sets), tuple(args.sets)]:
        rows = {("before", i): answers(args.before, names) for i in range(len(args.after))}
        rows |= {("after", i): answers(folder, names) for i, folder in enumerate(args.after)}
        for metric in METRICS:
            found = score(rows, metric)
            if found is None:
                continue
            gain = shown(found.difference("after", "before"), sign="+")
            cells = [shown(found.figure("before")), shown(found.figure("after")), gain]
            print(f"| {', '.join(names)} | {metric.upper()} | {' | '.join(cells)} | {found.n} |")


if __name__ == "__main__":
    main()
