from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def recipe(tiny_backbone, tmp_path):
    file = tmp_path / "small.yaml"
    fields = {
        "data": {"train": {"source": "none"}, "eval": {"source": "none"}},
        "model": {"backbone": str(tiny_backbone), "voice": None, "face": None},
        "answers": {"format": "answer-only"},
        "cold_start": {"steps": 0},
        "rl": {"batch_size": 2, "num_generations": 4, "max_completion_length": 8},
    }
    file.write_text(yaml.safe_dump(fields))
    return file


def test_a_table_that_says_it_fits(affectrl_command, recipe):
    done = affectrl_command("plan", recipe, "--gpu", "80GB")
    assert done.status == 0
    assert "It fits" in done.out
    assert "A step of RL takes about" in done.out
    assert all(
        name in done.out for name in ("rollout", "update", "evaluation", "keys and values", "logits", "tokens/s")
    )


def test_what_does_not_fit_says_what_to_change(affectrl_command, recipe):
    done = affectrl_command("plan", recipe, "--gpu", "0.66GB", "--prefix", "600", "--json")
    assert done.status == 1
    told = json.loads(done.out)
    assert not told["fits"]
    assert told["changes"][0]["saves_bytes"] > 0
    assert told["then"]["peak_bytes"] < told["peak_bytes"]


def test_an_unknown_gpu(affectrl_command, recipe):
    done = affectrl_command("plan", recipe, "--gpu", "h100-81gb")
    assert done.status == 2
    assert "h100-80gb" in done.err
    assert "[plan_device]" in done.err


def test_on_a_cpu_it_is_within_15_percent_of_the_measured_peak():
    command = [sys.executable, str(REPO / "benchmarks" / "plan_check.py"), "--only", "tiny"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPO)
    assert done.returncode == 0, done.stderr[-2000:]
    row = next(line for line in done.stdout.splitlines() if line.startswith("| tiny"))
    off = float(row.split("|")[4].strip().rstrip("%")) / 100
    assert abs(off) < 0.15, row
