"""EW of evaluation rows: by hand, against single samples, with intervals, and told apart from a closed choice."""

from __future__ import annotations

from typing import Any

import pytest

from affectrl.cli.evaluate import score_table
from affectrl.emotions.space import WheelSpace
from affectrl.evaluation.evaluate import estimates, names_lists, summary
from affectrl.evaluation.open_vocabulary import HEADS, constant, score
from affectrl.metrics.emotion_wheel import one

UNREADABLE = {"code": "answer_unreadable", "message": "?"}


def said(labels: str, answer: str, speaker: str | None = None, **more: Any) -> dict[str, Any]:
    emotions = answer.split(", ") if answer else []
    error = None if emotions else UNREADABLE
    row = {"id": "x", "labels": labels.split(", ") if labels else [], "emotions": emotions, "speaker": speaker}
    return row | {"top": emotions[0] if emotions else None, "error": error} | more


def test_by_hand() -> None:
    """Three clips, one answered right, one wrong, one unreadable: precision = recall = F = 1/3 on every wheel."""
    rows = [said("happy", "happy"), said("sad", "happy"), said("angry", "")]
    found = summary(rows, open_vocabulary=True)
    assert [found[head] for head in HEADS[:3]] == pytest.approx([1 / 3] * 3)
    assert (found["n"], found["n_kept"]) == (3, 3)
    assert (found["war"], found["parse_rate"]) == pytest.approx((1 / 3, 2 / 3))
    assert (found["labels_per_answer"], found["reference_labels"]) == pytest.approx((2 / 3, 1))


def test_one_clip_is_its_reward() -> None:
    for labels, answer in (("happy, calm", "joyful, sad"), ("worried", "anxious"), ("angry, sad", "angry")):
        reward = one(labels.split(", "), answer.split(", "), WheelSpace.builtin())
        assert summary([said(labels, answer)], open_vocabulary=True)["ew"] == pytest.approx(reward)


def test_what_does_not_count() -> None:
    rows = [said("happy", "happy"), said("qwxz", "happy"), said("", "sad")]
    rows.append(said("sad", "", error={"code": "media_missing", "message": "gone"}))
    found = summary(rows, open_vocabulary=True)
    assert (found["n"], found["n_kept"], found["ew"]) == (2, 1, 1.0)
    assert summary([said("happy", "happy, blorp")], open_vocabulary=True)["unknown_share"] == 0.5


def test_probabilities_of_a_choice_are_no_list() -> None:
    ranked = said("happy", "happy, sad, angry", scores={"happy": 0.5, "sad": 0.3, "angry": 0.2})
    assert summary([ranked], open_vocabulary=True)["ew_precision"] == 1.0


def test_the_kind_of_task_is_told_or_seen() -> None:
    closed, lists = [said("happy", "happy")], [said("happy, sad", "happy")]
    assert (names_lists(closed), names_lists(lists), names_lists([said("sad, Sad", "sad")])) == (False, True, False)
    assert "ew" not in summary(closed)
    assert "ew" in summary(closed, open_vocabulary=True)
    assert "ew" not in summary(lists, open_vocabulary=False)
    assert set(estimates(lists)) == set(HEADS)
    assert set(estimates(closed)) == {"war", "uar", "macro_f1"}


ROWS = [
    said(labels, answer, f"s{i % 6}")
    for i, (labels, answer) in enumerate(
        [("happy, calm", "happy"), ("sad", "angry"), ("worried, afraid", "anxious, happy"), ("angry", "")] * 9
    )
]


def test_intervals_hold_their_score() -> None:
    totals = summary(ROWS)
    for name, estimate in estimates(ROWS).items():
        assert estimate.value == pytest.approx(totals[name])
        assert estimate.low < estimate.value < estimate.high
        assert (estimate.n, estimate.groups) == (36, 6)


def test_a_gain_is_the_difference_and_paired() -> None:
    truth = [row["labels"] for row in ROWS]
    before = score(truth, [row["emotions"] for row in ROWS])
    after = score(truth, [row["emotions"] if i % 12 else row["labels"] for i, row in enumerate(ROWS)])
    gain = after.gain(before, None)["ew"]
    assert gain.value == pytest.approx(after.values()["ew"] - before.values()["ew"])
    alone = after.estimates(None)["ew"]
    assert gain.high - gain.low < alone.high - alone.low
    same = before.gain(before, None)["ew"]
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_six_words_for_every_clip() -> None:
    truth = [row["labels"] for row in ROWS]
    assert 0 < constant(truth) < 1
    assert constant([["happy", "sad", "angry", "scared", "surprised", "disgusted"]]) == pytest.approx(1)


def test_nothing_scored_is_no_crash() -> None:
    assert summary([], open_vocabulary=True)["n"] == 0
    assert {estimate.n for estimate in estimates([], open_vocabulary=True).values()} == {0}


def test_the_table_fits_the_task(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    score_table({"clips": ROWS})
    told = capsys.readouterr().out
    assert "EW F" in told
    assert "UAR" not in told
    score_table({"clips": [said("happy", "happy"), said("", "sad")]})
    told = capsys.readouterr().out
    assert "UAR" in told
    assert "1 clips could not be read, or have no label" in " ".join(told.split())
