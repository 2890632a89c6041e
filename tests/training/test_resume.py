"""Killed at any moment, a run goes on and ends with the same weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from doomed import Moment, run

from affectrl import jsonl

FILES = ("model/adapter/adapter_model.safetensors", "model/fusion.safetensors", "rollouts.jsonl", "predictions.jsonl")
FILES += ("eval/cold-start.jsonl", "eval/final.jsonl", "recipe.yaml")


@pytest.fixture
def recipe_file(small_fields: dict, tmp_path: Path) -> Path:
    return written(small_fields, tmp_path)


def written(fields: dict, folder: Path) -> Path:
    file = folder / "small.yaml"
    file.write_text(yaml.safe_dump(fields))
    return file


@pytest.fixture(scope="module")
def whole(fields: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of one that nobody disturbed, from the command line; it says nothing that is not ours."""
    folder = tmp_path_factory.mktemp("whole")
    command = [sys.executable, "-c", "from affectrl.cli.main import run; run()", "train"]
    done = subprocess.run(
        [*command, written(fields, folder), "--runs", folder],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ours = ("recipe small", "features: ", "SFT: ", "RL: ", "evaluate ", "affectrl: step ")
    assert [line for line in done.stderr.splitlines() if not line.startswith(ours)] == []
    return folder / "small"


def metrics(folder: Path) -> list[dict]:
    return [{k: v for k, v in row.items() if k != "time_s"} for row in jsonl.read_rows(folder / "metrics.jsonl")]


def assert_same(resumed: Path, whole: Path) -> None:
    for name in FILES:
        assert (whole / name).read_bytes() == (resumed / name).read_bytes(), name
    assert metrics(resumed) == metrics(whole)
    steps = [(row["stage"], row["step"]) for row in metrics(resumed) if row["kind"] == "train"]
    assert steps == [(stage, i + 1) for stage in ("sft", "rl") for i in range(8)]
    assert sum(row.get("grad_norm", 0) > 0 for row in metrics(resumed) if row["stage"] == "rl") > 2, "it learned"
    assert len(jsonl.read_rows(resumed / "rollouts.jsonl")) == 8 * 3
    assert list(resumed.rglob(".*")) == [], "what was half-written is gone"


KILLS: list[Moment] = [("step", 5), ("checkpoint", 2), ("evaluation", 1), ("line", 3), ("rollouts", 2)]


@pytest.mark.slow
def test_killed_at_five_moments_it_ends_with_the_same_weights(whole: Path, recipe_file: Path, tmp_path: Path) -> None:
    for moment in KILLS:
        assert run(recipe_file, tmp_path / "killed", moment)[0] == -signal.SIGKILL, moment
    assert run(recipe_file, tmp_path / "killed")[0] == 0
    assert_same(tmp_path / "killed" / "small", whole)


@pytest.mark.slow
def test_a_damaged_checkpoint_is_told_of_and_the_one_before_it_used(
    whole: Path, recipe_file: Path, tmp_path: Path
) -> None:
    checkpoints = tmp_path / "runs" / "small" / "checkpoints"
    assert run(recipe_file, tmp_path / "runs", ("step", 15))[0] == -signal.SIGKILL
    assert [p.name for p in sorted(checkpoints.iterdir())] == ["step-000011", "step-000014"]
    file = checkpoints / "step-000014" / "optimizer.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    status, said = run(recipe_file, tmp_path / "runs")
    assert status == 0
    assert f"{file}: is cut short or damaged. [checkpoint_damaged] This checkpoint is passed over." in said
    assert_same(checkpoints.parent, whole)


@pytest.mark.slow
def test_a_polite_stop_writes_a_checkpoint_and_says_how_to_go_on(recipe_file: Path, tmp_path: Path) -> None:
    status, said = run(recipe_file, tmp_path, ("step", 4), signal.SIGTERM)
    assert status == 130
    assert "The same command goes on from there." in said
    folder = tmp_path / "small"
    assert metrics(folder)[-1]["step"] == 4
    assert (folder / "checkpoints" / "step-000004" / "optimizer.safetensors").is_file()
    assert '"interrupted"' in (folder / "manifest.json").read_text()
