from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Annotated, Literal

import pytest
import torch
from pydantic import Field

from affectrl.errors import ModelError, RecipeError, UsageError
from affectrl.judges import Question
from affectrl.rl.rubric import Rubric

GOOD, WRONG, LOOSE = "<think>x</think><answer>happy</answer>", "<think>x</think><answer>sad</answer>", "happy"
COLUMNS = {"labels": [("happy",), ("happy",), ("happy",)], "format": ["think-answer"] * 3, "id": ["a", "b", "c"]}


def score(rubric: Rubric, columns=COLUMNS):
    return rubric.score(["q"] * 3, [GOOD, WRONG, LOOSE], [[1]] * 3, columns)


@pytest.fixture
def shelf(monkeypatch):
    """Puts a reward of one's own where a recipe can name it."""

    def put(function, name: str = "reward_of_mine", **constants) -> str:
        module = ModuleType(f"mine.{name}")
        module.__dict__.update(constants, reward=function)
        monkeypatch.setitem(sys.modules, "mine", ModuleType("mine"))
        monkeypatch.setitem(sys.modules, f"mine.{name}", module)
        return f"mine.{name}"

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


def values(shelf, *given, name="reward_of_mine") -> str:
    """A reward that gives these values, whatever it sees."""
    return shelf(lambda *_, **__: list(given), name)


def total(rubric: Rubric, group: list[int]) -> list[float]:
    n = len(group)
    return rubric.score(["q"] * n, ["x"] * n, [[1]] * n, {"group": group}).total.tolist()


@pytest.mark.parametrize(
    ("given", "group", "filled", "missing"),
    [
        ((1.0, None, 0.0, None), [0, 0, 0, 0], [1, 0.5, 0, 0.5], 1 / 2),
        ((1.0, None, 0.0, None), [0, 0, 1, 1], [1, 1, 0, 0], 1 / 2),
        ((1.0, None, 0.0, None), [0, 1, 0, 1], [1, 0, 0, 0], 0.0),  # nothing is known of clip 1
        ((1.0, 0.0, None, None), [0, 0, 0, 1], [1, 0, 0.5, 0], 1 / 3),
        ((None, None, None, None), [0, 0, 1, 1], [0, 0, 0, 0], 0.0),
        ((1.0, 2.0, 3.0, 4.0), [0, 0, 1, 1], [1, 2, 3, 4], 0.0),
    ],
)
def test_a_gap_counts_as_the_mean_of_its_group(shelf, given, group, filled, missing):
    rubric = Rubric([values(shelf, *given)], [2.0])
    scores = rubric.score(["q"] * 4, ["x"] * 4, [[1]] * 4, {"group": group})
    assert scores.total.tolist() == pytest.approx([2 * v for v in filled])
    assert scores.missing == {rubric.names[0]: pytest.approx(missing)}
    assert scores.parts[rubric.names[0]] == list(given), "the log shows the gaps"


def test_a_gap_moves_no_advantage(shelf):
    """Who has a gap stands exactly where the others of the group stand on average."""
    found = total(Rubric([values(shelf, 0.1, None, 0.1, 0.1)]), [0] * 4)
    assert len(set(found)) == 1, "a group of equals with a gap is flat, to the last bit"
    a, b = values(shelf, 1.0, None, 0.0), values(shelf, 0.25, 0.75, 0.5, name="other")
    assert total(Rubric([a, b]), [0] * 3) == [1.25, 1.25, 0.5]


def test_rows_and_joined(shelf):
    rubric = Rubric([values(shelf, 1.0, None, 0.0, 2.0)])
    scores = rubric.score(["q"] * 4, ["x"] * 4, [[1]] * 4, {"group": [0, 0, 1, 1]})
    some = scores.rows([3, 0])
    assert some.total.tolist() == [2.0, 1.0]
    assert some.parts == {rubric.names[0]: [2.0, 1.0]}
    both = some.joined(scores)
    assert both.total.tolist() == [2.0, 1.0, 1.0, 1.0, 0.0, 2.0]
    assert both.parts[rubric.names[0]] == [2.0, 1.0, 1.0, None, 0.0, 2.0]
    assert both.missing == {rubric.names[0]: pytest.approx(1 / 4)}
    assert both.total.dtype == torch.float32
    assert scores.rows([]).total.shape == (0,)


def test_nothing_to_score():
    assert Rubric(["accuracy", "majority-vote"]).score(
        [], [], [], {"labels": [], "group": [], "choices": []}
    ).parts == {
        "accuracy": [],
        "majority-vote": [],
    }


def tuned(
    prompts,
    completions,
    completion_ids,
    *,
    scale: Annotated[float, Field(gt=0)] = 1.0,
    kind: Literal["a", "b"] = "a",
    pairs: tuple[int, ...] = (),
    free=None,
    **columns,
):
    return [scale + (kind == "b") + sum(pairs) + (free or 0)] * len(completions)


def test_settings_reach_the_reward(shelf):
    name = shelf(tuned)
    assert score(Rubric([name])).total.tolist() == [1.0] * 3
    given = {"scale": 2, "kind": "b", "pairs": [3, 4], "free": 10}
    assert score(Rubric([name], settings={name: given})).total.tolist() == [20.0] * 3


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"scael": 1.0}, "'scael' is no setting of .* Did you mean 'scale'"),
        ({"labels": 1.0}, "'labels' is no setting"),
        ({"judge": 1.0}, "'judge' is no setting"),
        ({"scale": "1"}, "cannot take scale: '1'. Input should be a valid number"),
        ({"scale": True}, "cannot take scale: True"),
        ({"scale": 0}, "greater than 0"),
        ({"scale": None}, "cannot take scale: None"),
        ({"kind": "c"}, "'a' or 'b'"),
        ({"pairs": [1.5]}, "cannot take pairs"),
        ({"pairs": {1, 2}}, "cannot take pairs"),
    ],
)
def test_settings_are_checked(shelf, given, told):
    name = shelf(tuned)
    with pytest.raises(RecipeError, match=told):
        Rubric([name], settings={name: given})


def test_packaged_rewards_check_their_settings():
    for name, given in {
        "emotion-wheel": {"penalty": "P3", "corners": "paper", "rules": "mer2026", "unknown": "wrong"},
        "perception": {"pairs": 3, "orders": "both", "alpha": 0.1},
        "overlong": {"cache": 4},
        "majority_vote": {"alpha": 2, "kernel": "distance", "distance": "vad"},
        "dual": {"extract": "judge", "penalty": "P1"},
    }.items():
        Rubric([name], settings={name: given})
        first = next(iter(given))
        with pytest.raises(RecipeError, match=f"cannot take {first}"):
            Rubric([name], settings={name: {first: [[]]}})
    with pytest.raises(RecipeError, match="It has none"):
        Rubric(["accuracy"], settings={"accuracy": {"alternatives": True}})
    with pytest.raises(RecipeError, match="settings for 'format', which is no reward"):
        Rubric(["accuracy"], settings={"format": {}})


def test_a_clip_cannot_set_a_setting(shelf):
    """An extra of the clips may be called like a setting."""
    assert score(Rubric([shelf(tuned)]), COLUMNS | {"scale": [100.0] * 3}).total.tolist() == [1.0] * 3


@pytest.mark.parametrize("odd", [math.nan, math.inf, "high", [1.0]])
def test_scores_that_are_no_numbers(shelf, odd):
    with pytest.raises(RecipeError, match="reward_of_mine") as caught:
        score(Rubric([values(shelf, 1.0, odd, 0.0)]))
    assert caught.value.code == "reward_failed"


def test_a_reward_that_breaks_down_is_named(shelf):
    def reward(prompts, completions, completion_ids, **columns):
        raise KeyError("gone")

    with pytest.raises(RecipeError, match=r"'mine\.reward_of_mine' failed: KeyError: 'gone'") as caught:
        score(Rubric([shelf(reward)]))
    assert caught.value.code == "reward_failed"
    assert isinstance(caught.value.__cause__, KeyError)


def test_what_a_reward_refuses_by_itself_goes_through(shelf):
    def reward(prompts, completions, completion_ids, **columns):
        raise ModelError("no key", code="judge_key")

    with pytest.raises(ModelError, match="no key"):
        score(Rubric([shelf(reward)]))


class Says:
    """A judge of one word."""

    key = None

    def __init__(self, word: str | None) -> None:
        self.word = word

    def answer(self, questions: Sequence[Question]) -> list[str | None]:
        return [self.word] * len(questions)


def asking(prompts, completions, completion_ids, *, judge, **columns):
    return [None if a is None else float(a) for a in judge.answer([Question(text) for text in completions])]


def test_judges_are_for_those_who_ask(shelf):
    name = shelf(asking, JUDGE=True)
    assert not Rubric(["accuracy", "format"]).needs_judge
    assert Rubric(["accuracy", name]).needs_judge
    assert score(Rubric([name, "format"], judge=Says("2"))).total.tolist() == [3.0, 3.0, 2.0]
    later = Rubric([name])
    with pytest.raises(RecipeError, match="asks a judge, and there is none"):
        score(later)
    later.judge = Says("1")
    assert score(later).total.tolist() == [1.0] * 3


def test_a_judge_that_never_answers_is_missing_and_no_zero(shelf):
    scores = score(Rubric(["accuracy", shelf(asking, JUDGE=True)], judge=Says(None)))
    assert scores.missing == {"accuracy": 0.0, "mine.reward_of_mine": 1.0}
    assert scores.total.tolist() == [1.0, 0.0, 1.0]


def test_only_some_settings_need_a_judge():
    assert not Rubric(["alignment", "dual"]).needs_judge
    assert Rubric(["alignment", "dual"], settings={"dual": {"extract": "judge"}}).needs_judge


def test_what_is_no_rubric(shelf):
    with pytest.raises(RecipeError, match="named twice"):
        Rubric(["majority-vote", "majority_vote"])
    with pytest.raises(RecipeError, match="weight of reward 'format' is no finite number"):
        Rubric(["accuracy", "format"], [1.0, math.nan])
    with pytest.raises(RecipeError, match="no function called 'reward'"):
        Rubric([shelf(None)])


def test_checks_before_a_run():
    Rubric(["accuracy", "majority-vote"]).check(["happy", "sad"])
    with pytest.raises(RecipeError, match="closed choice"):
        Rubric(["accuracy", "majority-vote"]).check(None)
