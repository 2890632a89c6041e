"""Overlong: DAPO's equation 13 by hand."""

from __future__ import annotations

import pytest

from affectrl.errors import RecipeError
from affectrl.rewards.overlong import reward


def punish(length: int, most: int, cut: bool = False, **settings: int) -> float | None:
    (value,) = reward(["q"], ["x"], [[1] * length], max_completion_length=[most], truncated=[cut], **settings)
    return value


@pytest.mark.parametrize(
    ("length", "expected"),
    [(0, 0.0), (29, 0.0), (30, 0.0), (31, -0.1), (35, -0.5), (39, -0.9), (40, -1.0), (41, -1.0), (400, -1.0)],
)
def test_equation_13(length: int, expected: float) -> None:
    assert punish(length, 40, cache=10) == pytest.approx(expected)


def test_as_dapo_has_it() -> None:
    # 16,384 tokens expected, 4,096 of cache
    found = [punish(n, 20480, cache=4096) for n in (16384, 18432, 20480)]
    assert found == [0.0, -0.5, -1.0]
    assert found == [punish(n, 20480) for n in (16384, 18432, 20480)], "a fifth is the default"


def test_cut_off_is_the_full_punishment() -> None:
    assert punish(10, 40, cut=True) == -1.0


def test_small_limits() -> None:
    assert [punish(n, 3) for n in range(4)] == [0.0, 0.0, 0.0, -1.0]
    assert [punish(n, 4, cache=4) for n in range(5)] == [0.0, -0.25, -0.5, -0.75, -1.0]


def test_a_cache_beyond_the_limit() -> None:
    with pytest.raises(RecipeError, match="a cache of 50 tokens is more than max_completion_length, 40"):
        punish(1, 40, cache=50)
