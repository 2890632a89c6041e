"""Every packaged sandbox recipe runs from its first step to its report: two steps of each stage on a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from affectrl import jsonl
from affectrl.recipes.load import load_recipe
from affectrl.training.train import train

RECIPES = (
    "sft", "r1-omni", "merit-ppo", "merit-grpo", "affectgpt-r1-think", "affectgpt-r1-answer", "emo-r3",
    "emo-r3-cold-start", "dapo",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory):
    """A folder of its own, in which the recipes share their sandboxes."""
    folder = tmp_path_factory.mktemp("recipes")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


def small(name: str, tiny_backbone: Path) -> list[str]:
    fields = load_recipe(name).model_dump(mode="json")
    boxes = [fields["data"]["sandbox"], *fields["data"]["more_sandboxes"]]
    for box in boxes:
        box["n"] = 36
    overrides = [
        f"model.backbone={tiny_backbone}",
        "model.lora.r=2",
        "cold_start.steps=2",
        "cold_start.batch_size=2",
        "eval.every=1",
        "eval.limit=2",
        f"data.sandbox={json.dumps(boxes[0])}",
        f"data.more_sandboxes={json.dumps(boxes[1:])}",
    ]
    if fields["rl"]["steps"]:
        overrides += ["rl.steps=2", "rl.batch_size=2", "rl.max_completion_length=8"]
    return overrides


@pytest.mark.parametrize("name", RECIPES)
def test_a_packaged_recipe_runs_to_its_report(place, tiny_backbone, name):
    recipe = load_recipe(name, small(name, tiny_backbone))
    folder = train(recipe)
    assert (folder / "report.html").stat().st_size > 10_000
    assert json.loads((folder / "manifest.json").read_text())["status"] == "done"
    rows = jsonl.read_rows(folder / "metrics.jsonl")
    trained = [(row["stage"], row["step"]) for row in rows if row["kind"] == "train"]
    assert trained[: recipe.cold_start.steps] == [("sft", 1), ("sft", 2)]
    assert trained[2:] == [("rl", 1), ("rl", 2)][: recipe.rl.steps]
    evaluated = {file.stem for file in (folder / "eval").glob("*.jsonl")}
    stages = ["cold-start", *(["final"] if recipe.rl.steps else [])]
    assert evaluated == {stage + at for stage in stages for at in ("", *(f"@{name}" for name in recipe.data.also))}
    for row in jsonl.read_rows(folder / "rollouts.jsonl"):
        assert set(row["completions"][0]["rewards"]) == set(recipe.rl.reward_funcs)
