"""Intervals: coverage in simulation, clusters, pairs, and speed."""

from __future__ import annotations

import math
import time
from functools import partial

import numpy as np
import pytest
from scipy import stats

from affectrl.errors import UsageError
from affectrl.metrics.classification import macro_f1, uar, war, weighted_f1
from affectrl.metrics.intervals import bootstrap, clusters, mcnemar, paired_bootstrap

LABELS = np.array(["angry", "happy", "neutral", "sad"])


def sample(n: int, skill: float, seed: int) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(LABELS, n)
    return truth.tolist(), np.where(rng.random(n) < skill, truth, "?").tolist()


def test_the_count_path_draws_what_the_general_path_draws() -> None:
    truth, pred = sample(60, 0.6, seed=1)
    groups = [f"s{i % 9}" for i in range(60)]
    for score in (war, uar, macro_f1, weighted_f1):
        for by in (None, groups):
            fast = bootstrap(score, truth, pred, groups=by, n_resamples=150, seed=3)
            slow = bootstrap(lambda t, p, f=score: f(t, p), truth, pred, groups=by, n_resamples=150, seed=3)
            assert fast.value == slow.value
            assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high))


def test_interval_of_a_mean_agrees_with_scipy() -> None:
    x = np.random.default_rng(0).normal(size=80)
    ours = bootstrap(np.mean, x, n_resamples=4000)
    theirs = stats.bootstrap((x,), np.mean, method="percentile", n_resamples=4000, rng=1).confidence_interval
    assert ours.value == pytest.approx(x.mean())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_coverage_is_close_to_the_level() -> None:
    hits, runs, skill = 0, 400, 0.7
    for seed in range(runs):
        estimate = bootstrap(war, *sample(120, skill, seed), n_resamples=400, seed=seed)
        hits += estimate.low <= skill <= estimate.high
    # a percentile interval of a proportion at n = 120 covers 93 to 95 %; 400 runs have a standard error of 1.1 points
    assert 0.90 <= hits / runs <= 0.98


def test_clustered_intervals_cover_where_plain_ones_do_not() -> None:
    rng, runs, plain, clustered = np.random.default_rng(0), 150, 0, 0
    for _ in range(runs):
        # 20 speakers of 20 clips; each speaker has an accuracy of their own around 0.6
        skill = np.repeat(np.clip(rng.normal(0.6, 0.2, 20), 0, 1), 20)
        pred = np.where(rng.random(400) < skill, "a", "b").tolist()
        groups = np.repeat(np.arange(20), 20).tolist()
        for by in (None, groups):
            e = bootstrap(war, ["a"] * 400, pred, groups=by, n_resamples=300)
            covered = e.low <= 0.6 <= e.high
            plain, clustered = plain + (covered and by is None), clustered + (covered and by is not None)
    assert clustered / runs > 0.85
    assert plain / runs < 0.75


def test_a_difference_is_surer_paired_than_apart() -> None:
    truth, a = sample(300, 0.5, seed=0)
    b = [t if i % 10 == 0 else p for i, (t, p) in enumerate(zip(truth, a, strict=True))]
    gain = paired_bootstrap(war, truth, a, b)
    assert gain.value == pytest.approx(war(truth, b) - war(truth, a))
    assert gain.excludes_zero
    assert gain.high - gain.low < bootstrap(war, truth, a).high - bootstrap(war, truth, a).low
    same = paired_bootstrap(uar, truth, a, a)
    assert (same.value, same.low, same.high, same.excludes_zero) == (0, 0, 0, False)
    slow = paired_bootstrap(partial(war), truth, a, b, n_resamples=100)
    fast = paired_bootstrap(war, truth, a, b, n_resamples=100)
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high))


def test_seed_decides() -> None:
    truth, pred = sample(50, 0.5, seed=2)
    assert bootstrap(uar, truth, pred, seed=7) == bootstrap(uar, truth, pred, seed=7)
    assert bootstrap(uar, truth, pred, seed=7) != bootstrap(uar, truth, pred, seed=8)


def test_too_little_to_resample_is_nan_not_certainty() -> None:
    assert math.isnan(bootstrap(war, [], []).value)
    assert math.isnan(paired_bootstrap(war, [], [], []).value)
    one = bootstrap(war, ["a"], ["a"])
    assert one.value == 1
    assert math.isnan(one.low)
    one_speaker = bootstrap(war, ["a", "b"], ["a", "a"], groups=["s", "s"])
    assert one_speaker.groups == 1
    assert math.isnan(one_speaker.high)
    assert not one_speaker.excludes_zero


def test_clusters_need_enough_known_speakers() -> None:
    many = [str(i % 8) for i in range(40)]
    assert clusters(many) == many
    assert clusters([str(i % 4) for i in range(40)]) is None
    assert clusters([*many, None]) is None


def test_mcnemar_by_hand() -> None:
    truth = ["a"] * 10
    a = ["b"] * 6 + ["a"] * 4
    b = ["a"] * 5 + ["b"] * 2 + ["a"] * 3
    result = mcnemar(truth, a, b)
    # 5 fixed, 1 broken: 2 * (C(6,0) + C(6,1)) / 2**6 = 14 / 64
    assert (result.fixed, result.broken) == (5, 1)
    assert result.p_value == pytest.approx(14 / 64)
    assert mcnemar(truth, a, a).p_value == 1


def test_an_open_vocabulary_takes_the_general_path_and_little_memory() -> None:
    truth = [f"w{i}" for i in range(150)] * 2
    pred = [t if i % 3 else None for i, t in enumerate(truth)]
    estimate = bootstrap(war, truth, pred, n_resamples=1000)
    assert estimate.value == pytest.approx(2 / 3)
    # normal approximation of a proportion: 1.96 * sqrt(2/9 / 300) = 0.053
    assert (estimate.low, estimate.high) == pytest.approx((0.613, 0.720), abs=0.01)


def test_usage_errors() -> None:
    with pytest.raises(UsageError, match="different lengths"):
        bootstrap(war, ["a"], ["a", "b"])
    with pytest.raises(UsageError, match="different lengths"):
        bootstrap(war, ["a"], ["a"], groups=[])
    with pytest.raises(UsageError, match="level"):
        bootstrap(war, ["a"], ["a"], level=95)


def test_two_thousand_resamples_of_five_hundred_clips_within_a_second() -> None:
    truth, pred = sample(500, 0.6, seed=0)
    began = time.perf_counter()
    bootstrap(uar, truth, pred, n_resamples=2000)
    assert time.perf_counter() - began < 1
