"""A run folder as it may be found: whole, cut off, damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from affectrl.errors import UsageError
from affectrl.report.load import ends, load_run, number


def test_a_whole_run(run_folder: Path) -> None:
    run = load_run(run_folder)
    assert (len(run.before), len(run.after), len(run.groups), run.notes) == (120, 120, 60, ())
    assert run.settings["model"]["voice"]["encoder"] == "whisper"
    steps, losses = zip(*run.series("sft", "train", "loss"), strict=True)
    assert steps == tuple(range(1, 41))
    assert losses[0] > losses[-1]
    assert run.series("sft", "eval", "war") == []
    failed = run.after[-1]
    assert (failed.answer, failed.error) == (None, "media_corrupt: broken off after 0 packets.")
    assert run.after[0].fallbacks == ("no_face: no face was found, so the whole frame is used.",)
    assert len(run.groups[0].completions) == 8


@pytest.mark.parametrize("make", [lambda p: None, Path.mkdir, lambda p: p.write_text("x")])
def test_no_run_folder(tmp_path: Path, make: object) -> None:
    make(tmp_path / "x")  # type: ignore[operator]
    with pytest.raises(UsageError, match="not a run folder") as error:
        load_run(tmp_path / "x")
    assert error.value.code == "run_missing"


def test_the_later_row_of_a_repeated_step_counts(tmp_path: Path) -> None:
    rows = [{"stage": "sft", "kind": "train", "step": s, "loss": loss} for s, loss in ((1, 3), (2, 2), (3, 9), (3, 1))]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows) + '{"stage": "sft", "st')
    assert load_run(tmp_path).series("sft", "train", "loss") == [(1, 3), (2, 2), (3, 1)]


def test_damage_is_noted(run_folder: Path) -> None:
    (run_folder / "rollouts.jsonl").write_text('{"step": 1}\n{bro\n{"step": 2}\n')
    (run_folder / "manifest.json").write_text("[1, 2")
    (run_folder / "recipe.yaml").write_text("a: [1")
    with (run_folder / "metrics.jsonl").open("a") as out:
        out.write("7\n")
    with (run_folder / "eval" / "final.jsonl").open("a") as out:
        out.write('{"top": "sad"}\n')
    run = load_run(run_folder)
    assert [note.code for note in run.notes] == ["rows_unreadable", "rows_unnamed", "manifest_missing"]
    assert (run.groups, run.manifest, run.settings) == ([], {}, {})
    assert len(run.after) == 120


def test_odd_values_in_rows(tmp_path: Path) -> None:
    (tmp_path / "predictions.jsonl").write_text(
        '{"id": 7, "top": " Happy ", "labels": "happy", "confidence": "high", "notes": "no"}\n'
        '{"id": "b", "labels": ["Sad", "low"], "error": "gone", "modalities": null}\n'
    )
    (tmp_path / "rollouts.jsonl").write_text(
        '{"step": null, "completions": [{"reward": null, "rewards": 3}, 4]}\n{"step": 1, "completions": null}\n'
    )
    run = load_run(tmp_path)
    first, second = run.after
    assert (first.id, first.correct, first.confidence, first.fallbacks) == ("7", True, None, ())
    assert (second.reference, second.labels, second.answer, second.error) == ("sad", ("Sad", "low"), None, "gone")
    assert [len(g.completions) for g in run.groups] == [1, 0]


def test_numbers() -> None:
    assert [number(v) for v in (1, 2.5, True, "3", None, float("nan"), float("inf"))] == [1, 2.5, *[None] * 5]
    assert ends([1.0]) == (1, 1)
    assert ends([0.0, *[5.0] * 18, 2.0]) == (2.5, 3.5)
