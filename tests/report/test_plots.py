"""Charts: themed SVG with the numbers in words, and nothing where there is nothing to draw."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from affectrl.report.curves import learning_curves
from affectrl.report.load import Completion, Group, load_run
from affectrl.report.plots import (
    _reward_levels,
    calibration,
    early_and_late,
    lines,
    reward_course,
    reward_distribution,
)


def groups(*rewards: tuple[float, ...]) -> list[Group]:
    return [Group(i + 1, "c", ("a",), tuple(Completion("t", r, {}, 0.0) for r in row)) for i, row in enumerate(rewards)]


def test_every_curve_that_has_numbers(run_folder: Path) -> None:
    charts = learning_curves(load_run(run_folder), "GRPO")
    titles = [c.title for c in charts]
    assert titles[0] == "Cold start: training loss"
    assert {"GRPO: reward", "GRPO: held-out scores", "GRPO: groups without a signal", "GRPO: entropy"} <= set(titles)
    for chart in charts:
        ElementTree.fromstring(chart.svg)
        assert "var(--c1)" in chart.svg
        assert not re.search(r"#0101|<metadata|<!DOCTYPE", chart.svg)
    held_out = charts[titles.index("GRPO: held-out scores")]
    assert "WAR: 0.613 at step 15, 0.727 at step 60." in held_out.caption


def test_no_points_no_chart() -> None:
    assert lines("x", {"a": []}, "") is None
    one = lines("x", {"a": [(3, 0.5)]}, "Look.")
    assert one
    assert one.caption == "a: 0.5 at step 3. Look."


def test_rewards_over_training_in_words() -> None:
    chart = reward_course(groups((0, 0, 0, 1), (0, 1, 1, 1)))
    assert chart
    assert "25 % of the answers in the first stretch of steps and to 75 % in the last" in chart.caption
    chart = reward_distribution(groups((0, 0, 0, 1), (0, 1, 1, 1)))
    assert chart
    assert "Steps 1 to 1: mean 0.25, 25 % reach" in chart.caption


@pytest.mark.parametrize("rows", [[], [(1.0,)], [(), ()]])
def test_too_few_rollouts(rows: list[tuple[float, ...]]) -> None:
    assert reward_course(groups(*rows)) is None
    assert reward_distribution(groups(*rows)) is None


def test_equal_rewards_still_draw() -> None:
    assert reward_course(groups((1, 1), (1, 1)))
    assert reward_distribution(groups((1, 1), (1, 1)))


def test_levels_lie_inside_their_borders() -> None:
    edges, levels = _reward_levels(np.array([0.0, 1.0, 2.0, 2.0]))
    assert edges.tolist() == [-0.5, 0.5, 1.5, 2.5]
    assert levels is not None
    assert levels.tolist() == [0, 1, 2]
    assert _reward_levels(np.array([1.0]))[0].tolist() == [0.5, 1.5]
    edges, levels = _reward_levels(np.linspace(-1, 1, 100))
    assert (edges[0], edges[-1], len(edges), levels) == (-1, 1, 13, None)


def test_early_and_late_are_fifths() -> None:
    early, late = early_and_late(groups(*[(float(i),) for i in range(10)]))
    assert ([g.step for g in early], [g.step for g in late]) == ([1, 2], [9, 10])


def test_calibration_needs_confidences(run_folder: Path) -> None:
    run = load_run(run_folder)
    chart = calibration(run.before, run.after)
    assert chart
    assert "mean confidence" in chart.caption
    assert calibration([], []) is None
