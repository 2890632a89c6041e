"""Cross-validation against scikit-learn's own, and each head against an independent computation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from affectrl import shelves
from affectrl.baselines.crossval import HEADS, folds_of, run, settings_of
from affectrl.baselines.heads import attention
from affectrl.errors import DataError, UsageError

ALL = ("attention", "logistic", "mlp")


@pytest.fixture(scope="module")
def made() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """120 rows of three classes that overlap, from eight speakers with a shift of their own."""
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 120)
    who = random.integers(0, 8, 120)
    means, shifts = random.normal(size=(3, 6)), random.normal(size=(8, 6))
    return (
        (means[y] + 0.5 * shifts[who] + 0.7 * random.normal(size=(120, 6))).astype(np.float32),
        y,
        [str(w) for w in who],
    )


@pytest.mark.parametrize("known", [True, False])
def test_held_out_probabilities_are_those_of_scikit_learn(made, known: bool) -> None:
    x, y, speakers = made
    found = run("logistic", [x], y, speakers if known else [None] * 120, [x[:7]], folds=4, seed=3, settings={"c": 0.5})
    kind = StratifiedGroupKFold if known else StratifiedKFold
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=1000, random_state=3))
    cv = list(kind(4, shuffle=True, random_state=3).split(x, y, speakers if known else None))
    wanted = cross_val_predict(model, x, y, cv=cv, method="predict_proba")
    np.testing.assert_allclose(found.held_out, wanted, atol=1e-4)
    each = [model.fit(x[learn], y[learn]).predict_proba(x[:7]) for learn, _ in cv]
    np.testing.assert_allclose(found.test, np.mean(each, 0), atol=1e-4)


def test_no_speaker_is_on_both_sides(made) -> None:
    _, y, speakers = made
    held, apart = folds_of(y, speakers, 5, 0)
    assert apart
    assert sorted(np.concatenate(held).tolist()) == list(range(120))
    who = [{speakers[i] for i in fold} for fold in held]
    assert sum(len(part) for part in who) == 8
    few, apart = folds_of(y, ["ann" if int(s) < 4 else "bob" for s in speakers], 5, 0)
    assert (len(few), apart) == (2, True), "each of two speakers is a fold"
    assert folds_of(y, [None, *speakers[1:]], 5, 0)[1] is False
    assert folds_of(y, ["ann"] * 120, 5, 0)[1] is False


@pytest.mark.parametrize("head", ALL)
def test_heads_learn_and_repeat_themselves(made, head: str) -> None:
    x, y, speakers = made
    state = torch.get_rng_state()
    results = [
        run(head, [x, x[:, :2]], y, speakers, None, folds=3, seed=seed, settings=settings_of(head, "fixed", 0, {}))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(results[0].held_out, results[1].held_out)
    assert np.abs(results[0].held_out - results[2].held_out).max() > 1e-3
    np.testing.assert_allclose(results[0].held_out.sum(1), 1, atol=1e-5)
    assert (results[0].held_out.argmax(1) == y).mean() > 0.6


def test_the_attention_head_by_hand() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(5, 4)).astype(np.float32), random.normal(size=(5, 3)).astype(np.float32)
    head = attention.build(0, hidden=6, epochs=2)
    head.fit([a, b], np.array([0, 1, 2, 0, 1]))
    found = head.predict_proba([a, b])
    network = head._network
    assert network is not None
    weights = {name: value.numpy() for name, value in network.state_dict().items()}

    def encoder(name: str, x: np.ndarray) -> np.ndarray:
        for layer in (1, 3, 5):
            x = np.maximum(x @ weights[f"{name}.{layer}.weight"].T + weights[f"{name}.{layer}.bias"], 0)
        return x

    rows = [encoder(f"encoders.{i}", x) for i, x in enumerate((a, b, b))]  # the second stands in the third place too
    mixed = encoder("together", np.concatenate(rows, 1)) @ weights["weigh.weight"].T + weights["weigh.bias"]
    summed = sum(mixed[:, [i]] * row for i, row in enumerate(rows))
    logits = summed @ weights["classify.weight"].T + weights["classify.bias"]
    wanted = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_class_that_a_fold_does_not_learn_has_no_chance_there(made) -> None:
    x, y, _ = made
    y = np.where(np.arange(120) < 60, 0, 1)
    y[-1] = 2
    with pytest.raises(DataError, match="no class has 70 clips"):
        run("logistic", [x], y, [None] * 120, None, folds=70, seed=0, settings={})
    found = run("logistic", [x], y, [None] * 120, None, folds=4, seed=0, settings={})
    assert found.held_out.shape == (120, 3)
    assert found.held_out[-1, 2] == 0, "who is asked for the only clip of a class has not seen it"


def test_what_is_missing_is_the_mean(made) -> None:
    x, y, speakers = made
    holes = x.copy()
    holes[::3] = np.nan
    found = run("logistic", [x[:, :2], holes], y, speakers, None, folds=3, seed=0, settings={})
    assert np.isfinite(found.held_out).all()


@pytest.mark.parametrize("head", ALL)
def test_settings_are_fixed_or_drawn(head: str) -> None:
    module = shelves.load(HEADS, head)
    fixed = [settings_of(head, "fixed", seed, {}) for seed in range(5)]
    assert all(one == module.FIXED for one in fixed)
    drawn = [settings_of(head, "random", seed, {}) for seed in range(40)]
    for name, choices in module.CHOICES.items():
        assert {one[name] for one in drawn} == set(choices)
    assert drawn[7] == settings_of(head, "random", 7, {})
    name = next(iter(module.CHOICES))
    assert settings_of(head, "random", 1, {name: 5})[name] == 5
    with pytest.raises(UsageError, match="no setting") as caught:
        settings_of(head, "fixed", 0, {f"{name}x": 1})
    assert caught.value.code == "baseline_setting"


def test_wrong_clips_and_settings(made) -> None:
    x, y, speakers = made
    for args in (([x], np.zeros(120, int), speakers), ([x[:3]], y[:3], [None] * 3)):
        with pytest.raises(DataError) as caught:
            run("logistic", *args, None, folds=5, seed=0, settings={})
        assert caught.value.code == "baseline_classes"
    with pytest.raises(UsageError, match="epochs: Input should be a valid integer") as wrong:
        run("mlp", [x], y, speakers, None, folds=5, seed=0, settings={"epochs": "many"})
    assert wrong.value.code == "baseline_setting"
