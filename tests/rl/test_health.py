"""Agreement of rollout and update, against NumPy, and where it is called off."""

import math

import numpy as np
import pytest
import torch

from affectrl.rl.health import alarm, logprob_health


@pytest.mark.parametrize("n", [2, 3, 500])
def test_health_is_pearson_and_the_largest_gap(n: int) -> None:
    rng = np.random.default_rng(n)
    old = -rng.exponential(size=n)
    new = old + rng.normal(scale=0.1, size=n)
    found = logprob_health(torch.tensor(old), torch.tensor(new))
    assert found["logprob_corr"] == pytest.approx(np.corrcoef(old, new)[0, 1], abs=1e-12)
    assert found["logprob_gap"] == pytest.approx(np.abs(old - new).max(), abs=1e-12)


def test_the_same_numbers_agree_whatever_their_precision() -> None:
    old = -torch.rand(10_000).exp()
    assert logprob_health(old, old) == {"logprob_gap": 0.0, "logprob_corr": pytest.approx(1.0, abs=1e-12)}
    rounded = logprob_health(old, old.bfloat16())
    assert rounded["logprob_corr"] > 0.999
    assert alarm(rounded["logprob_corr"], rounded["logprob_gap"]) is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([], [], {}),
        ([-1.0], [-1.5], {"logprob_gap": 0.5}),
        ([-1.0, -1.0], [-1.0, -2.0], {"logprob_gap": 1.0}),
    ],
    ids=["nothing", "one token", "no spread"],
)
def test_no_correlation_is_left_out(old: list[float], new: list[float], expected: dict[str, float]) -> None:
    assert logprob_health(torch.tensor(old), torch.tensor(new)) == expected


def test_nan_is_passed_on() -> None:
    assert math.isnan(logprob_health(torch.tensor([-1.0, math.nan]), torch.tensor([-1.0, -2.0]))["logprob_gap"])


@pytest.mark.parametrize(
    ("corr", "gap", "said"),
    [
        (1.0, 1e-5, None),
        (0.995, 0.3, None),
        (0.98, 0.3, "correlate only to 0.9800, largest gap 0.3"),
        (0.5, 1e-4, None),
        (0.5, None, "correlate only"),
        (0.999, 1.5, "1.5 nats apart"),
        (None, 1.5, "1.5 nats apart"),
        (None, None, None),
    ],
)
def test_alarm(corr: float | None, gap: float | None, said: str | None) -> None:
    told = alarm(corr, gap)
    assert told is None if said is None else said in str(told)


def test_positions_that_are_off_by_one_are_seen() -> None:
    """What a wrong shift does: each token is scored with its neighbour's log-probability."""
    old = -torch.distributions.Exponential(1.0).sample((400,))
    found = logprob_health(old, old.roll(1))
    assert alarm(found["logprob_corr"], found["logprob_gap"])
