"""EMO-R3's emotional coherence, worked from its definition: does the emotion read from steps 1 and 2 hit the label?"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from affectrl.judges import Question
from affectrl.rewards import coherence

CHOICES = ("happy", "sad", "angry")


class Reads:
    """Gives its answers one after the other."""

    key = None

    def __init__(self, *answers: str | None) -> None:
        self.answers, self.heard = iter(answers), []

    def answer(self, questions: Sequence[Question]) -> list[str | None]:
        self.heard += questions
        return [next(self.answers) for _ in questions]


TEXT = "<step1>Wet tears.</step1><step2>A loss.</step2><step3>Unpleasant.</step3>\\boxed{furious}"


def score(
    judge: Reads,
    *texts: str,
    labels: tuple[str, ...] = ("sad",),
    choices: tuple[str, ...] | None = CHOICES,
    format: str = "set-box",
) -> list[float | None]:
    n = len(texts)
    columns = {"labels": [labels] * n, "choices": [choices] * n, "format": [format] * n, "clip": ["the clip"] * n}
    return coherence.reward(["?"] * n, texts, [[]] * n, judge=judge, **columns)


@pytest.mark.parametrize(
    ("answer", "reward"),
    [
        ("sad", 1.0),
        ("Sad.", 1.0),
        ("sadness", 1.0),
        ("The emotion is sad.", 1.0),
        ("<answer>sad</answer>", 1.0),
        ("happy", 0.0),
        ("Happiness", 0.0),
        ("bored", None),  # none of the choice: the judge has not answered
        ("sad or angry", None),
        ("I would need to see the clip to be able to say anything", None),
        ("", None),
        (None, None),
    ],
)
def test_worked_cases(answer: str | None, reward: float | None) -> None:
    assert score(Reads(answer), TEXT) == [reward]


@pytest.mark.parametrize(
    ("answer", "reward"), [("sad", 1.0), ("sadness", 1.0), ("lonely", 1.0), ("bored", 0.0), (None, None)]
)
def test_open_vocabulary(answer: str | None, reward: float | None) -> None:
    assert score(Reads(answer), TEXT, labels=("sad", "lonely"), choices=None) == [reward]


def test_two_choices_of_one_family_stay_two() -> None:
    choices = ("fear", "afraid", "happy")
    assert score(Reads("fear"), TEXT, labels=("afraid",), choices=choices) == [0.0]
    assert score(Reads("afraid"), TEXT, labels=("afraid",), choices=choices) == [1.0]


def test_only_steps_1_and_2_reach_the_judge() -> None:
    judge = Reads("sad")
    score(judge, TEXT)
    (question,) = judge.heard
    assert question.clip is None
    assert question.choices == CHOICES
    assert "«Wet tears. A loss.»" in question.text
    assert "happy, sad, angry" in question.text
    assert "Unpleasant" not in question.text
    assert "furious" not in question.text


def test_rows_that_need_no_judge() -> None:
    judge = Reads("sad")
    one_step = "<step1>Wet tears.</step1><step3>Unpleasant.</step3>\\boxed{sad}"
    assert score(judge, one_step, "\\boxed{sad}", "") == [0.0, 0.0, 0.0]
    assert score(judge, TEXT, labels=()) == [None]
    assert score(judge, "sad", format="answer-only") == [None]
    assert judge.heard == []
    assert score(judge, "<think>Wet tears.</think><answer>sad</answer>", format="think-answer") == [1.0]


def test_rer_is_the_mean_of_both() -> None:
    """Equation 5 with lambda_1 / 2 for each half is the same sum as a reward of their mean with lambda_1."""
    for cons in (0.0, 1.0):
        for coh in (0.0, 1.0):
            assert 0.05 * cons + 0.05 * coh == pytest.approx(0.1 * (cons + coh) / 2)
