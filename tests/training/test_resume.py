"""Killed at any moment, a run goes on and ends with the same weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from affectrl import jsonl

FILES = ("adapter/adapter_model.safetensors", "fusion.safetensors")
COMMAND = [sys.executable, "-c", "from affectrl.cli.main import run; run()", "train"]


@pytest.fixture
def recipe_file(small_fields: dict, tmp_path: Path) -> Path:
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(small_fields))
    return file


def start(recipe: Path, runs: Path) -> subprocess.Popen[bytes]:
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*COMMAND, str(recipe), "--runs", str(runs)], env=env, stderr=subprocess.PIPE)


def finish(recipe: Path, runs: Path) -> Path:
    process = start(recipe, runs)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors.decode()
    return runs / "small"


def stop_at(recipe: Path, runs: Path, rows: int, number: signal.Signals) -> int:
    """Send a signal as soon as the run has logged so many training rows; gives the exit status."""
    process = start(recipe, runs)
    log = runs / "small" / "metrics.jsonl"
    until = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < until:
        if log.is_file() and log.read_text().count('"kind": "train"') >= rows:
            process.send_signal(number)
            break
        time.sleep(0.005)
    process.communicate(timeout=60)
    return process.returncode


def steps(run: Path) -> list[tuple[str, int]]:
    return [(r["stage"], r["step"]) for r in jsonl.read_rows(run / "metrics.jsonl") if r["kind"] == "train"]


@pytest.mark.slow
def test_killed_three_times_it_ends_with_the_same_weights(recipe_file: Path, tmp_path: Path) -> None:
    whole = finish(recipe_file, tmp_path / "whole")
    killed = 0
    for rows in (5, 11, 17):
        killed += stop_at(recipe_file, tmp_path / "killed", rows, signal.SIGKILL) == -signal.SIGKILL
    assert killed == 3
    resumed = finish(recipe_file, tmp_path / "killed")
    for name in FILES:
        assert (whole / "model" / name).read_bytes() == (resumed / "model" / name).read_bytes(), name
    assert steps(resumed) == steps(whole) == [("sft", i + 1) for i in range(12)] + [("grpo", i + 1) for i in range(12)]
    rollouts = [jsonl.read_rows(run / "rollouts.jsonl") for run in (whole, resumed)]
    assert rollouts[0] == rollouts[1]
    assert len(rollouts[0]) == 12 * 3
    before = [(whole / "eval" / f"{n}.jsonl").read_bytes() for n in ("cold-start", "final")]
    assert before == [(resumed / "eval" / f"{n}.jsonl").read_bytes() for n in ("cold-start", "final")]
    assert not list((tmp_path / "killed").rglob("*.tmp/*"))


@pytest.mark.slow
def test_a_polite_stop_writes_a_checkpoint_and_says_how_to_go_on(recipe_file: Path, tmp_path: Path) -> None:
    assert stop_at(recipe_file, tmp_path, 4, signal.SIGTERM) == 130
    run = tmp_path / "small"
    done = steps(run)[-1][1]
    assert (run / "checkpoints" / f"step-{done:06d}" / "optimizer.safetensors").is_file()
    assert '"interrupted"' in (run / "manifest.json").read_text()
