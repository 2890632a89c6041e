"""The comparison of two evaluations: aligned, scored, and told without overclaiming."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from affectrl.metrics.calibration import ece
from affectrl.report.load import Prediction, load_run
from affectrl.report.scores import compare


def said(clip: str, answer: str | None, reference: str | None, **more: object) -> Prediction:
    blank = Prediction(clip, answer, reference, (reference or "",), None, None, "", None, None, (), None, None, ())
    return replace(blank, **more)  # type: ignore[arg-type]


def side(answers: str, truth: str, **more: object) -> list[Prediction]:
    """One clip a letter; ``-`` is an unparsed answer."""
    return [
        said(f"c{i}", None if a == "-" else a, t, **more) for i, (a, t) in enumerate(zip(answers, truth, strict=True))
    ]


def test_scores_of_a_run_against_scikit_learn(run_folder: Path) -> None:
    run = load_run(run_folder)
    result = compare(run.before, run.after)
    assert result
    scores = {s.name: s for s in result.scores}
    truth = [p.reference for p in run.after]
    for name, of in (("before", run.before), ("after", run.after)):
        pred = [p.answer or "?" for p in of]
        estimate = getattr(scores["WAR"], name)
        assert estimate.value == pytest.approx(sk.accuracy_score(truth, pred))
        assert estimate.low < estimate.value < estimate.high
        f1 = sk.f1_score(truth, pred, labels=sorted(set(truth)), average="macro", zero_division=0)
        assert getattr(scores["Macro F1"], name).value == pytest.approx(f1)
        assert getattr(scores["Parse rate"], name).value == sum(p != "?" for p in pred) / 120
    gain = scores["WAR"].difference
    assert gain
    assert gain.value == pytest.approx(scores["WAR"].after.value - scores["WAR"].before.value)
    assert gain.excludes_zero
    assert (result.by_speaker, result.speakers, gain.groups) == (True, 10, 10)
    assert "rose from" in result.verdict
    assert "excludes zero" in result.verdict
    assert [row.support for row in result.labels] == [24] * 5
    assert all(row.before and row.after for row in result.labels)


def test_calibration_is_over_the_clips_that_state_a_confidence_both_times(run_folder: Path) -> None:
    run = load_run(run_folder)
    result = compare(run.before, run.after)
    assert result
    line = result.scores[-1]
    pairs = [(a, b) for a, b in zip(run.before, run.after, strict=True) if None not in (a.confidence, b.confidence)]
    assert line.name == "Calibration error"
    assert f"{len(pairs)} clips that state one both times" in line.meaning
    values = [ece([p[i].confidence for p in pairs], [p[i].correct for p in pairs]) for i in (0, 1)]
    assert line.before
    assert line.after
    assert line.difference
    assert (line.before.value, line.after.value) == pytest.approx(values)
    assert line.difference.value == pytest.approx(values[1] - values[0])


def test_more_calibration_error_is_worse() -> None:
    good = side("ab" * 30, "ab" * 30, confidence=1.0)
    bad = [replace(p, confidence=0.5 - 0.01 * (i % 3)) for i, p in enumerate(good)]
    result = compare(good, bad)
    assert result
    assert result.scores[-1].change == "excludes zero: worse"
    assert result.scores[0].change == "includes zero: no clear change"


def test_no_change_is_called_no_change() -> None:
    result = compare(side("abab" * 5, "abba" * 5), side("abbb" * 5, "abba" * 5))
    assert result
    assert "rose" in result.verdict
    result = compare(side("ab-b", "abab"), side("aaab", "abab"))
    assert result
    assert "includes zero" in result.verdict
    assert "does not show" in result.verdict
    assert result.test
    assert (result.test.fixed, result.test.broken) == (1, 1)


def test_a_fall_is_said() -> None:
    result = compare(side("ab" * 20, "ab" * 20), side("a" * 40, "ab" * 20))
    assert result
    assert "Accuracy fell from 100.0 % to 50.0 %" in result.verdict


def test_only_what_both_saw_is_compared() -> None:
    before = side("abab", "abab")
    after = [*side("aaaa", "abab")[1:], said("new", "a", "a"), said("blank", "a", None)]
    result = compare(before, after)
    assert result
    assert result.n == 3
    assert {n.code for n in result.notes} == {"no_reference", "evaluations_differ"}


def test_one_side_and_none() -> None:
    result = compare(side("ab", "ab"), [])
    assert result
    assert result.scores[0].after is None
    assert result.scores[0].change == "needs both evaluations"
    assert result.labels[0].after is None
    assert "only one evaluation" in result.verdict
    assert compare([], []) is None
    assert compare([said("x", "a", None)], []) is None


def test_one_clip_and_one_class_say_so() -> None:
    result = compare(side("aa", "aa"), side("a-", "aa"))
    assert result
    assert "No verdict" in result.verdict
    assert result.notes[0].code == "constant_reference"


def test_few_speakers_draw_clips() -> None:
    both = [side("ab" * 10, "ab" * 10, speaker="s1") for _ in range(2)]
    result = compare(*both)
    assert result
    assert (result.by_speaker, result.speakers) == (False, 1)


def test_many_classes_are_cut_and_said() -> None:
    words = [f"w{i:02d}" for i in range(20)]
    clips = [said(f"{w}{k}", w, w) for i, w in enumerate(words) for k in range(20 - i)]
    result = compare([], clips)
    assert result
    assert result.matrices[0].counts.shape == (12, 13)
    assert np.trace(result.matrices[0].counts) == sum(range(9, 21))
    assert len(result.labels) == 20
    assert [n.code for n in result.notes] == ["classes_cut"]
