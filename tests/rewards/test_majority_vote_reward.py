"""Majority vote: MERIT's formula by hand, its corners, and what is refused."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from affectrl.emotions import distances
from affectrl.errors import RecipeError
from affectrl.rewards.majority_vote import check, reward, tie_distance
from affectrl.rl.rubric import Rubric

CHOICES = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")


def vote(*texts: str, choices: Sequence[str] | None = CHOICES, group: list[int] | None = None, **settings: object):
    n = len(texts)
    return reward(
        ["q"] * n,
        texts,
        [[1]] * n,
        group=group or [0] * n,
        choices=[choices] * n,
        **settings,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("texts", "settings", "expected"),
    [
        # Plutchik: joy to sadness 1, joy to surprise 3/4, joy to neutral 1/2
        (["joy", "joy", "sadness", "surprise", "neutral"], {}, [1, 1, 1 / 2, 4 / 7, 2 / 3]),
        (["joy", "joy", "sadness", "surprise", "neutral"], {"alpha": 2.0}, [1, 1, 1 / 3, 2 / 5, 1 / 2]),
        (["joy", "joy", "sadness", "surprise", "neutral"], {"alpha": 0.5}, [1, 1, 2 / 3, 8 / 11, 4 / 5]),
        (["joy", "joy", "sadness", "surprise", "neutral"], {"kernel": "binary"}, [1, 1, 0, 0, 0]),
        (["joy"] * 3, {}, [1, 1, 1]),
        (["joy", "<answer>Joy</answer>", "fear"], {}, [1, 1, 2 / 3]),  # joy to fear: two steps
        # What cannot be read abstains and earns nothing, below the farthest label.
        (["joy", "", "", "", "sadness", "joy"], {}, [1, 0, 0, 0, 1 / 2, 1]),
        (["joy or sadness", "joy"], {}, [0, 1]),
        (["banana", "banana", "joy"], {}, [0, 0, 1]),
        (["", "no idea of what this is about"], {}, [0, 0]),
        # A tie falls to the label nearest to all votes: anger is 1/4 from disgust, and disgust 1/4 from sadness.
        (["anger", "anger", "sadness", "sadness", "disgust", "disgust"], {}, [4 / 5] * 4 + [1, 1]),
    ],
)
def test_worked_cases(texts: list[str], settings: dict[str, object], expected: list[float]) -> None:
    assert vote(*texts, **settings) == [pytest.approx(value) for value in expected]


def test_against_a_loop_over_the_definition() -> None:
    w = distances.distance("plutchik", CHOICES)
    random = np.random.default_rng(0)
    for _ in range(200):
        texts = [CHOICES[k] for k in random.integers(len(CHOICES), size=5)]
        alpha = float(random.uniform(0.1, 5))
        counts = {label: texts.count(label) for label in CHOICES}
        cost = {label: sum(w.between(label, other) for other in texts) for label in CHOICES}
        best = min(CHOICES, key=lambda label: (-counts[label], round(cost[label], 9), label))
        assert vote(*texts, alpha=alpha) == [pytest.approx(1 / (1 + alpha * w.between(t, best))) for t in texts]


def test_groups_vote_apart_wherever_their_rows_stand() -> None:
    texts, group = ["joy", "sadness", "joy", "sadness", "sadness", "joy"], [7, 2, 7, 2, 7, 2]
    assert vote(*texts, group=group) == [1, 1, 1, 1, pytest.approx(1 / 2), pytest.approx(1 / 2)]
    for order in itertools.permutations(range(6)):
        mixed = vote(*(texts[i] for i in order), group=[group[i] for i in order])
        assert mixed == [[1, 1, 1, 1, 0.5, 0.5][i] for i in order]


def test_larger_alpha_is_never_more() -> None:
    texts = ["joy", "joy", "sadness", "fear"]
    rows = [vote(*texts, alpha=alpha) for alpha in (0.1, 0.5, 1.0, 2.0, 10.0, 1e6)]
    assert all(later <= earlier for a, b in itertools.pairwise(rows) for earlier, later in zip(a, b, strict=True))
    assert rows[-1] == [pytest.approx(v, abs=1e-5) for v in vote(*texts, kernel="binary")], "the binary limit"


def test_other_distances() -> None:
    vad = distances.distance("vad", CHOICES).between("joy", "fear")
    assert vote("joy", "joy", "fear", distance="vad")[2] == pytest.approx(1 / (1 + vad))


@pytest.mark.parametrize(
    ("choices", "settings", "told"),
    [
        (CHOICES, {"alpha": 0.0}, "every answer earns the same"),
        (CHOICES, {"alpha": -1.0}, "every answer earns the same"),
        (("anger", "banana"), {}, "banana"),
        (CHOICES, {"distance": "plutchick"}, "plutchick"),
        (None, {}, "closed choice"),
        (("joy", "happiness"), {}, "one point"),
    ],
)
def test_what_is_refused(choices: Sequence[str] | None, settings: dict[str, object], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        check(choices, **settings)  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=told):
        vote("anger", "joy", choices=choices, **settings)
    if not (settings.get("alpha", 1.0) <= 0):  # type: ignore[operator]
        with pytest.raises(RecipeError, match=told):
            Rubric(["majority-vote"], settings={"majority-vote": settings}).check(choices)


def test_a_recipe_cannot_have_alpha_zero() -> None:
    with pytest.raises(RecipeError, match=r"alpha.*greater than 0"):
        Rubric(["majority-vote"], settings={"majority-vote": {"alpha": 0}})


def test_the_binary_kernel_needs_no_distance() -> None:
    assert vote("banana", "banana", "joy", choices=None, kernel="binary") == [1, 1, 0]
    assert vote("banana", "banana", "joy", choices=("banana", "joy"), kernel="binary") == [1, 1, 0]
    assert tie_distance(("banana", "joy"), kernel="binary") is None
    assert tie_distance(None) is None
