"""What the log of a run says about its judge."""

from __future__ import annotations

from pathlib import Path

from affectrl import jsonl
from affectrl.recipes.load import check
from affectrl.training.train import train


def test_each_step_logs_its_own_questions(small_fields: dict, tmp_path: Path) -> None:
    small_fields["cold_start"] |= {"steps": 1}
    small_fields["answers"]["format"] = "think-answer"
    small_fields["rl"] |= {"steps": 2, "batch_size": 2, "num_generations": 2, "max_completion_length": 8}
    small_fields["rl"] |= {"reward_funcs": ["format", "perception"]}
    folder = train(check(small_fields, "small"), runs=tmp_path, report=False)
    rows = [row for row in jsonl.read_rows(folder / "metrics.jsonl") if row["stage"] == "rl" and row["kind"] == "train"]
    assert len(rows) == 2
    for row in rows:
        assert row["judge/asked"] + row["judge/repeated"] <= 2, "one pair a clip"
        assert row["judge/failed"] <= row["judge/asked"]
        assert row["missing/perception"] >= 0
