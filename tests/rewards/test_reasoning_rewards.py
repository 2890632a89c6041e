"""Alignment and dual: worked cases with words that are the same, or apart, on all five wheels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from affectrl.errors import RecipeError
from affectrl.judges import Question
from affectrl.rewards import alignment, dual


def told(reasoning: str, answer: str) -> str:
    return f"<think>{reasoning}</think><answer>{answer}</answer>"


def align(text: str, format: str = "think-answer", **settings: object) -> float | None:
    (value,) = alignment.reward(["q"], [text], [[1]], format=[format], **settings)  # type: ignore[arg-type]
    return value


def both(text: str, labels: Sequence[str], format: str = "think-answer", **settings: object) -> float | None:
    (value,) = dual.reward(["q"], [text], [[1]], labels=[labels], format=[format], **settings)  # type: ignore[arg-type]
    return value


class Lister:
    """A judge that gives the answers it was made with, and remembers the questions."""

    key = None

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.heard: list[Question] = []

    def answer(self, questions: Sequence[Question]) -> list[str | None]:
        self.heard += questions
        return [self.answers.pop(0) for _ in questions]


@pytest.mark.parametrize(
    ("reasoning", "answer", "expected"),
    [
        ("The voice is furious.", "furious", 1.0),
        ("The voice is furious.", "mad", 1.0),  # one cluster on each wheel that has both
        ("The voice is furious.", "lonely", 0.0),
        ("Furious, then lonely.", "furious", 1 / 2),  # one of two clusters
        ("Furious, then lonely.", "lonely, mad", 1.0),
        ("Not furious but lonely.", "lonely", 1.0),
        ("Not furious but lonely.", "furious", 0.0),
        ("A loud voice.", "furious", 0.0),  # no emotion is named
        ("A loud voice.", "xyzzy", 0.0),
        ("Furious.", "", 0.0),
        ("", "furious", 0.0),
    ],
)
def test_alignment(reasoning: str, answer: str, expected: float) -> None:
    assert align(told(reasoning, answer)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("reasoning", "settings", "expected"),
    [
        ("The voice is furious.", {}, 1.0),
        ("The voice is furious, no sign of lonely.", {}, 1.0),
        ("Furious or lonely.", {}, 2 / 3),
        ("Furious or lonely.", {"penalty": "P1"}, 2 / 3 / 2),
        ("Furious or lonely.", {"penalty": "P3"}, 2 / 3 * math.log(2) / math.log(3)),
        ("Furious or lonely.", {"penalty": "P3", "corners": "paper"}, 0.0),
        ("Lonely.", {}, 0.0),
        ("A loud voice.", {}, 0.0),
        ("", {}, 0.0),
    ],
)
def test_dual(reasoning: str, settings: dict[str, str], expected: float) -> None:
    assert both(told(reasoning, "happy"), ["furious"], **settings) == pytest.approx(expected)


def test_no_reference_no_dual() -> None:
    assert both(told("Furious.", "furious"), []) is None
    assert both(told("Furious.", "furious"), ["xyzzy"]) is None


def test_no_reasoning_asked_for_no_reward() -> None:
    assert align("furious", "answer-only") is None
    assert both("furious", ["furious"], "answer-only") is None


def test_steps_are_a_reasoning() -> None:
    text = "<step1>He shouts.</step1><step2>One would be furious.</step2><step3>Bad.</step3>\\boxed{furious}"
    assert align(text, "set-box") == 1.0
    assert both(text, ["furious"], "set-box") == 1.0


def test_a_judge_lists_the_emotions() -> None:
    judge = Lister("furious, lonely", "none", None, "I would say that it is hard to tell from here.")
    texts = [told("He shouts.", "furious"), told("Dim.", "sad"), told("Odd.", "sad"), told("Hm, well.", "sad")]
    texts += [told("", "sad")]
    found = alignment.reward(["q"] * 5, texts, [[1]] * 5, format=["think-answer"] * 5, judge=judge, extract="judge")
    assert found == [pytest.approx(1 / 2), 0.0, None, None, 0.0], "no answer of the judge is no 0"
    assert len(judge.heard) == 4
    assert "He shouts." in judge.heard[0].text
    assert judge.heard[0].clip is None
    assert both(told("He shouts.", "sad"), ["furious"], extract="judge", judge=Lister("mad")) == 1.0
    assert both(told("He shouts.", "sad"), ["furious"], extract="judge", judge=Lister(None)) is None


def test_a_judge_is_asked_for() -> None:
    assert not alignment.asks()
    assert alignment.asks(extract="judge")
    assert dual.asks(extract="judge", penalty="P3")
    with pytest.raises(RecipeError, match="needs a judge"):
        align(told("He shouts.", "sad"), extract="judge")
