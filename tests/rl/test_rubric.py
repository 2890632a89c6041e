from __future__ import annotations

import sys
from types import ModuleType

import pytest

from affectrl.errors import RecipeError, UsageError
from affectrl.rl.rubric import Rubric

GOOD, WRONG, LOOSE = "<think>x</think><answer>happy</answer>", "<think>x</think><answer>sad</answer>", "happy"
COLUMNS = {"labels": [("happy",), ("happy",), ("happy",)], "format": ["think-answer"] * 3, "id": ["a", "b", "c"]}


def score(rubric: Rubric, columns=COLUMNS):
    return rubric.score(["q"] * 3, [GOOD, WRONG, LOOSE], [[1]] * 3, columns)


@pytest.fixture
def shelf(monkeypatch):
    """Puts a reward of one's own where a recipe can name it."""

    def put(function) -> str:
        module = ModuleType("mine.reward_of_mine")
        module.reward = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "mine", ModuleType("mine"))
        monkeypatch.setitem(sys.modules, "mine.reward_of_mine", module)
        return "mine.reward_of_mine"

    return put


def test_weights_add_up():
    scores = score(Rubric(["accuracy", "format"], [2.0, 0.5]))
    assert scores.total.tolist() == [2.5, 0.5, 2.0]
    assert scores.parts == {"accuracy": [1.0, 0.0, 1.0], "format": [1.0, 1.0, 0.0]}
    assert scores.mean("format") == pytest.approx(2 / 3)


def test_weights_are_one_each_by_default():
    assert score(Rubric(["accuracy", "format"])).total.tolist() == [2.0, 1.0, 1.0]


def test_a_reward_that_does_not_apply_adds_nothing():
    scores = score(Rubric(["accuracy", "format"]), COLUMNS | {"labels": [(), ("happy",), ()]})
    assert scores.total.tolist() == [1.0, 1.0, 0.0]
    assert scores.parts["accuracy"] == [None, 0.0, None]
    assert scores.mean("accuracy") == 0.0
    assert score(Rubric(["accuracy"]), COLUMNS | {"labels": [()] * 3}).mean("accuracy") is None


def test_a_reward_of_ones_own_sees_all_columns(shelf):
    seen = {}

    def reward(prompts, completions, completion_ids, **columns):
        seen.update(columns, prompts=prompts, ids=completion_ids)
        return [len(text) / 10 for text in completions]

    name = shelf(reward)
    assert score(Rubric([name])).total.tolist() == pytest.approx([len(t) / 10 for t in (GOOD, WRONG, LOOSE)])
    assert seen == COLUMNS | {"prompts": ["q"] * 3, "ids": [[1]] * 3}


@pytest.mark.parametrize("count", [0, 2, 4])
def test_a_wrong_number_of_scores(shelf, count):
    name = shelf(lambda *_, **__: [1.0] * count)
    with pytest.raises(RecipeError, match=f"gave {count} scores for 3 completions") as caught:
        score(Rubric([name]))
    assert caught.value.code == "reward_failed"


def test_a_wrong_number_of_weights():
    with pytest.raises(RecipeError, match="1 weights for 2 rewards"):
        Rubric(["accuracy", "format"], [1.0])


def test_an_unknown_reward_names_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'accuracy'"):
        Rubric(["acuracy"])
