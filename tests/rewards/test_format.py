from __future__ import annotations

from collections.abc import Sequence

from affectrl import shelves
from affectrl.judges import Question
from affectrl.rewards.format import reward


def test_each_completion_is_held_to_its_own_format():
    tagged, bare = "<think>x</think><answer>happy</answer>", "happy"
    values = reward(
        ["q"] * 4, [tagged, tagged, bare, bare], [[1]] * 4, format=["think-answer", "answer-only"] * 2, labels=[()] * 4
    )
    assert values == [1.0, 0.0, 0.0, 1.0]


def test_wrong_but_well_formed_earns_it_all_the_same():
    text = "<think>No idea.</think><answer>zzz</answer>"
    assert reward(["q"], [text], [[1]], format=["think-answer"], labels=[("happy",)]) == [1.0]


def test_boxes_and_repetition_are_no_way_round():
    texts = ["I go on and on about it, \\boxed{happy}", "<think>a</think><answer>happy</answer>" * 2]
    assert reward(["q"] * 2, texts, [[1]] * 2, format=["answer-only", "think-answer"]) == [0.0, 0.0]


class Mute:
    """A judge that never answers."""

    key = None

    def answer(self, questions: Sequence[Question]) -> list[str | None]:
        return [None] * len(questions)


def test_all_rewards_on_the_shelf_can_be_called_alike():
    columns = {
        "id": ["a"] * 2,
        "labels": [("happy",)] * 2,
        "format": ["think-answer"] * 2,
        "choices": [("happy", "sad")] * 2,
        "group": [0, 0],
        "max_completion_length": [40] * 2,
        "truncated": [False] * 2,
        "clip": [None] * 2,
    }
    texts = ["", "<think>x</think><answer>happy</answer>"]
    names = shelves.names("affectrl.rewards")
    assert len(names) >= 10
    for name in names:
        module = shelves.load("affectrl.rewards", name)
        judge = {"judge": Mute()} if module.JUDGE else {}
        values = module.reward(["q"] * 2, texts, [[1], [1, 2]], **columns, **judge)
        assert len(values) == 2, name
        assert isinstance(module.GROUP, bool)
        assert isinstance(module.JUDGE, bool)
