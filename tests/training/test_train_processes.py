"""A whole run in two processes over gloo: one run folder, and a stop that both hear of."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from affectrl import jsonl

SCRIPT = Path(__file__).with_name("together.py")
WORDS = {"happy": ["So good!", "I love it.", "What a day!"], "sad": ["I miss her.", "All is lost.", "Why me?"]}


@pytest.fixture(scope="module")
def fields(tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """A recipe for words alone, whose batches of 3 clips make two processes split the groups of 4."""
    folder = tmp_path_factory.mktemp("words")
    rows = [
        {"id": f"{label}{i}", "text": text, "labels": [label], "split": "test" if i == 2 else "train"}
        for label, texts in WORDS.items()
        for i, text in enumerate(texts)
    ]
    jsonl.write_rows(folder / "manifest.jsonl", rows)
    return {
        "name": "small",
        "threads": 1,
        "data": {
            "cold_start": {"source": str(folder), "split": "train"},
            "train": {"source": str(folder), "split": "train"},
            "eval": {"source": str(folder), "split": "test"},
        },
        "model": {"backbone": str(tiny_backbone), "voice": None, "face": None},
        "answers": {"format": "answer-only", "labels": ["happy", "sad"]},
        "cold_start": {"steps": 2, "batch_size": 3},
        "rl": {"steps": 4, "batch_size": 3, "num_generations": 4, "max_completion_length": 4},
        "eval": {"every": 2, "keep_best": True},
        "checkpoints": {"every": 1, "keep": 9},
    }


def together(fields: dict, folder: Path, *stop: str) -> list[str]:
    """What two processes say at their end."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(fields))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "ACCELERATE_USE_CPU": "true"}
    running = [
        subprocess.Popen(
            [sys.executable, SCRIPT, recipe, folder / "runs", *stop],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | place | {"RANK": rank, "LOCAL_RANK": rank},
        )
        for rank in "01"
    ]
    try:
        return [process.communicate(timeout=200)[0].splitlines()[-1] for process in running]
    finally:
        for process in running:
            process.kill()


def test_a_run_that_is_stopped_and_goes_on(fields: dict, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "small"
    assert together(fields, tmp_path, "2") == ["interrupted", "interrupted"]
    assert json.loads((run / "manifest.json").read_text())["status"] == "interrupted"
    assert sorted(p.name for p in (run / "checkpoints").iterdir()) == [f"step-{n:06d}" for n in range(1, 5)]
    assert together(fields, tmp_path) == [str(run), str(run)]
    assert json.loads((run / "manifest.json").read_text())["status"] == "done"
    rows = jsonl.read_rows(run / "metrics.jsonl")
    counts = Counter((row["stage"], row["kind"], row["step"]) for row in rows if row["kind"] == "train")
    assert counts == dict.fromkeys(
        [("sft", "train", n) for n in (1, 2)] + [("rl", "train", n) for n in (1, 2, 3, 4)], 1
    )
    rollouts = jsonl.read_rows(run / "rollouts.jsonl")
    assert Counter(row["step"] for row in rollouts) == dict.fromkeys(range(1, 5), 3)
    assert {len(row["completions"]) for row in rollouts} == {4}
    assert len(jsonl.read_rows(run / "predictions.jsonl")) == 2
    assert len(list((run / "tensorboard").iterdir())) == 2  # one a part of the run, none of the other process
    assert (run / "report.html").is_file()
    assert (run / "best" / "affectrl.json").is_file()


def test_a_batch_that_cannot_be_shared_out(fields: dict, tmp_path: Path) -> None:
    said = together(fields | {"rl": fields["rl"] | {"num_generations": 3}}, tmp_path)
    assert [line.split(":")[0] for line in said] == ["recipe_invalid", "recipe_invalid"]
    assert not (tmp_path / "runs").exists()
