from __future__ import annotations

import numpy as np
import pytest
import torch

from affectrl.rl.advantages import group_advantages


@pytest.mark.parametrize("group", [2, 3, 8])
def test_equal_to_the_closed_form(group):
    rewards = np.random.default_rng(0).choice([0.0, 0.5, 1.0, 2.0], (7, group)).astype(np.float32)
    rewards[3] = 1.0
    ours, flat = group_advantages(torch.from_numpy(rewards).flatten(), group)
    mean, spread = rewards.mean(1, keepdims=True), rewards.std(1, ddof=1, keepdims=True)
    np.testing.assert_allclose(ours.numpy().reshape(7, group), (rewards - mean) / (spread + 1e-4), atol=1e-5)
    assert flat.tolist() == [len(set(row)) == 1 for row in rewards.tolist()]


@pytest.mark.parametrize("group", [3, 6, 7, 12])
@pytest.mark.parametrize("value", [0.0, 0.1, 0.7, 1.3, -2.6, 1e3, 1 / 3])
def test_a_group_of_equals_is_flat_whatever_rounding_does(group, value):
    ours, flat = group_advantages(torch.full((group,), value), group)
    assert flat.tolist() == [True]
    assert ours.abs().max() == 0


def test_a_small_difference_is_a_difference():
    ours, flat = group_advantages(torch.tensor([1.0, 1.0, 1.001]), 3)
    assert flat.tolist() == [False]
    assert ours[2] > 0 > ours[0]
