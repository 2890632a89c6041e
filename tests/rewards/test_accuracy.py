from __future__ import annotations

import pytest

from affectrl.rewards.accuracy import reward


def score(text: str, labels: tuple[str, ...] = ("happy",)) -> float | None:
    (value,) = reward(["q"], [text], [[1]], labels=[labels], format=["think-answer"], id=["c"])
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("<think>x</think><answer>happy</answer>", 1.0),
        ("<think>x</think><answer> 'Happy'. </answer>", 1.0),
        ("<think>x</think><answer>happy", 1.0),
        ("happy", 1.0),
        ("happy, sad", 1.0),
        ("sad", 0.0),
        ("unhappy", 0.0),
        ("", 0.0),
    ],
)
def test_the_first_label_decides(text, value):
    assert score(text) == value


@pytest.mark.parametrize(
    "exploit",
    [
        "sad, happy",
        "sad, angry, calm, happy, afraid, disgusted, surprised",
        "<answer>happy</answer><answer>sad</answer>",
        "<think>happy</think><answer>sad</answer>",
        "<think>happy happy happy</think>",
        "<think>happy",
        "she could be anything but happy of course",
        "not happy",
        "happy or sad or angry or calm",
    ],
)
def test_exploits_earn_nothing(exploit):
    assert score(exploit) == 0.0


def test_any_reference_label_counts_whatever_its_case():
    assert score("joyful", ("Excited", "Joyful")) == 1.0


@pytest.mark.parametrize("label", ["Pleasantly  surprised", " happy "])
def test_case_and_spaces_of_reference_labels_do_not_matter(label):
    assert score(f"<answer>{label}</answer>", (label,)) == 1.0


def test_a_clip_without_reference_is_not_scored():
    assert score("happy", ()) is None


def test_one_score_a_completion_in_order():
    texts = ["happy", "sad", "happy"]
    assert reward(["q"] * 3, texts, [[1]] * 3, labels=[("happy",), ("happy",), ()]) == [1.0, 0.0, None]
