"""Calibration by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from affectrl.errors import UsageError
from affectrl.metrics.calibration import ece, reliability


def test_bins_and_error_by_hand() -> None:
    confidence, correct = [0.9, 0.9, 0.9, 0.9, 0.2], [True, True, True, False, False]
    # bin (0.8, 0.9]: |0.9 - 0.75| * 4/5 = 0.12 ; bin (0.1, 0.2]: |0.2 - 0| * 1/5 = 0.04
    assert ece(confidence, correct) == pytest.approx(0.16)
    table = reliability(confidence, correct)
    assert [b.n for b in table] == [0, 1, 0, 0, 0, 0, 0, 0, 4, 0]
    assert table[8].accuracy == 0.75
    assert math.isnan(table[0].accuracy)


def test_edges_belong_somewhere() -> None:
    assert [b.n for b in reliability([0.0, 0.5, 1.0], [True] * 3, bins=2)] == [2, 1]


def test_error_is_the_weighted_gap_of_the_table() -> None:
    rng = np.random.default_rng(0)
    stated = rng.random(300)
    right = (rng.random(300) < stated**2).tolist()
    for bins in (5, 10, 15):
        gaps = [b.n * abs(b.confidence - b.accuracy) for b in reliability(stated.tolist(), right, bins) if b.n]
        assert ece(stated.tolist(), right, bins) == pytest.approx(sum(gaps) / 300)


def test_table_agrees_with_scikit_learn() -> None:
    from sklearn.calibration import calibration_curve

    rng = np.random.default_rng(1)
    stated = rng.uniform(0.05, 0.95, 200)
    right = rng.random(200) < stated
    theirs = calibration_curve(right, stated, n_bins=10)
    ours = [b for b in reliability(stated.tolist(), right.tolist()) if b.n]
    np.testing.assert_allclose([b.accuracy for b in ours], theirs[0])
    np.testing.assert_allclose([b.confidence for b in ours], theirs[1])


def test_nothing_and_nonsense() -> None:
    assert math.isnan(ece([], []))
    with pytest.raises(UsageError, match="not in"):
        ece([1.2], [True])
    with pytest.raises(UsageError, match="not in"):
        ece([math.nan], [True])
    with pytest.raises(UsageError, match="1 confidences for 2"):
        ece([0.5], [True, False])
