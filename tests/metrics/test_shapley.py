from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from affectrl.errors import UsageError
from affectrl.metrics.shapley import coalitions, shapley


def over_all_orders(worth: dict[frozenset[str], float]) -> dict[str, float]:
    """The definition itself: players come in one by one, in every order."""
    players = sorted(max(worth, key=len))
    orders = list(permutations(players))
    found = dict.fromkeys(players, 0.0)
    for order in orders:
        for i, player in enumerate(order):
            found[player] += (worth[frozenset(order[: i + 1])] - worth[frozenset(order[:i])]) / len(orders)
    return found


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_it_is_the_mean_over_all_orders(n: int) -> None:
    random = np.random.default_rng(n)
    worth = {c: random.normal() for c in coalitions("avtx"[:n])}
    assert {p: float(v) for p, v in shapley(worth).items()} == pytest.approx(over_all_orders(worth))


def test_a_worked_case() -> None:
    """The glove game: a left glove, and two right ones; a pair is worth 1."""
    worth = {c: float("left" in c and len(c) > 1) for c in coalitions(["left", "right", "other"])}
    assert shapley(worth) == pytest.approx({"left": 2 / 3, "right": 1 / 6, "other": 1 / 6})


def test_values_sum_to_the_gain_and_who_adds_nothing_gets_nothing() -> None:
    random = np.random.default_rng(0)
    base = {c: random.normal(size=7) for c in coalitions("ab")}
    worth = base | {c | {"idle"}: value for c, value in base.items()}
    found = shapley(worth)
    assert found["idle"] == pytest.approx(np.zeros(7))
    assert sum(found.values()) == pytest.approx(base[frozenset("ab")] - base[frozenset()])


def test_a_coalition_that_was_not_played() -> None:
    worth = {c: 1.0 for c in coalitions("abc") if c != frozenset("ac")}
    with pytest.raises(UsageError, match=r"1 coalitions were not played, such as \['a', 'c'\]"):
        shapley(worth)


def test_coalitions_go_from_nobody_to_all() -> None:
    found = coalitions(["a", "b", "a"])
    assert found == [frozenset(), frozenset("a"), frozenset("b"), frozenset("ab")]
