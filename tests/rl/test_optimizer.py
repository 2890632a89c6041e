from __future__ import annotations

from itertools import pairwise

import pytest

from affectrl.recipes.schema import Optim
from affectrl.rl.optimizer import build, set_rate


def test_two_rates_over_all_that_learns(policy):
    optimizer = build(policy, Optim(lr=1e-4, fusion_lr=1e-2), lr=None, fusion_lr=0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [1e-4, 0.5]
    held = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in policy.parameters() if p.requires_grad)


def test_warm_up_then_cosine_to_a_tenth(policy):
    optim = Optim(lr=1.0, fusion_lr=10.0, warmup_steps=4)
    optimizer = build(policy, optim, lr=None, fusion_lr=None)
    rates = [set_rate(optimizer, optim, step, 21) for step in range(21)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[12] == pytest.approx(0.55)
    assert rates[20] == pytest.approx(0.1)
    assert all(a > b for a, b in pairwise(rates[4:]))
    assert optimizer.param_groups[1]["lr"] == pytest.approx(1.0)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_runs_shorter_than_the_warm_up(policy, steps):
    optim = Optim(lr=1.0, warmup_steps=50)
    optimizer = build(policy, optim, lr=None, fusion_lr=None)
    assert all(0.05 < set_rate(optimizer, optim, step, steps) <= 1 for step in range(steps))
