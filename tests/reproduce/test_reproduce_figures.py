"""Means, intervals and verdicts, against closed forms, brute force and simulation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from affectrl.evaluation.evaluate import summary
from affectrl.metrics.classification import macro_f1, uar, war
from affectrl.metrics.intervals import bootstrap, paired_bootstrap
from affectrl.reproduce.figures import Figure, score, spread

NAMES = ("happy", "sad", "angry")


def row(number: int, truth: str | None, answer: str | None, **more: Any) -> dict[str, Any]:
    known = {"labels": [truth] if truth else [], "emotions": [answer] if answer else [], "top": answer}
    return {"id": f"clip{number}", "speaker": None, "error": None} | known | more


def answers(n: int, right: float, seed: int) -> list[dict[str, Any]]:
    """Rows of a system that is right with a given chance."""
    random = np.random.default_rng(seed)
    truth = [NAMES[i % 3] for i in range(n)]
    return [row(i, t, t if random.random() < right else NAMES[(i + 1) % 3]) for i, t in enumerate(truth)]


def test_values_are_those_of_an_evaluation() -> None:
    runs = {("a", 0): answers(40, 0.5, 0), ("b", 0): answers(40, 0.8, 1)}
    for metric, of in (("war", war), ("uar", uar), ("macro_f1", macro_f1)):
        scores = score(runs, metric)
        assert scores is not None
        for run, rows in runs.items():
            assert scores.values[run] == pytest.approx(summary(rows)[metric])
            assert scores.values[run] == pytest.approx(of([r["labels"][0] for r in rows], [r["top"] for r in rows]))


def test_resamples_are_those_of_the_bootstrap() -> None:
    runs = {("a", 0): answers(60, 0.5, 0), ("b", 0): answers(60, 0.8, 1)}
    scores = score(runs, "war")
    assert scores is not None
    truth = [r["labels"][0] for r in runs["a", 0]]
    a, b = ([r["top"] for r in rows] for rows in runs.values())
    single = np.quantile(scores.resampled["a", 0], [0.025, 0.975])
    known = bootstrap(war, truth, a)
    assert single == pytest.approx([known.low, known.high])
    paired = np.quantile(scores.resampled["b", 0] - scores.resampled["a", 0], [0.025, 0.975])
    known = paired_bootstrap(war, truth, a, b)
    assert paired == pytest.approx([known.low, known.high])


def test_labels_and_readable_answers_are_means() -> None:
    rows = [row(0, "happy", "happy", emotions=["happy", "glad"]), row(1, "sad", None), row(2, "sad", "sad")]
    runs = {("a", 0): rows}
    found = {metric: score(runs, metric) for metric in ("labels", "parse_rate")}
    assert found["labels"].values["a", 0] == pytest.approx(1.0)
    assert found["parse_rate"].values["a", 0] == pytest.approx(2 / 3)


def test_ew_is_the_metric() -> None:
    from affectrl.emotions.space import WheelSpace
    from affectrl.metrics.emotion_wheel import ew

    rows = [row(i, t, p) for i, (t, p) in enumerate([("happy", "glad"), ("sad", "angry"), ("angry", "furious")])]
    scores = score({("a", 0): rows}, "ew")
    assert scores is not None
    wanted = ew([r["labels"] for r in rows], [r["emotions"] for r in rows], WheelSpace.builtin()).f1
    assert scores.values["a", 0] == pytest.approx(wanted)


def test_only_clips_that_all_runs_have_count() -> None:
    rows = [row(0, "sad", "sad"), row(1, "sad", "sad"), row(2, None, "sad"), row(3, "happy", "sad")]
    unread = [*rows[:3], row(3, "happy", None, error={"code": "media_unreadable", "message": "x"})]
    scores = score({("a", 0): rows, ("b", 0): unread[::-1]}, "war")
    assert scores is not None
    assert scores.n == 2
    assert scores.values == {("a", 0): 1.0, ("b", 0): 1.0}
    assert score({("a", 0): rows[2:3]}, "war") is None
    assert score({}, "war") is None


def test_speakers_are_drawn_whole() -> None:
    rows = [r | {"speaker": f"s{i % 6}"} for i, r in enumerate(answers(60, 0.5, 0))]
    scores = score({("a", 0): rows}, "war")
    assert scores is not None
    assert scores.groups == 6


def test_the_interval_is_students_when_clips_do_not_matter() -> None:
    values = [0.2, 0.3, 0.55]
    low, high = spread(values, np.full(100, 0.35), 50)
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 2, np.mean(values), stats.sem(values)))


def test_the_interval_is_the_clips_when_seeds_agree() -> None:
    drawn = np.random.default_rng(0).normal(0.4, 0.05, 4000)
    low, high = spread([0.4, 0.4, 0.4], drawn, 101)
    half = stats.t.ppf(0.975, 100) * drawn.std(ddof=1)
    assert (low, high) == pytest.approx((0.4 - half, 0.4 + half))
    assert spread([0.4], drawn, 101) == pytest.approx((low, high))


def test_too_little_to_draw_gives_no_interval() -> None:
    assert all(math.isnan(x) for x in spread([0.1, 0.2], np.array([0.1, 0.2]), 1))
    assert spread([0.5, 0.5], np.full(10, 0.5), 9) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("by_seed", "low", "high", "verdict"),
    [
        ({0: 0.1, 1: 0.2}, 0.05, 0.25, "holds"),
        ({0: -0.1, 1: -0.2}, -0.25, -0.05, "does not hold"),
        ({0: 0.1, 1: 0.2}, -0.05, 0.35, "within noise"),
        ({0: 0.1, 1: 0.2}, 0.0, 0.3, "within noise"),
        ({0: 0.1, 1: 0.2}, math.nan, math.nan, "within noise"),
        ({0: 0.3}, 0.2, 0.4, "one seed"),
    ],
)
def test_verdicts(by_seed: dict[int, float], low: float, high: float, verdict: str) -> None:
    assert Figure(by_seed, low, high, 10, None).verdict == verdict


def test_differences_pair_seeds_that_both_have() -> None:
    runs = {("a", 0): answers(30, 0.3, 0), ("a", 1): answers(30, 0.3, 1), ("b", 1): answers(30, 0.9, 2)}
    scores = score(runs, "war")
    assert scores is not None
    difference = scores.difference("b", "a")
    assert difference is not None
    assert difference.by_seed == {1: pytest.approx(scores.values["b", 1] - scores.values["a", 1])}
    assert scores.difference("b", "c") is None
    assert scores.figure("c") is None


def test_systems_that_are_alike_are_rarely_told_apart() -> None:
    """Trainings whose true accuracy varies by seed, and no difference between variants: at most 5 % are wrong."""
    random = np.random.default_rng(0)
    wrong, tries = 0, 60
    for _ in range(tries):
        hard = random.random(80)
        runs = {}
        for variant in "ab":
            for seed in range(3):
                skill = random.normal(0.5, 0.05)
                runs[variant, seed] = [
                    row(i, NAMES[i % 3], NAMES[(i + (h > np.clip(skill + random.normal(0, 0.2), 0, 1))) % 3])
                    for i, h in enumerate(hard)
                ]
        found = score(runs, "war")
        assert found is not None
        difference = found.difference("b", "a")
        assert difference is not None
        wrong += difference.verdict in ("holds", "does not hold")
    assert wrong / tries <= 0.07


def false_alarms(seeds: int, spread_of_skill: float, clips: int = 80, tries: int = 1500) -> tuple[float, float]:
    """Share of equal pairs of variants called different by :func:`spread`, and by one Welch-Satterthwaite interval."""
    random = np.random.default_rng(0)
    ours = welch = 0
    for _ in range(tries):
        hard = random.random(clips)
        skill = random.normal(0.5, spread_of_skill, (2, seeds, 1)) + random.normal(0, 0.2, (2, seeds, clips))
        right = (hard <= np.clip(skill, 0, 1)).astype(float)
        difference = right[1] - right[0]
        values, of_clips = difference.mean(1), difference.mean(0)
        error = of_clips.std(ddof=1) / math.sqrt(clips)
        low, high = spread(list(values), error * np.array([1.0, -1.0]) / math.sqrt(2), clips)
        ours += not low <= 0 <= high
        between, total = values.var(ddof=1) / seeds, values.var(ddof=1) / seeds + error**2
        freedom = total**2 / (between**2 / (seeds - 1) + error**4 / (clips - 1))
        welch += abs(values.mean()) > stats.t.ppf(0.975, freedom) * math.sqrt(total)
    return ours / tries, welch / tries


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("spread_of_skill", [0.0, 0.02, 0.05, 0.1])
def test_no_more_false_alarms_than_promised(seeds: int, spread_of_skill: float) -> None:
    ours, welch = false_alarms(seeds, spread_of_skill)
    print(f"{seeds} seeds, skill varies by {spread_of_skill}: ours {ours:.3f}, Welch-Satterthwaite {welch:.3f}")
    assert ours <= 0.045
    if (seeds, spread_of_skill) == (2, 0.1):
        assert welch > 0.08


def test_a_clear_difference_holds() -> None:
    runs = {(v, s): answers(90, p, s) for v, p in (("a", 0.4), ("b", 0.8)) for s in range(3)}
    scores = score(runs, "war")
    assert scores is not None
    assert scores.difference("b", "a").verdict == "holds"
    assert scores.difference("a", "b").verdict == "does not hold"


def test_scores_end_at_zero_and_one_and_differences_do_not() -> None:
    runs = {(v, s): answers(12, p, s) for v, p in (("low", 0.1), ("high", 0.95)) for s in range(2)}
    shares, counts = score(runs, "war"), score(runs, "labels")
    assert shares is not None
    assert counts is not None
    for variant in ("low", "high"):
        figure = shares.figure(variant)
        assert figure is not None
        assert 0 <= figure.low <= figure.mean <= figure.high <= 1
    assert counts.most > 1
    assert shares.difference("low", "high").low < -0.8
