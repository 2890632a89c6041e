"""RL on the clips that the cold start has not drawn."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from pathlib import Path

import pytest

from affectrl import jsonl
from affectrl.errors import DataError, RecipeError
from affectrl.recipes.load import check
from affectrl.recipes.schema import Recipe
from affectrl.training.train import train
from affectrl.training.unseen import FILE


def recipe_of(fields: dict, name: str, *, drawn: int = 2, **more: object) -> Recipe:
    mine = deepcopy(fields) | {"name": name} | more
    mine["data"]["cold_start"].pop("limit")
    mine["cold_start"] = {"steps": drawn, "batch_size": 3}
    mine["rl"] |= {"steps": 3, "clips": "unseen"}
    return check(mine, name)


def ids(file: Path) -> set[str]:
    return {row["id"] for row in jsonl.read_rows(file)}


@pytest.fixture(scope="module")
def run(fields: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(recipe_of(fields, "first"), runs=tmp_path_factory.mktemp("runs"), report=False)


def test_what_was_drawn_is_not_tried(run: Path) -> None:
    met, tried = ids(run / FILE), ids(run / "rollouts.jsonl")
    manifest = json.loads((run / "manifest.json").read_text())
    assert len(met) == 6
    assert tried
    assert not met & tried
    assert manifest["unseen"] == manifest["data"]["train"]["n"] - 6


def test_a_run_that_begins_from_another_knows_what_that_had_seen(fields: dict, run: Path) -> None:
    recipe = recipe_of(fields, "second", drawn=0, start=str(run / "cold-start"))
    second = train(recipe, runs=run.parent, report=False)
    assert ids(second / FILE) == ids(run / FILE)
    assert not ids(run / FILE) & ids(second / "rollouts.jsonl")


def test_a_start_that_does_not_say_is_refused(fields: dict, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "cold-start", tmp_path / "model")
    with pytest.raises(RecipeError, match=r"met\.jsonl"):
        train(recipe_of(fields, "third", drawn=0, start=str(tmp_path / "model")), runs=tmp_path / "runs", report=False)
    assert not (tmp_path / "runs").exists()


def test_no_clip_left_is_an_error_before_rl(fields: dict, run: Path, tmp_path: Path) -> None:
    many = json.loads((run / "manifest.json").read_text())["data"]["train"]["n"]
    with pytest.raises(DataError, match=r"drawn all") as caught:
        train(recipe_of(fields, "fourth", drawn=-(-many // 3)), runs=tmp_path, report=False)
    assert caught.value.code == "no_clips"
