"""Runs with an open vocabulary, with further sets, with warnings, and of other algorithms than GRPO."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from affectrl.evaluation.evaluate import estimates, summary
from affectrl.report.curves import learning_curves
from affectrl.report.lists import compare_lists
from affectrl.report.load import load_run
from affectrl.report.scores import compare
from affectrl.report.story import algorithm, before_name, glossary

Rows = list[dict[str, Any]]
Answers = Callable[..., Rows]
Write = Callable[[Path, Rows], None]
Told = Callable[[Path], str]
MORE = {"happy": ["happy", "cheerful"], "sad": ["sad", "lonely"], "angry": ["angry", "annoyed"]}


def open_rows(answers: Answers, skill: float, seed: int) -> Rows:
    """Rows with two labels a clip, of which half of the right answers name one only."""
    rows = answers(skill, 60, 6, seed)
    for i, row in enumerate(rows):
        row["labels"] = MORE.get(row["labels"][0], row["labels"])
        row["emotions"] = MORE.get(row["top"], row["emotions"])[: 1 + i % 2] if row["top"] else []
    return rows


@pytest.fixture
def open_run(run_folder: Path, answers: Answers, write: Write) -> Path:
    recipe = (run_folder / "recipe.yaml").read_text()
    (run_folder / "recipe.yaml").write_text(f"{recipe}answers: {{format: ov-list, labels: null}}\n")
    write(run_folder / "eval" / "cold-start.jsonl", open_rows(answers, 0.4, 0))
    write(run_folder / "eval" / "final.jsonl", open_rows(answers, 0.8, 5))
    return run_folder


def test_scores_are_those_of_the_evaluation(open_run: Path) -> None:
    run = load_run(open_run)
    assert run.open_vocabulary
    found = compare_lists(run.before, run.after)
    assert found
    rows = [json.loads(line) for line in (open_run / "eval" / "final.jsonl").read_text().splitlines()]
    # A clip whose media could not be read is left out there; here it is an answer that is missing.
    rows[-1]["error"] = {"code": "answer_unreadable", "message": ""}
    totals, intervals = summary(rows), estimates(rows)
    for score, head in zip(found.scores, ("ew", "ew_precision", "ew_recall", "ew_level2", "parse_rate"), strict=True):
        assert score.after
        assert score.before
        assert score.difference
        assert score.after.value == pytest.approx(totals[head])
        assert score.difference.value == pytest.approx(score.after.value - score.before.value)
        if head in intervals:
            assert score.after == intervals[head]
    assert found.by_speaker
    assert found.verdict.startswith("EW rose from")
    assert {row.word for row in found.words} >= {"happy", "cheerful", "lonely"}
    asked = {row.word: row.references for row in found.words}
    assert (asked["happy"], asked["cheerful"], asked["neutral"]) == (12, 12, 12)


def test_the_page_speaks_of_lists(open_run: Path, told: Told) -> None:
    words = told(open_run)
    for said in ("EW precision", "naming happy, sad, angry", "A wheel knows the reference of 60 of 60"):
        assert said in words
    assert "Right stands for an EW of at least 50 %" in words
    assert "WAR" not in words.split("Recipe and versions")[0]
    assert "Confusion" not in words


def test_one_evaluation_or_none(open_run: Path) -> None:
    run = load_run(open_run)
    found = compare_lists([], run.after)
    assert found
    assert found.scores[0].before is None
    assert "only one evaluation" in found.verdict
    assert found.words[0].before is None
    assert compare_lists([], []) is None


def test_without_a_recipe_the_labels_tell(open_run: Path, write: Write) -> None:
    (open_run / "recipe.yaml").unlink()
    assert load_run(open_run).open_vocabulary
    write(open_run / "eval" / "cold-start.jsonl", [])
    write(open_run / "eval" / "final.jsonl", [{"id": "a", "labels": ["sad"], "top": "sad"}])
    assert not load_run(open_run).open_vocabulary


def test_further_sets_have_their_own_rows(run_folder: Path, answers: Answers, write: Write, told: Told) -> None:
    write(run_folder / "eval" / "cold-start@shifted.jsonl", answers(0.3, 60, 6, 1))
    write(run_folder / "eval" / "final@shifted.jsonl", answers(0.7, 60, 6, 2))
    write(run_folder / "eval" / "final@other.jsonl", answers(0.7, 30, 3, 3))
    run = load_run(run_folder)
    assert {name: tuple(map(len, sides)) for name, sides in run.also.items()} == {"other": (0, 30), "shifted": (60, 60)}
    found = compare(*run.also["shifted"])
    assert found
    words = told(run_folder)
    assert "Further sets that were not trained on" in words
    for score in found.scores[:3]:
        assert score.difference
        assert f"shifted: {score.name}" in words
        assert f"{100 * score.difference.value:+.1f}" in words
    assert "other: WAR" in words
    assert "needs both evaluations" in words


def test_further_sets_are_named_among_the_data(run_folder: Path, told: Told) -> None:
    recipe = (run_folder / "recipe.yaml").read_text()
    also = "  eval: {source: x, unlabelled: true}\n  also: {emodb: {source: 'emodb:/d', map_to: ekman6}}\n"
    (run_folder / "recipe.yaml").write_text(recipe.replace("model:\n", f"{also}model:\n", 1))
    words = told(run_folder)
    for said in ("Also tested: emodb", "emodb:/d", "labels as ekman6", "labels hidden from rewards"):
        assert said in words


ALARM = {"stage": "rl", "kind": "alarm", "step": 12, "message": "answers <grow>."}


def test_warnings_are_listed_once_each(run_folder: Path, told: Told) -> None:
    with (run_folder / "metrics.jsonl").open("a") as out:
        for code, component in (("labels_grow", "emotion-wheel"), ("repeats", "duplicate_share")):
            out.write(json.dumps(ALARM | {"code": code, "component": component}) + "\n")
        # Told again by a run that was resumed from before it.
        out.write(json.dumps(ALARM | {"code": "repeats", "component": "duplicate_share"}) + "\n")
    run = load_run(run_folder)
    assert [(a.step, a.code, a.component) for a in run.alarms] == [
        (12, "labels_grow", "emotion-wheel"),
        (12, "repeats", "duplicate_share"),
    ]
    words = told(run_folder)
    assert "Warnings while training." in words
    assert "Step 12, emotion-wheel: answers <grow>." in words


def test_no_warnings_no_section(run_folder: Path, told: Told) -> None:
    assert "Warnings while training" not in told(run_folder)


def test_curves_of_what_is_watched(tmp_path: Path, write: Write) -> None:
    row = {"stage": "rl", "kind": "train", "reward": 1.0, "reward/coherence": 0.3, "missing/coherence": 0.2}
    row |= {"majority_ratio": 0.6, "vote_accuracy": 0.5, "labels_per_answer": 2, "reference_labels": 1.5}
    row |= {"logprob_corr": 0.9999, "same_answer_share": 0.4, "drift": 0.01, "missing/format": 0.0}
    write(tmp_path / "metrics.jsonl", [row | {"step": s} for s in (1, 2)])
    charts = {chart.title: chart.caption for chart in learning_curves(load_run(tmp_path), "MERIT GRPO")}
    assert set(charts) == {
        f"MERIT GRPO: {title}"
        for title in (
            "reward",
            "majority votes",
            "emotions named",
            "sameness",
            "judged in vain",
            "rollout against update",
            "distance from the start",
        )
    }
    assert "format" not in charts["MERIT GRPO: judged in vain"]
    assert "Votes right: 0.5 at step 1" in charts["MERIT GRPO: majority votes"]


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        ("rl: {algorithm: dapo}", "DAPO"),
        ("rl: {algorithm: dr_grpo}", "Dr. GRPO"),
        ("rl: {algorithm: my.own}", "my.own"),
        ("rl: {steps: 3}", "GRPO"),
        ("name: x", "RL"),
    ],
)
def test_the_algorithm_is_called_by_its_name(run_folder: Path, recipe: str, name: str, told: Told) -> None:
    (run_folder / "recipe.yaml").write_text(recipe)
    assert algorithm(load_run(run_folder)) == name
    words = told(run_folder)
    assert f"After {name}" in words
    assert f"Then came {name}:" in words


def test_a_run_from_a_model_has_no_cold_start(run_folder: Path, told: Told) -> None:
    (run_folder / "recipe.yaml").write_text("start: models/x\ncold_start: {steps: 0}\nrl: {algorithm: merit-grpo}\n")
    manifest = json.loads((run_folder / "manifest.json").read_text()) | {"ended": "the votes collapsed"}
    (run_folder / "manifest.json").write_text(json.dumps(manifest))
    assert before_name(load_run(run_folder)) == "Before"
    assert "It ended before its last step: the votes collapsed." in told(run_folder)


def test_the_glossary_fits_the_task(open_run: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("answers: {labels: [a, b]}")
    lists, closed = ({term for term, _ in glossary(load_run(run))} for run in (open_run, tmp_path))
    assert "EW" in lists - closed
    assert {"WAR", "UAR"} <= closed - lists
