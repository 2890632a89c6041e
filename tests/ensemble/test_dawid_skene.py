"""The rule Dawid-Skene against an EM of our own, written from the paper."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("crowdkit", reason="crowd-kit is not installed")

from affectrl.ensemble.judged import Known, groups, panel
from affectrl.ensemble.opinions import of_ballots
from affectrl.ensemble.rules import dawid_skene


def em(votes: np.ndarray, k: int, steps: int) -> np.ndarray:
    """Posteriors ``(N, K)`` after that many steps from the vote shares; votes ``(N, M)``, -1 for none."""
    said = np.stack([votes == label for label in range(k)], axis=-1).astype(float)
    t = said.sum(1) / said.sum((1, 2))[:, None]
    for _ in range(steps):
        prior = t.mean(0)
        # pi[m, j, l]: how often voter m says l when j is true (Dawid and Skene, eq. 2.3)
        pi = np.einsum("nj,nml->mjl", t, said)
        pi = np.maximum(pi, 1e-10)
        pi /= pi.sum(2, keepdims=True)
        logs = np.log(np.maximum(prior, 1e-10)) + np.einsum("nml,mjl->nj", said, np.log(pi))
        t = np.exp(logs - logs.max(1, keepdims=True))
        t /= t.sum(1, keepdims=True)
    return t


def crowd(n: int = 150, k: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    votes = np.stack(
        [np.where(rng.random(n) < rate, truth, rng.integers(0, k, n)) for rate in (0.9, 0.6, 0.5, 0.4)], axis=1
    )
    votes[rng.random(votes.shape) < 0.1] = -1
    votes[votes.max(1) < 0, 0] = 0
    return votes, truth


@pytest.mark.parametrize("steps", [1, 4])
def test_posterior_equals_our_own_em(steps: int) -> None:
    votes, _ = crowd()
    row, column = np.nonzero(votes >= 0)
    # Bound growth below 1e-5 ends crowd-kit's loop: with few steps both make the same number.
    found = dawid_skene.posterior(row, column, votes[row, column], len(votes), 3, steps)
    np.testing.assert_allclose(found, em(votes, 3, steps), atol=1e-9)
    np.testing.assert_allclose(found.sum(1), 1)


@pytest.mark.parametrize("seed", range(4))
def test_sparse_steps_are_those_of_crowd_kit(seed: int) -> None:
    """To the end that the bound decides, with voters who abstain and labels that one of them never says."""
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    votes, _ = crowd(200, 4, seed)
    votes[votes[:, 1] == 2, 1] = 3
    row, column = np.nonzero(votes >= 0)
    shuffled = np.random.default_rng(seed).permutation(len(row))
    row, column = row[shuffled], column[shuffled]
    data = pd.DataFrame({"task": row, "worker": column, "label": votes[row, column]})
    theirs = DawidSkene(n_iter=100)
    wanted = theirs.fit_predict_proba(data).sort_index().sort_index(axis=1)
    assert len(theirs.loss_history_) > 3
    found = dawid_skene.posterior(row, column, votes[row, column], 200, 4, 100)
    np.testing.assert_allclose(found, wanted.to_numpy(), atol=1e-9)


def test_ten_thousand_clips_take_seconds() -> None:
    import time

    rng = np.random.default_rng(0)
    truth = rng.integers(0, 7, 10_000)
    votes = np.where(rng.random((10_000, 8)) < 0.5, truth[:, None], rng.integers(0, 7, (10_000, 8)))
    row, column = np.nonzero(votes >= 0)
    start = time.process_time()
    dawid_skene.posterior(row, column, votes[row, column], 10_000, 7, 100)
    assert time.process_time() - start < 4


def test_single_labels_beat_the_majority_where_voters_differ_in_skill() -> None:
    votes, truth = crowd(400, seed=2)
    words = np.array(["angry", "happy", "sad", ""])
    opinions = of_ballots(
        [str(i) for i in range(len(votes))],
        {f"v{m}": [[words[k]] if k >= 0 else [] for k in votes[:, m]] for m in range(4)},
    )
    value = dawid_skene.vote(opinions, Known()).value
    pairs = opinions.candidates
    best = np.zeros(opinions.n, dtype=int)
    top = np.full(opinions.n, -1.0)
    for c in range(len(pairs)):
        if value[c] > top[pairs.clip[c]]:
            top[pairs.clip[c]], best[pairs.clip[c]] = value[c], pairs.label[c]
    own = em(votes, 3, 100).argmax(1)
    assert (best == own).mean() > 0.98
    majority = np.array([np.bincount(v[v >= 0], minlength=3).argmax() for v in votes])
    assert (best == truth).mean() > (majority == truth).mean() + 0.02


def test_lists_are_yes_or_no_of_each_group(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    words = ["happy", "sad", "angry"]
    columns = {f"v{m}": [[w for w in words if rng.random() < 0.5] for _ in range(12)] for m in range(3)}
    opinions = of_ballots([str(i) for i in range(12)], columns)
    known = Known()
    monkeypatch.setattr(dawid_skene, "ITERATIONS", 3)
    found, value = groups(opinions.labels, known), dawid_skene.vote(opinions, known).value
    said = panel(opinions, found)
    # One group by our own EM.
    g = int(found.of_label[opinions.labels.index("sad"), 0])
    votes = np.where(opinions.spoke, said[:, :, g].astype(int), -1)
    spoke = (votes >= 0).any(1)
    row, column = np.nonzero(votes >= 0)
    posterior = dawid_skene.posterior(row, column, votes[row, column], 12, 2, 3)
    np.testing.assert_allclose(posterior[spoke], em(votes[spoke], 2, 3), atol=1e-9)
    assert ((value >= 0) & (value <= 1)).all()
