"""Scalings against scikit-learn's logistic regression, which two classes make of them, and a search by scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from affectrl.errors import UsageError
from affectrl.metrics.scaling import Scaling, fit, negative_log_likelihood


def drawn(n: int, classes: int, factor: float, bias: np.ndarray | None = None, seed: int = 0):
    """Scores, and classes that come up as often as ``softmax(factor * scores + bias)`` says."""
    rng = np.random.default_rng(seed)
    scores = log_softmax(3 * rng.standard_normal((n, classes)), axis=1)
    chances = softmax(factor * scores + (0 if bias is None else bias), axis=1)
    return scores, np.array([rng.choice(classes, p=p) for p in chances])


def test_a_temperature_of_two_classes_is_logistic_regression_through_the_origin() -> None:
    scores, truth = drawn(400, 2, 0.4)
    other = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10, max_iter=10_000)
    other.fit(scores[:, 1:] - scores[:, :1], truth)
    assert 1 / fit(scores, truth).temperature == pytest.approx(other.coef_[0, 0], rel=1e-4)


def test_a_temperature_is_the_best_of_all() -> None:
    scores, truth = drawn(600, 7, 0.5)
    found = fit(scores, truth)
    loss = minimize(lambda t: log_loss(truth, softmax(scores / t[0], axis=1)), [1.0], method="Nelder-Mead").fun
    ours = found.probabilities(scores)
    assert log_loss(truth, ours) == pytest.approx(loss, abs=1e-8)
    assert negative_log_likelihood(ours, truth).mean() == pytest.approx(loss, abs=1e-8)
    assert found.temperature == pytest.approx(2.0, rel=0.15)
    assert (ours.argsort(1) == scores.argsort(1)).all()
    assert ours.sum(1) == pytest.approx(1)


def test_vector_scaling_of_two_classes_is_logistic_regression() -> None:
    scores, truth = drawn(500, 2, 0.5, np.array([0.8, -0.8]))
    other = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    other.fit(scores * [-1, 1], truth)
    found = fit(scores, truth, "vector", ridge=0.0).probabilities(scores)
    assert found[:, 1] == pytest.approx(other.predict_proba(scores * [-1, 1])[:, 1], abs=1e-4)


def test_vector_scaling_finds_a_class_that_is_said_too_often() -> None:
    bias = np.array([1.5, 0.0, 0.0, -1.5])
    scores, truth = drawn(3000, 4, 0.7, bias)
    found = fit(scores, truth, "vector")
    assert np.array(found.bias) - np.mean(found.bias) == pytest.approx(bias, abs=0.35)
    plain = fit(scores, truth).probabilities(scores)
    assert log_loss(truth, found.probabilities(scores)) < log_loss(truth, plain) - 0.05


def test_always_right_has_a_bound() -> None:
    found = fit(np.log([[0.9, 0.1], [0.2, 0.8]]), [0, 1])
    assert 0.02 <= found.temperature < 0.2
    assert found.probabilities(np.log([[0.9, 0.1]]))[0, 0] > 0.999


@pytest.mark.parametrize(
    ("scores", "truth", "code"),
    [
        ([[0.0, 1.0]], [0, 1], "metric_lengths"),
        (np.zeros((0, 2)), [], "metric_lengths"),
        ([[0.0, 1.0]], [2], "metric_labels"),
    ],
)
def test_what_cannot_be_fitted(scores, truth, code: str) -> None:
    with pytest.raises(UsageError) as error:
        fit(scores, truth)
    assert error.value.code == code


def test_scores_of_other_classes() -> None:
    with pytest.raises(UsageError):
        Scaling("temperature", (1.0, 1.0), (0.0, 0.0)).probabilities([[0.0, 0.0, 0.0]])
