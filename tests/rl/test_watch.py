"""Alarms: each rule on a run that it is made for and on the nearest healthy one, repetition, and resuming."""

import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from affectrl.rl.watch import WINDOW, Alarm, Watch, answer_stats

N = 30
Row = Mapping[str, object]
HEALTHY = {
    "reward": 0.8,
    "reward/accuracy": 0.5,
    "reward/format": 0.9,
    "entropy": 0.4,
    "completion_tokens": 20.0,
    "labels_per_answer": 1.0,
    "reference_labels": 1.0,
    "duplicate_share": 0.0,
    "truncated_share": 0.0,
    "zero_variance_share": 0.3,
    "top_answer_share": 0.3,
    "top_reference_share": 0.3,
    "logprob_corr": 0.99999,
    "logprob_gap": 0.001,
}


def run(watch: Watch, *, noise: float = 0.02, n: int = N, **ends: tuple[float, float]) -> list[Alarm]:
    """A run whose figures are healthy, but for those given, which go from one value to the other."""
    rng = random.Random(0)
    found = []
    for step in range(1, n + 1):
        row = {key: value * (1 + noise * rng.gauss(0, 1) * (key != "logprob_corr")) for key, value in HEALTHY.items()}
        for key, (first, last) in ends.items():
            at = first + (last - first) * (step - 1) / (n - 1)
            row[key.replace("__", "/")] = at * (1 + noise * rng.gauss(0, 1) * (key != "logprob_corr"))
        found += watch.see(step, row)
    return found


def told(limit: int | None = None, **ends: tuple[float, float]) -> list[tuple[str, str]]:
    return [(alarm.code, alarm.component) for alarm in run(Watch(limit), **ends)]


def test_a_healthy_run_is_silent() -> None:
    assert told() == []
    assert told(reward__accuracy=(0.3, 0.8), reward__format=(0.5, 1.0), reward=(0.8, 1.8), entropy=(0.6, 0.3)) == []


EW = {"reward__emotion-wheel": (0.3, 0.6)}
CASES: dict[str, tuple[dict[str, tuple[float, float]], list[tuple[str, str]]]] = {
    "lists grow and are paid for it": ({"labels_per_answer": (2, 6)} | EW, [("labels_grow", "emotion-wheel")]),
    "lists grow and earn nothing": ({"labels_per_answer": (2, 6)}, []),
    "lists grow to what is asked for": ({"labels_per_answer": (1, 3), "reference_labels": (3, 3)} | EW, []),
    "more is asked for": ({"labels_per_answer": (1, 5), "reference_labels": (1, 4)} | EW, []),
    "form at the expense of content": (
        {"reward__format": (0.4, 0.95), "reward__accuracy": (0.6, 0.3)},
        [("form_only", "format")],
    ),
    "form alone": ({"reward__format": (0.4, 0.95)}, []),
    "one reward at another's expense": (
        {"reward__alignment": (0.2, 0.9), "reward__accuracy": (0.6, 0.3)},
        [("traded_off", "alignment")],
    ),
    "entropy collapses": ({"entropy": (0.6, 0.01)}, [("entropy_collapse", "entropy")]),
    "labels repeat": ({"duplicate_share": (0.0, 0.5)}, [("repeats", "duplicate_share")]),
    "answers are cut off": ({"truncated_share": (0.0, 0.6)}, [("near_limit", "truncated_share")]),
    "answers grow": ({"completion_tokens": (20, 60)}, [("length_grows", "completion_tokens")]),
    "answers grow and get better": ({"completion_tokens": (20, 60), "reward__accuracy": (0.3, 0.8)}, []),
    "groups are alike": ({"zero_variance_share": (0.5, 1.0)}, [("no_signal", "zero_variance_share")]),
    "one answer to all": ({"top_answer_share": (0.3, 1.0)}, [("one_answer", "top_answer_share")]),
    "one answer is right for all": ({"top_answer_share": (0.3, 1.0), "top_reference_share": (1.0, 1.0)}, []),
    "a judge is silent": ({"missing__coherence": (0.0, 1.0)}, [("judge_silent", "coherence")]),
    "rollout and update differ": (
        {"logprob_corr": (0.999, 0.95), "logprob_gap": (0.4, 0.6)},
        [("logprobs_apart", "logprob_corr")],
    ),
}


@pytest.mark.parametrize(("ends", "expected"), CASES.values(), ids=CASES.keys())
def test_rules(ends: dict[str, tuple[float, float]], expected: list[tuple[str, str]]) -> None:
    found = told(**ends)
    assert found == expected


def test_near_the_limit() -> None:
    assert told(limit=40) == []
    assert told(limit=21) == [("near_limit", "completion_tokens")]


def test_nothing_is_said_before_there_is_a_window() -> None:
    watch = Watch()
    cut_off = {"truncated_share": 1.0}
    assert [len(watch.see(step, cut_off)) for step in range(1, 9)] == [0] * (WINDOW - 1) + [1, 0, 0, 0]


def test_health_needs_no_window() -> None:
    assert [a.code for a in Watch().see(1, {"logprob_corr": 0.5, "logprob_gap": 3.0})] == ["logprobs_apart"]


def test_a_rule_that_flickers_is_told_once_and_one_that_returns_again() -> None:
    def said(pattern: str) -> list[int]:
        watch = Watch()
        rows = [{"logprob_corr": 0.5 if bad == "x" else 1.0, "logprob_gap": 0.5} for bad in pattern]
        return [step for step, row in enumerate(rows, 1) if watch.see(step, row)]

    assert said("x.x..x.x") == [1]
    assert said("x" + "." * WINDOW + "x") == [1, 7]


def test_what_is_no_number_is_passed_over() -> None:
    watch = Watch()
    row: Row = {"entropy": None, "reward/accuracy": float("nan"), "look": True, "truncated_share": "all"}
    assert [watch.see(step, row) for step in range(1, 30)] == [[]] * 29


@pytest.mark.parametrize("killed_at", [3, 12, 24])
def test_resuming_says_what_a_run_without_a_break_says(killed_at: int) -> None:
    def row(step: int) -> Row:
        return HEALTHY | {
            "truncated_share": float(step > 14),
            "entropy": 0.9**step,
            "logprob_corr": 1.0 - step * 0.001,
            "logprob_gap": 0.3,
        }

    def seen(watch: Watch, steps: range) -> list[tuple[int, Alarm]]:
        return [(step, alarm) for step in steps for alarm in watch.see(step, row(step))]

    whole = seen(Watch(), range(1, 31))
    assert {alarm.code for _, alarm in whole} == {"near_limit", "entropy_collapse", "logprobs_apart"}
    resumed = Watch()
    before = seen(resumed, range(1, killed_at + 1))
    # The checkpoint was two steps before the kill: those two are made, and told of, again.
    again = seen(resumed, range(killed_at - 1, 31))
    assert [pair for pair in before if pair[0] < killed_at - 1] + again == whole


@pytest.mark.parametrize(
    ("texts", "key", "expected"),
    [
        (["<answer>happy, sad</answer>", "<answer>angry</answer>"], "labels_per_answer", 1.5),
        (["", "<answer>angry</answer>"], "labels_per_answer", 1.0),
        (["", ""], "labels_per_answer", 0.0),
        (["<answer>happy</answer>", "", "", ""], "parse_rate", 0.25),
        (["ab", "abcd"], "answer_chars", 3.0),
        (["<answer>happy, happy, Happy, sad</answer>"], "duplicate_share", 0.5),
        (['<answer>["happy", "happy"]</answer>'], "duplicate_share", 0.5),
        (["<answer>happy, sad</answer>"], "duplicate_share", 0.0),
        (["happy, sad", "sad, happy", "angry", ""], "same_answer_share", 1 / 6),
        (["happy"] * 4, "same_answer_share", 1.0),
        (["", "", "", ""], "same_answer_share", 0.0),
        (["happy", "happy", "happy", "sad"], "top_answer_share", 0.75),
    ],
)
def test_answer_stats(texts: list[str], key: str, expected: float) -> None:
    assert answer_stats(texts, [()], len(texts))[key] == pytest.approx(expected)


def test_answer_stats_of_references_and_groups() -> None:
    texts = ["happy", "happy", "sad", "angry"]
    stats = answer_stats(texts, [("happy", "glad"), ()], 2)
    assert stats["reference_labels"] == 2
    assert stats["same_answer_share"] == 0.5
    assert stats["top_reference_share"] == 1.0
    assert "reference_labels" not in answer_stats(texts, [(), ()], 2)
    assert answer_stats([], [], 4) == {}


def test_alarms_are_documented() -> None:
    repo = Path(__file__).parents[2]
    source = (repo / "src/affectrl/rl/watch.py").read_text("utf-8")
    codes = set(re.findall(r'Alarm\(\s*"(\w+)"', source)) | set(re.findall(r'\(\s*"\w+_share",\s*"(\w+)"', source))
    rows = re.findall(r"^\| `(\w+)` \|", (repo / "docs/report.md").read_text("utf-8"), re.MULTILINE)
    assert len(codes) >= 10
    assert set(rows) == codes


def test_false_alarms_are_rare() -> None:
    """Twenty runs of 40 steps whose rewards are batch means of 64 answers and go nowhere."""
    rng = random.Random(1)
    draw: Callable[[], float] = lambda: sum(rng.random() < 0.5 for _ in range(64)) / 64  # noqa: E731
    alarms = 0
    for _ in range(20):
        watch = Watch()
        for step in range(1, 41):
            row = HEALTHY | {f"reward/{name}": draw() for name in ("accuracy", "format", "alignment")}
            alarms += len(watch.see(step, row | {"labels_per_answer": 1 + draw()}))
    assert alarms <= 2
