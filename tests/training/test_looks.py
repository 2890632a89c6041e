from __future__ import annotations

from affectrl.models.task import Task
from affectrl.training.boards import rounded
from affectrl.training.looks import Looks
from affectrl.training.run_folder import RunFolder


def looks_of(recipe, folder: RunFolder) -> Looks:
    return Looks(recipe, Task("answer-only", ("happy", "sad")), folder)


def test_a_resumed_run_takes_no_equal_look_for_a_better_one(small_recipe, tmp_path):
    folder = RunFolder(tmp_path)
    stop = small_recipe.rl.stop.model_copy(update={"patience": 2})
    recipe = small_recipe.model_copy(update={"rl": small_recipe.rl.model_copy(update={"stop": stop})})
    scores = {"war": 1 / 3}
    whole = looks_of(recipe, folder)
    assert [whole.see(step, scores) for step in (0, 1)] == [True, False]
    for step in (0, 1):
        row = {"stage": "rl", "step": step, "kind": "eval", "look": True, "war": rounded(scores["war"])}
        folder.log("metrics.jsonl", [row])
    resumed = looks_of(recipe, folder)
    for looks in (whole, resumed):
        assert not looks.see(2, scores)
        assert looks.tired
    assert whole.see(3, {"war": 0.34})
