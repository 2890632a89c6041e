from __future__ import annotations

import json
from pathlib import Path

import pytest

from affectrl import jsonl
from affectrl.errors import AffectError
from affectrl.recipes.load import check
from affectrl.training.train import train


@pytest.mark.parametrize("stage", ["sft", "rl"])
def test_a_run_that_diverges_stops_and_keeps_its_last_checkpoint(small_fields: dict, tmp_path: Path, stage) -> None:
    small_fields["cold_start" if stage == "sft" else "rl"] |= {"lr": 1e30, "fusion_lr": 1e30}
    small_fields["cold_start" if stage == "rl" else "rl"]["steps"] = 2
    small_fields["checkpoints"] = {"every": 1, "keep": 2}
    with pytest.raises(AffectError, match=r"Lower optim\.lr or rl\.lr") as caught:
        train(check(small_fields, "small"), runs=tmp_path, report=False)
    assert caught.value.code == "diverged"
    last = sorted((tmp_path / "small" / "checkpoints").iterdir())[-1]
    assert str(last) in str(caught.value)
    rows = jsonl.read_rows(tmp_path / "small" / "metrics.jsonl")
    logged = [row["step"] for row in rows if (row["stage"], row["kind"]) == (stage, "train")]
    assert len(logged) < 8
    assert None not in [row["loss"] for row in rows if row["kind"] == "train"]
    assert json.loads((last / "trainer.json").read_text())["place"] == {
        "stage": stage,
        "step": logged[-1],
        "ended": "",
    }
    assert json.loads((tmp_path / "small" / "manifest.json").read_text())["status"] == "interrupted"
