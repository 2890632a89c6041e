from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from affectrl.answers.prediction import Prediction, failed
from affectrl.data.clip import Clip
from affectrl.errors import MediaError
from affectrl.evaluation.evaluate import estimates, evaluate, row, scored, summary
from affectrl.models import checkpoint
from affectrl.models.features import ClipFeatures

UNREADABLE = {"code": "answer_unreadable", "message": "?"}


def answered(label: str, top: str | None, speaker: str | None = None, error: Any = None) -> dict[str, Any]:
    return {"id": "x", "labels": [label], "top": top, "speaker": speaker, "error": error}


def skipped(label: str) -> dict[str, Any]:
    return answered(label, None, error={"code": "media_missing", "message": "gone"})


ROWS = [
    answered("happy", "happy"),
    answered("happy", "sad"),
    answered("happy", None, error=UNREADABLE),
    answered("sad", "sad"),
    answered("angry", "weary"),
    skipped("sad"),
    answered("sad", "sad") | {"labels": []},
]


def test_skipped_clips_and_clips_without_reference_do_not_count() -> None:
    assert [(truth, top) for truth, top, _ in scored(ROWS)] == [
        ("happy", "happy"),
        ("happy", "sad"),
        ("happy", None),
        ("sad", "sad"),
        ("angry", "weary"),
    ]


def test_case_and_blanks_of_a_reference_do_not_matter() -> None:
    assert list(scored([answered("Very  Sad", "very sad")])) == [("very sad", "very sad", None)]


def test_an_unreadable_answer_is_wrong() -> None:
    found = summary(ROWS)
    truth, pred = ["happy"] * 3 + ["sad", "angry"], ["happy", "sad", "", "sad", "weary"]
    assert found["n"] == 5
    assert found["parse_rate"] == pytest.approx(4 / 5)
    assert found["war"] == pytest.approx(2 / 5)
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        assert found["uar"] == pytest.approx(balanced_accuracy_score(truth, pred))
    labels = ["happy", "sad", "angry"]
    assert found["macro_f1"] == pytest.approx(f1_score(truth, pred, labels=labels, average="macro", zero_division=0))


def test_intervals_hold_their_score() -> None:
    rows = ROWS * 10
    found, totals = estimates(rows), summary(rows)
    assert set(found) == {"war", "uar", "macro_f1"}
    for name, estimate in found.items():
        assert estimate.value == pytest.approx(totals[name])
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.n == 50
    assert estimates(rows) == found


def test_speakers_are_resampled_whole() -> None:
    """Half of the speakers are always right, half never: intervals over speakers must be the wider ones."""
    rows = [answered("sad", "sad" if s % 2 else "happy", f"s{s}") for s in range(12) for _ in range(20)]
    alone = [entry | {"speaker": None} for entry in rows]
    wide, narrow = estimates(rows)["war"], estimates(alone)["war"]
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


@pytest.mark.parametrize("rows", [[], [skipped("sad")]])
def test_nothing_scored_is_told_and_not_a_crash(rows: list[dict[str, Any]]) -> None:
    assert summary(rows)["n"] == 0
    assert {estimate.n for estimate in estimates(rows).values()} == {0}


def test_rows_know_their_clip() -> None:
    clip = Clip(id="a", text="Well.", labels=("sad", "tired"), speaker="ann", group="f")
    made = row(failed("a", None, MediaError("gone.", code="media_missing")), clip)
    assert made["labels"] == ["sad", "tired"]
    assert (made["speaker"], made["group"], made["input_text"]) == ("ann", "f", "Well.")
    assert made["error"] == {"code": "media_missing", "message": "gone."}
    assert row(Prediction(id="a", path=None, top="sad"), clip)["top"] == "sad"


def test_evaluate_answers_in_order(tiny_model: Path, taught: dict[str, str]) -> None:
    policy, task, _ = checkpoint.load(tiny_model)
    policy.train()
    clips = [
        ClipFeatures(Clip(id=text, text=text, labels=tuple(labels.split(", "))), {}, text)
        for text, labels in taught.items()
    ]
    seen: list[str] = []
    rows = evaluate(policy, clips, task, batch_size=3, max_new_tokens=8, advance=seen.append)
    assert not policy.training
    assert [entry["id"] for entry in rows] == list(taught)
    assert [entry["labels"][0] for entry in rows] == [labels.split(", ")[0] for labels in taught.values()]
    assert len(seen) == len(clips)
    assert summary(rows)["war"] >= 0.75
