from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from affectrl.rl.advantages import EPSILON, centred, gae, leave_one_out, raw, terminal, whitened


def rewards_of(group: int, clips: int = 7) -> np.ndarray:
    rewards = np.random.default_rng(0).choice([0.0, 0.5, 1.0, 2.0], (clips, group)).astype(np.float32)
    rewards[3] = 1.0
    return rewards


@pytest.mark.parametrize("group", [2, 3, 8])
@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_centred_equals_the_closed_form(group, scale):
    rewards = rewards_of(group)
    ours = centred(torch.from_numpy(rewards).flatten(), group, scale)
    spread = {
        "group": rewards.std(1, ddof=1, keepdims=True) + EPSILON,
        "batch": rewards.std(ddof=1) + EPSILON,
        "none": 1.0,
    }[scale]
    wanted = (rewards - rewards.mean(1, keepdims=True)) / spread
    np.testing.assert_allclose(ours.values.numpy().reshape(7, group), wanted, atol=1e-5)
    assert ours.flat.tolist() == [len(set(row)) == 1 for row in rewards.tolist()]


def test_the_published_worked_case():
    """One of four wrong: 0.4999 and -1.4997 with the unbiased deviation that R1-Omni divides by."""
    ours = centred(torch.tensor([1.0, 1.0, 1.0, 0.0]), 4, "group").values
    assert ours.tolist() == pytest.approx([0.4999, 0.4999, 0.4999, -1.4997], abs=1e-4)


@pytest.mark.parametrize("group", [2, 3, 8])
def test_leave_one_out_equals_a_loop(group):
    rewards = rewards_of(group)
    ours = leave_one_out(torch.from_numpy(rewards).flatten(), group)
    for b, row in enumerate(rewards.tolist()):
        for g, reward in enumerate(row):
            others = [Fraction(r) for i, r in enumerate(row) if i != g]
            wanted = float(Fraction(reward) - sum(others) / len(others))
            assert ours.values[b * group + g].item() == pytest.approx(wanted, abs=1e-6)


def test_raw_rewards_stay_what_they_are_and_flat_groups_are_counted():
    rewards = torch.tensor([0.5, 0.5, 1.0, 0.0])
    ours = raw(rewards, 2)
    assert ours.values.tolist() == rewards.tolist()
    assert ours.flat.tolist() == [True, False]


ADVANTAGES = {
    "group": lambda rewards, group: centred(rewards, group, "group"),
    "batch": lambda rewards, group: centred(rewards, group, "batch"),
    "none": lambda rewards, group: centred(rewards, group, "none"),
    "leave-one-out": leave_one_out,
}


@pytest.mark.parametrize("name", ADVANTAGES)
@pytest.mark.parametrize("group", [3, 6, 7, 12])
@pytest.mark.parametrize("value", [0.0, 0.1, 0.7, 1.3, -2.6, 1e3, 1 / 3])
def test_a_group_of_equals_is_flat_whatever_rounding_does(name, group, value):
    rewards = torch.cat([torch.full((group,), value), torch.arange(float(group))])
    ours = ADVANTAGES[name](rewards, group)
    assert ours.flat.tolist() == [True, False]
    assert ours.values[:group].abs().max() == 0


def test_a_small_difference_is_a_difference():
    ours = centred(torch.tensor([1.0, 1.0, 1.001]), 3, "group")
    assert ours.flat.tolist() == [False]
    assert ours.values[2] > 0 > ours.values[0]


@pytest.mark.parametrize("name", ADVANTAGES)
@settings(deadline=None)
@given(
    st.integers(2, 6).flatmap(
        lambda g: st.tuples(st.just(g), st.lists(st.lists(st.integers(0, 4), min_size=g, max_size=g), min_size=1))
    ),
    st.integers(-3, 3),
)
def test_a_constant_changes_nothing_and_better_is_never_less(name, drawn, constant):
    group, table = drawn
    rewards = torch.tensor(table, dtype=torch.float64).flatten()
    ours = ADVANTAGES[name](rewards, group)
    torch.testing.assert_close(ADVANTAGES[name](rewards + constant, group).values, ours.values)
    values = ours.values.view(-1, group)
    torch.testing.assert_close(values.sum(1), torch.zeros(len(table), dtype=torch.float64), atol=1e-8, rtol=0)
    for row, advantage in zip(table, values.tolist(), strict=True):
        assert sorted(advantage) == pytest.approx([a for _, a in sorted(zip(row, advantage, strict=True))])


KEEP = torch.tensor([[True, True, True, True], [True, True, False, False], [True, False, False, False], [False] * 4])


def test_the_reward_comes_with_the_last_token():
    ours = terminal(torch.tensor([1.0, 2.0, 3.0, 4.0]), KEEP)
    assert ours.tolist() == [[0, 0, 0, 1.0], [0, 2.0, 0, 0], [3.0, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("gamma", [1.0, 0.9])
@pytest.mark.parametrize("lam", [0.0, 0.5, 0.95, 1.0])
def test_gae_equals_its_definition(gamma, lam):
    """A_t is the sum over l of (gamma lam)^l delta_(t+l), with delta_t = r_t + gamma V_(t+1) - V_t."""
    torch.manual_seed(0)
    rewards, values = torch.randn(4, 4).double() * KEEP, torch.randn(4, 4).double()
    ours, returns = gae(rewards, values, KEEP, gamma, lam)
    for row, length in enumerate(KEEP.sum(1).tolist()):
        v = [*values[row, :length].tolist(), 0.0]
        delta = [rewards[row, t].item() + gamma * v[t + 1] - v[t] for t in range(length)]
        wanted = [sum((gamma * lam) ** (s - t) * delta[s] for s in range(t, length)) for t in range(length)]
        assert ours[row].tolist() == pytest.approx(wanted + [0.0] * (4 - length))
        assert returns[row].tolist() == pytest.approx(
            [a + b for a, b in zip(wanted, v, strict=False)] + [0.0] * (4 - length)
        )


def test_gae_at_its_ends_by_hand():
    rewards, values = terminal(torch.tensor([1.0]), KEEP[:1]), torch.tensor([[0.1, 0.4, 0.2, 0.6]])
    ours, returns = gae(rewards, values, KEEP[:1], 1.0, 1.0)
    assert returns.tolist()[0] == pytest.approx([1.0] * 4)  # the whole reward, whatever the critic says
    assert ours.tolist()[0] == pytest.approx([0.9, 0.6, 0.8, 0.4])
    ours, returns = gae(rewards, values, KEEP[:1], 1.0, 0.0)
    assert returns.tolist()[0] == pytest.approx([0.4, 0.2, 0.6, 1.0])  # the critic's next value
    assert ours.tolist()[0] == pytest.approx([0.3, -0.2, 0.4, 0.4])


def test_gae_reads_nothing_behind_the_end_and_gives_the_critic_no_gradient():
    values = torch.tensor([[0.5, math.nan, math.inf, 7.0]], requires_grad=True)
    ours, returns = gae(terminal(torch.tensor([1.0]), KEEP[2:3]), values, KEEP[2:3], 0.9, 0.5)
    assert ours.tolist() == [[0.5, 0, 0, 0]]
    assert returns.tolist() == [[1.0, 0, 0, 0]]
    assert not ours.requires_grad
    assert not returns.requires_grad


def test_whitened_tokens_have_mean_0_and_deviation_1():
    torch.manual_seed(0)
    ours = whitened(3 + 5 * torch.randn(4, 4), KEEP)
    kept = ours[KEEP].numpy()
    assert kept.mean() == pytest.approx(0, abs=1e-6)
    assert kept.std(ddof=1) == pytest.approx(1, abs=1e-4)
    assert ours[~KEEP].abs().max() == 0


def test_one_token_cannot_be_whitened():
    assert whitened(torch.tensor([[2.0, 9.0]]), torch.tensor([[True, False]])).tolist() == [[2.0, 0.0]]
