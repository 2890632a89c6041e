from __future__ import annotations

from pathlib import Path

import pytest
from accelerate import Accelerator

from affectrl import jsonl
from affectrl.training.boards import Boards, rounded
from affectrl.training.run_folder import RunFolder


@pytest.mark.parametrize(("value", "logged"), [(2 / 3, 0.666667), (4.56789e-7, 4.56789e-7), (1234.56789, 1234.57)])
def test_small_figures_keep_their_digits(value: float, logged: float) -> None:
    assert rounded(value) == logged


def test_after_a_kill_tensorboard_forgets_steps_of_the_second_stage_too(small_recipe, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    cold = small_recipe.cold_start.steps
    folder = RunFolder(tmp_path)
    for value, steps, purge in ((1.0, (1, 2, 3), None), (2.0, (3,), cold + 3)):
        boards = Boards(small_recipe, folder, Accelerator(cpu=True), purge)
        if purge is None:
            boards.log("sft", cold, "train", {"loss": 1.0})
        for step in steps:
            boards.log("rl", step, "train", {"reward": value})
        boards.close()
    seen = EventAccumulator(str(tmp_path / "tensorboard"))
    seen.Reload()
    assert [(e.step, e.value) for e in seen.Scalars("rl/train/reward")] == [(cold + 1, 1), (cold + 2, 1), (cold + 3, 2)]
    assert len(seen.Scalars("sft/train/loss")) == 1
    assert jsonl.read_rows(tmp_path / "metrics.jsonl")[1]["step"] == 1, "rows count each stage for itself"
