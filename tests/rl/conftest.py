"""Clips that tests of rollouts and updates share."""

from __future__ import annotations

import pytest


@pytest.fixture
def clips(make_features):
    return [make_features(i, text="Hm." if i % 2 else None, labels=("sad",) if i % 3 else ("happy",)) for i in range(5)]
