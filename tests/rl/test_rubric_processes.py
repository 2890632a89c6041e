"""Two processes that share groups, over gloo: every score is what one process gives."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from affectrl.rl.rubric import Rubric

TEXTS = ["joy", "joy", "sadness", "", "surprise", "sadness", "sadness", "joy", "fear", "joy", "joy", "sadness"]
GROUP = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
CHOICES = ["joy", "sadness", "surprise", "fear"]
SHARES = {"even": (6, 6), "uneven": (5, 7), "one row": (1, 11), "whole groups": (4, 8)}

PROGRAM = """
import json, sys
import torch.distributed as processes
from affectrl.errors import RecipeError
from affectrl.rl.rubric import Rubric

rank, meeting, tasks = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
processes.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
for task in tasks:
    start = 0 if rank == 0 else task["shares"][0]
    rows = slice(start, start + task["shares"][rank])
    texts = task["texts"][rows]
    columns = {name: column[rows] for name, column in task["columns"].items()}
    if rank == 1:
        columns["note"] = ["only here"] * len(texts)
    rubric = Rubric(task["names"], task["weights"], settings=task["settings"])
    try:
        scores = rubric.score(["q"] * len(texts), texts, [[1]] * len(texts), columns)
        print(json.dumps([scores.total.tolist(), scores.parts, scores.missing]))
    except RecipeError as error:
        print(json.dumps([error.code, error.message]))
processes.destroy_process_group()
"""

RANKED = """
GROUP = True

def reward(prompts, completions, completion_ids, **columns):
    "Share of the texts at hand that are longer; nothing for an empty one."
    return [None if not t else sum(len(o) > len(t) for o in completions) / len(completions) for t in completions]
"""


def task(shares: tuple[int, int], **changes: Any) -> dict[str, Any]:
    n = len(TEXTS)
    columns = {"group": GROUP, "choices": [CHOICES] * n, "labels": [["joy"]] * n, "format": ["answer-only"] * n}
    plain = {"names": ["majority-vote", "accuracy"], "weights": [1.0, 0.5], "settings": {"majority-vote": {"alpha": 2}}}
    return {"texts": TEXTS, "shares": shares, "columns": columns} | plain | changes


TASKS = {name: task(shares) for name, shares in SHARES.items()}
TASKS["gaps"] = task((5, 7), names=["mine_of_two.ranked"], weights=[1.0], settings={})
TASKS["failure"] = task((6, 6), settings={"majority-vote": {"distance": "nowhere"}})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a reward of one's own lies, which both processes and we can import."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "mine_of_two").mkdir()
    (folder / "mine_of_two" / "__init__.py").touch()
    (folder / "mine_of_two" / "ranked.py").write_text(RANKED)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder


@pytest.fixture(scope="module")
def in_two(folder: Path) -> dict[str, list[list[Any]]]:
    """What each of two processes finds, by task."""
    tasks = json.dumps(list(TASKS.values()))
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(rank), str(folder / "meeting"), tasks],
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
        for rank in range(2)
    ]
    try:
        said = [process.communicate(timeout=100)[0].splitlines() for process in running]
    finally:
        for process in running:
            process.kill()
    found = [[json.loads(line) for line in lines] for lines in said]
    return {name: [found[0][i], found[1][i]] for i, name in enumerate(TASKS)}


def in_one(work: dict[str, Any]) -> list[Any]:
    rubric = Rubric(work["names"], work["weights"], settings=work["settings"])
    n = len(work["texts"])
    scores = rubric.score(["q"] * n, work["texts"], [[1]] * n, work["columns"])
    return [scores.total.tolist(), scores.parts, scores.missing]


@pytest.mark.parametrize("name", [*SHARES, "gaps"])
def test_a_split_group_is_whole(name: str, in_two: dict[str, list[list[Any]]]) -> None:
    (total0, parts0, missing0), (total1, parts1, missing1) = in_two[name]
    total, parts, missing = in_one(TASKS[name])
    assert total0 + total1 == total
    assert {reward: parts0[reward] + parts1[reward] for reward in parts} == parts
    assert missing0 == missing1 == missing


def test_gaps_there_were(in_two: dict[str, list[list[Any]]]) -> None:
    (total, parts, missing), _ = in_two["gaps"]
    known = [parts["mine_of_two.ranked"][i] for i in range(3)]
    assert parts["mine_of_two.ranked"][3] is None
    assert total[3] == pytest.approx(sum(known) / 3)
    assert missing == {"mine_of_two.ranked": pytest.approx(1 / 12)}


def test_both_hear_of_a_failure(in_two: dict[str, list[list[Any]]]) -> None:
    first, second = in_two["failure"]
    assert first == second
    assert first[0] == "unknown_name"
    assert "nowhere" in first[1]
