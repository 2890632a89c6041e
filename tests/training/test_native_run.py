"""A native model through the public path: a recipe, killed and taken up again, and a prediction."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from affectrl.errors import RecipeError
from affectrl.inference.model import load
from affectrl.recipes.load import load_recipe
from affectrl.training import reinforce
from affectrl.training.preflight import check_parts
from affectrl.training.train import train
from tiny_native import build

STEPS = 3


@pytest.fixture(scope="module")
def recipe_file(fields: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("native")
    native = {"family": "native", "backbone": str(build("qwen2-audio", folder / "model")), "max_seconds": 2.0}
    sets = {role: spec | {"limit": 4} for role, spec in fields["data"].items()}
    changes = {
        "name": "native",
        "data": sets,
        "model": native | {"lora": {"r": 2}},
        "cold_start": {"steps": 1, "batch_size": 2},
        "rl": fields["rl"] | {"steps": STEPS, "batch_size": 2, "num_generations": 3},
        "eval": {"every": 2, "limit": 2},
        "checkpoints": {"every": 1, "keep": 2},
    }
    file = folder / "native.yaml"
    file.write_text(yaml.safe_dump(fields | changes))
    return file


def test_a_run_is_taken_up_and_its_model_predicts(
    recipe_file: Path, small_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load_recipe(str(recipe_file))
    whole = train(recipe, runs=tmp_path / "whole")
    step = reinforce.Reinforcement.step

    def killed(self: reinforce.Reinforcement, learner: object, number: int) -> object:
        if number == STEPS - 1:
            raise MemoryError
        return step(self, learner, number)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(reinforce.Reinforcement, "step", killed)
        with pytest.raises(MemoryError):
            train(recipe, runs=tmp_path / "cut", report=False)
    resumed = train(recipe, runs=tmp_path / "cut", report=False)
    for name in ("model/adapter/adapter_model.safetensors", "rollouts.jsonl", "predictions.jsonl"):
        assert (whole / name).read_bytes() == (resumed / name).read_bytes(), name
    assert (whole / "report.html").is_file()
    (said,) = load(whole).predict(sorted(small_set.rglob("*.wav"))[:1] or sorted(small_set.rglob("*.mp4"))[:1])
    assert said.modalities == ("audio",)


def test_there_is_no_scale_of_a_native_model_to_move(recipe_file: Path) -> None:
    with pytest.raises(RecipeError, match=r"rl\.restandardize: a native model"):
        check_parts(load_recipe(str(recipe_file), ["rl.restandardize=16"]))
