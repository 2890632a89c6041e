"""Exact Shapley values: what each of a few players brought to a game whose every coalition was played.

Shapley, "A value for n-person games" (1953). With the two or three modalities that a clip has, all coalitions can be
run, and nothing needs to be sampled.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from itertools import combinations
from math import factorial
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affectrl.errors import UsageError

Player = TypeVar("Player", bound=Hashable)


def coalitions(players: Iterable[Player]) -> list[frozenset[Player]]:
    """All ``2^n`` coalitions, the empty one first, smaller ones before larger ones."""
    members = list(dict.fromkeys(players))
    return [frozenset(c) for size in range(len(members) + 1) for c in combinations(members, size)]


def shapley(worth: Mapping[frozenset[Player], ArrayLike]) -> dict[Player, NDArray[np.float64]]:
    """Each player's mean contribution over all orders in which they could have come.

    ``phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! * (worth[S + i] - worth[S])``; their sum is the worth of
    all together minus that of nobody.

    Args:
        worth: Of every coalition; numbers, or arrays of one shape (many games at once).

    Returns:
        For each player an array of that shape.

    Raises:
        UsageError: ``coalitions_missing``: the coalitions of the players are not all there.
    """
    players = sorted(frozenset[Player]().union(*worth), key=str)
    if missing := [c for c in coalitions(players) if c not in worth]:
        raise UsageError(
            f"{len(missing)} coalitions were not played, such as {sorted(map(str, missing[0])) or 'nobody'}.",
            code="coalitions_missing",
            hint="An exact Shapley value needs the worth of all of them.",
        )
    n = len(players)
    found = {}
    for player in players:
        total = np.zeros_like(np.asarray(next(iter(worth.values())), dtype=float))
        for others in coalitions(p for p in players if p != player):
            weight = factorial(len(others)) * factorial(n - len(others) - 1) / factorial(n)
            gain = np.asarray(worth[others | {player}], dtype=float) - np.asarray(worth[others], dtype=float)
            total = total + weight * gain
        found[player] = total
    return found
