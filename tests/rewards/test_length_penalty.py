"""P1, P2 and P3: the paper's equations, worked by hand, and what holds for all of them."""

from __future__ import annotations

import itertools
import math

import pytest

from affectrl.answers.parser import parse
from affectrl.rewards._length_penalty import Penalty, count, length_penalty, said_in

KINDS: tuple[Penalty, ...] = ("P1", "P2", "P3")


@pytest.mark.parametrize(
    ("said", "true", "p1", "p2", "p3"),
    [
        (2, 1, 0.5, 0.5, 0.0),
        (3, 1, 0.3333, 0.3333, 0.0),
        (3, 2, 0.5, 0.6667, 0.6309),
        (4, 2, 0.3333, 0.5, 0.5),
        (5, 2, 0.25, 0.4, 0.4307),
        (6, 3, 0.25, 0.5, 0.6131),
        (10, 3, 0.125, 0.3, 0.4771),
    ],
)
def test_as_printed(said: int, true: int, p1: float, p2: float, p3: float) -> None:
    found = [length_penalty(kind, said, true, "paper") for kind in KINDS]
    assert found == [pytest.approx(value, abs=5e-5) for value in (p1, p2, p3)]


@pytest.mark.parametrize(("said", "expected"), [(1, 1.0), (2, 0.6309), (3, 0.5), (4, 0.4307), (15, 0.25)])
def test_one_reference_label(said: int, expected: float) -> None:
    assert length_penalty("P3", said, 1) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("corners", ["ours", "paper"])
def test_no_reference_label(corners) -> None:
    assert [length_penalty(kind, 1, 0, corners) for kind in KINDS] == [0.5, 0.0, 0.0]
    assert [length_penalty(kind, 0, 0, corners) for kind in KINDS] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("corners", ["ours", "paper"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_holds_for_all(kind: Penalty, corners) -> None:
    for true in range(10):
        row = [length_penalty(kind, said, true, corners) for said in range(30)]
        assert row[: true + 1] == [1.0] * (true + 1)
        assert all(0 <= value <= 1 and math.isfinite(value) for value in row)
        assert all(later <= earlier for earlier, later in itertools.pairwise(row))


def test_from_strict_to_loose() -> None:
    pairs = [(said, true) for true in range(1, 10) for said in range(true + 1, 30)]
    swapped = []
    for said, true in pairs:
        p1, p2, p3 = (length_penalty(kind, said, true) for kind in KINDS)
        assert p1 <= p2 + 1e-12
        if p2 > p3 + 1e-12:
            swapped.append((said, true))
    assert swapped == [(3, 2)], "the one place where the paper's order of P2 and P3 does not hold"


def test_none_is_none() -> None:
    assert length_penalty("none", 100, 0) == 1.0


def test_counts() -> None:
    assert count(["Happy", "happy ", "sad"]) == 2
    for text, once, each in [("sad, sad and sad", 1, 3), ("sad", 1, 1), ("", 0, 0), ("sad; calm", 2, 2)]:
        assert (said_in(text, parse(text), "once"), said_in(text, parse(text), "each")) == (once, each)
