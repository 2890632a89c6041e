"""Recognition scores against scikit-learn and against sums done by hand."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from affectrl.errors import UsageError
from affectrl.metrics import classification as c

LABELS = ["angry", "happy", "neutral", "sad"]


def answers(seed: int, n: int = 200) -> tuple[list[str], list[str | None]]:
    """Random references and answers of which some are unparsed and some outside the set."""
    rng = random.Random(seed)
    truth = [rng.choice(LABELS) for _ in range(n)]
    pred = [t if rng.random() < 0.5 else rng.choice([*LABELS, None, "bored"]) for t in truth]
    return truth, pred


@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_scikit_learn(seed: int) -> None:
    from sklearn import metrics as sk

    truth, pred = answers(seed)
    filled = [p or "?" for p in pred]
    present = sorted(set(truth))
    assert c.war(truth, pred) == pytest.approx(sk.accuracy_score(truth, filled))
    assert c.uar(truth, pred) == pytest.approx(
        sk.recall_score(truth, filled, labels=present, average="macro", zero_division=0)
    )
    for ours, average in ((c.macro_f1, "macro"), (c.weighted_f1, "weighted")):
        theirs = sk.f1_score(truth, filled, labels=present, average=average, zero_division=0)
        assert ours(truth, pred) == pytest.approx(theirs)
    table = sk.precision_recall_fscore_support(truth, filled, labels=LABELS, zero_division=0)
    for row, *theirs in zip(c.per_class(truth, pred, LABELS), *table, strict=True):
        assert (row.precision, row.recall, row.f1, row.support) == pytest.approx(tuple(theirs))


def test_unparsed_and_foreign_answers_are_wrong_and_stand_in_the_last_column() -> None:
    truth, pred = ["sad", "sad", "happy", "happy"], ["sad", None, "bored", "happy"]
    # recall is 1/2 for both classes; precision is 1 for both, so F1 = 2/3
    assert c.war(truth, pred) == c.uar(truth, pred) == 0.5
    assert c.macro_f1(truth, pred) == pytest.approx(2 / 3)
    assert c.confusion(truth, pred, ["happy", "sad"]).tolist() == [[1, 0, 1], [0, 1, 1]]
    assert c.parse_rate(pred) == 0.75


def test_a_class_nobody_meant_has_no_say_in_the_mean() -> None:
    truth, pred = ["sad", "sad"], ["sad", "happy"]
    assert c.uar(truth, pred) == c.war(truth, pred) == 0.5
    assert c.confusion(truth, pred, ["happy", "sad"]).tolist() == [[0, 0, 0], [1, 1, 0]]


def test_nothing_has_no_accuracy() -> None:
    assert all(math.isnan(f([], [])) for f in c.OF_COUNTS)
    assert math.isnan(c.parse_rate([]))
    assert c.per_class([], []) == []
    assert c.confusion([], [], ["a"]).tolist() == [[0, 0]]


def test_stacked_counts_give_a_score_each() -> None:
    pairs = [answers(s) for s in range(3)]
    stacked = np.stack([c.confusion(*p, LABELS) for p in pairs]).astype(float)
    for score, of_counts in c.OF_COUNTS.items():
        np.testing.assert_allclose(of_counts(stacked), [score(*p) for p in pairs])


def test_constant_reference() -> None:
    assert c.constant_reference(["neutral"] * 9)
    assert c.constant_reference([])
    assert not c.constant_reference(["neutral", "sad"])
    # the artefact it guards against: with p answers of the one class, weighted F1 is 2p / (1 + p)
    pred = ["neutral"] * 6 + ["sad"] * 4
    assert c.weighted_f1(["neutral"] * 10, pred) == pytest.approx(2 * 0.6 / 1.6)


def test_wrong_columns_are_usage_errors() -> None:
    with pytest.raises(UsageError, match="2 references but 1") as error:
        c.war(["a", "b"], ["a"])
    assert error.value.code == "metric_lengths"
    with pytest.raises(UsageError, match="'b'"):
        c.confusion(["b"], ["a"], ["a"])
