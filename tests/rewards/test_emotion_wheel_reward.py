"""The emotion-wheel reward: worked cases from the wheels as printed, and its corners."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from affectrl.emotions.space import WheelSpace
from affectrl.metrics.emotion_wheel import one
from affectrl.metrics.wheel_rules import RULES
from affectrl.rewards.emotion_wheel import reward
from affectrl.rl.rubric import Rubric


def scores(texts: list[str], labels: list[str], **options: object) -> list[float | None]:
    ids: list[list[int]] = [[] for _ in texts]
    return reward(texts, texts, ids, labels=[labels for _ in texts], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>Voice loud.</think><answer>furious</answer>", 1.0),  # the inner word mad, angry or anger on each wheel
        ("<think>Voice loud.</think><answer>Furious, furious, mad</answer>", 1.0),
        ("lonely", 0.0),
        ("furious, lonely", 2 / 3),  # P = 1/2, R = 1 on every wheel
        ("furious, xyzzy", 1.0),  # unknown words are dropped unless asked otherwise
        ("I would rather not say anything about this at all.", 0.0),
        ("", 0.0),
    ],
)
def test_worked_cases(text: str, expected: float) -> None:
    assert scores([text], ["furious"]) == [pytest.approx(expected)]


def test_recall_counts() -> None:
    # furious and lonely stand under different inner words of every wheel that has both.
    assert scores(["furious"], ["furious", "lonely"]) == [pytest.approx(2 / 3)]


def test_unknown_words_can_be_wrong() -> None:
    assert scores(["furious, xyzzy"], ["furious"], unknown="wrong") == [pytest.approx(2 / 3)]


def test_neutral_earns_and_is_earned() -> None:
    assert scores(["neutral", "sad"], ["neutral"]) == [1.0, 0.0]


def test_no_reference_no_reward() -> None:
    assert scores(["sad"], ["xyzzy"]) == [None]
    assert scores(["sad"], []) == [None]


def test_never_nan_where_the_official_rules_are() -> None:
    space = WheelSpace.builtin()
    assert math.isnan(one(["lonely"], ["furious"], space, RULES["mer2025"]) or 0.0)
    assert one(["disgust"], ["disgust"], space, RULES["mer2026"]) == pytest.approx(0.6)
    assert scores(["disgust"], ["disgust"]) == [1.0]
    assert scores(["lonely"], ["furious"], rules="mer2025") == [0.0]
    assert scores(["disgust", "neutral"], ["disgust"], rules="mer2026") == [pytest.approx(0.6), 0.0]
    assert scores(["neutral"], ["neutral"], rules="mer2026") == [None]


@pytest.mark.parametrize(
    ("text", "reference", "settings", "expected"),
    [
        ("furious", ["furious"], {"penalty": "P1"}, 1.0),
        ("furious, mad", ["furious"], {"penalty": "P1"}, 1 / 2),
        ("furious, mad, angry", ["furious"], {"penalty": "P1"}, 1 / 3),
        ("furious, mad, angry", ["furious", "mad"], {"penalty": "P2"}, 2 / 3),
        ("furious, mad, angry", ["furious", "mad"], {"penalty": "P3"}, math.log(2) / math.log(3)),
        ("furious, mad", ["furious"], {"penalty": "P3"}, math.log(2) / math.log(3)),
        ("furious, mad", ["furious"], {"penalty": "P3", "corners": "paper"}, 0.0),
        ("furious, lonely", ["furious"], {"penalty": "P2"}, 1 / 2 * 2 / 3),
        ("furious, xyzzy", ["furious"], {"penalty": "P2"}, 1 / 2),  # free for EW, but not for its length
        ("furious, furious", ["furious"], {"penalty": "P2"}, 1.0),
        ("furious, furious", ["furious"], {"penalty": "P2", "duplicates": "each"}, 1 / 2),
        ("", ["furious"], {"penalty": "P3"}, 0.0),
        ("furious", ["furious", "Furious", "mad"], {"penalty": "P1"}, 1.0),
    ],
)
def test_the_penalty_multiplies(text: str, reference: list[str], settings: dict[str, str], expected: float) -> None:
    assert scores([text], reference, **settings) == [pytest.approx(expected)]


def test_saying_everything_pays_without_a_penalty_only() -> None:
    every = "happy, sad, angry, scared, surprised, disgusted"
    free, kept = (scores([every, "furious"], ["furious"], penalty=p) for p in ("none", "P1"))
    assert (free[0] or 0.0) > 0.25
    assert 0.0 < (kept[0] or 0.0) < 0.06
    assert free[1] == kept[1] == 1.0


def test_official_tables(shared_data: Path) -> None:
    folder = str(shared_data / "emotion_wheel_2025")
    # "fear" is a form of "fearless" in these tables, and so lies with joyful on two of the five wheels.
    assert scores(["fear"], ["joyful"], tables=folder, rules="mer2026") == [pytest.approx(2 / 5)]
    assert scores(["fear"], ["joyful"]) == [0.0]


def test_a_recipe_finds_it_by_name() -> None:
    found = Rubric(["emotion-wheel"]).score([""], ["furious"], [[]], {"labels": [["mad"]], "format": ["answer-only"]})
    assert found.parts["emotion-wheel"] == [1.0]
