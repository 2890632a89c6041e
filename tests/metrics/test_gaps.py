"""Gaps between groups whose truth we made."""

from __future__ import annotations

import numpy as np
import pytest

from affectrl.metrics.comparison import mean_of_sums, with_ones
from affectrl.metrics.gaps import gap


def made(rates: dict[str, float], people: int, each: int, seed: int = 0) -> tuple[np.ndarray, list[str], list[str]]:
    """Right or wrong answers of groups with so many people each, all with the same number of clips."""
    draw = np.random.default_rng(seed)
    hits, groups, speakers = [], [], []
    for name, share in rates.items():
        for person in range(people):
            hits += [float(x < share) for x in draw.random(each)]
            groups += [name] * each
            speakers += [f"{name}{person}"] * each
    return with_ones(hits), groups, speakers


def test_a_large_gap_is_found_and_is_no_luck() -> None:
    table, groups, speakers = made({"a": 0.9, "b": 0.5, "c": 0.7}, people=8, each=20)
    found = gap(table, mean_of_sums, groups, speakers)
    assert found is not None
    means = {name: table[np.array(groups) == name, 0].mean() for name in "abc"}
    assert (found.best, found.worst, found.units) == ("a", "b", "speakers")
    assert found.gap.value == pytest.approx(means["a"] - means["b"])
    assert found.gap.low < means["a"] - means["b"] < found.gap.high
    assert found.gap.low > 0.2
    assert found.p_value < 0.01
    assert {name: each.value for name, each in found.scores.items()} == pytest.approx(means)


def test_equal_groups_have_a_gap_that_is_luck() -> None:
    """Over many sets without any difference the p-value is spread evenly, though the gap never is zero."""
    low, gaps = 0, []
    for seed in range(40):
        table, groups, speakers = made(dict.fromkeys("abcd", 0.6), people=6, each=5, seed=seed)
        found = gap(table, mean_of_sums, groups, speakers, resamples=20)
        assert found is not None
        low += found.p_value < 0.2
        gaps.append(found.gap.value)
    assert min(gaps) > 0
    assert 2 <= low <= 16, "about 8 of 40"


def test_speakers_in_several_groups_are_dealt_by_clip() -> None:
    table, groups, _ = made({"de": 0.8, "en": 0.6}, people=6, each=10)
    found = gap(table, mean_of_sums, groups, [f"s{i % 6}" for i in range(len(groups))])
    assert found is not None
    assert found.units == "clips"


def test_small_groups_take_no_part() -> None:
    table = with_ones([1.0] * 30 + [0.0] * 3)
    assert gap(table, mean_of_sums, ["a"] * 30 + ["b"] * 3) is None
    assert gap(with_ones([1.0] * 9), mean_of_sums, ["a"] * 9) is None
