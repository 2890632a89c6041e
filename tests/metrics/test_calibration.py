"""Calibration by hand."""

from __future__ import annotations

import math

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


def test_nothing_and_nonsense() -> None:
    assert math.isnan(ece([], []))
    with pytest.raises(UsageError, match="not in"):
        ece([1.2], [True])
    with pytest.raises(UsageError, match="not in"):
        ece([math.nan], [True])
    with pytest.raises(UsageError, match="1 confidences for 2"):
        ece([0.5], [True, False])
