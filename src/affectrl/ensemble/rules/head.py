"""A trained head: logistic regression from all ballots to the answer, learned on the other folds of the reference.

One label a ballot: from who said what to the class. Lists: one regression for all groups of the emotion wheels, from who
named the group, and how many, to whether the reference has it; its coefficients are the voters' learned weights.
"""

from __future__ import annotations

import numpy as np

from affectrl.ensemble.judged import Known, Ruling, groups, panel, truth_panel
from affectrl.ensemble.opinions import Floats, Ints, Opinions

ABOUT = "logistic regression over all ballots, learned on the other folds of the reference (scikit-learn)"
LEARNS = True
SHRINKAGE = 1.0
"""``C`` of scikit-learn: the inverse of the L2 penalty."""
STEPS = 500


def vote(opinions: Opinions, known: Known) -> Ruling:
    """The head's probability of each label that somebody named.

    Raises:
        UsageError: ``vote_reference``.
    """
    truth, fold = known.need_truth("head")
    return _lists(opinions, known, truth, fold) if opinions.lists else _single(opinions, truth, fold)


def _single(opinions: Opinions, truth: list[str] | object, fold: Ints) -> Ruling:
    from sklearn.linear_model import LogisticRegression

    codes = opinions.truth_codes(truth)  # type: ignore[arg-type]
    x = features(opinions)
    probability = np.zeros((opinions.n, opinions.k))
    for f in range(int(fold.max()) + 1):
        train = (fold != f) & (codes >= 0)
        test = fold == f
        classes = np.unique(codes[train])
        if len(classes) < 2:
            probability[np.ix_(test, classes)] = 1.0
            continue
        model = LogisticRegression(C=SHRINKAGE, max_iter=STEPS).fit(x[train], codes[train])
        probability[np.ix_(np.flatnonzero(test), model.classes_)] = model.predict_proba(x[test])
    pairs = opinions.candidates
    return Ruling(probability[pairs.clip, pairs.label])


def features(opinions: Opinions) -> Floats:
    """``(N, M K)``: a voter's probability of each label where it told them, else 1 (or its confidence) for the one."""
    from affectrl.ensemble.soft import probabilities

    return np.concatenate([probabilities(opinions, m, spread=False) for m in range(opinions.m)], axis=1)


def _lists(opinions: Opinions, known: Known, truth: object, fold: Ints) -> Ruling:
    from sklearn.linear_model import LogisticRegression

    found = groups(opinions.labels, known)
    said = panel(opinions, found)
    has, kept = truth_panel(truth, opinions.labels, known)  # type: ignore[arg-type]
    kept_group = kept[:, found.wheel]
    cast = np.maximum(opinions.cast, 1)
    probability = np.zeros((opinions.n, found.n))
    coefficients = []
    for f in range(int(fold.max()) + 1):
        train, test = np.flatnonzero(fold != f), np.flatnonzero(fold == f)
        rate = (has[train].sum(0) + 0.5) / (kept_group[train].sum(0) + 1.0)
        prior = np.log(rate / (1 - rate))

        def table(clips: Ints, prior: Floats = prior) -> Floats:
            votes = said[clips].transpose(0, 2, 1).astype(float)
            share = votes.sum(-1, keepdims=True) / cast[clips][:, None, None]
            base = np.broadcast_to(prior[None, :, None], (*votes.shape[:2], 1))
            return np.concatenate([votes, share, base], axis=-1)

        x, use = table(train), kept_group[train]
        model = LogisticRegression(C=SHRINKAGE, max_iter=STEPS).fit(x[use], has[train][use])
        coefficients.append(model.coef_[0, : opinions.m])
        flat = table(test).reshape(-1, x.shape[-1])
        probability[test] = model.predict_proba(flat)[:, 1].reshape(len(test), found.n)
    pairs = opinions.candidates
    mean = np.mean(coefficients, axis=0)
    value = found.mean(probability, pairs, pairs.votes / opinions.cast[pairs.clip])
    return Ruling(value, dict(zip(opinions.voters, mean.tolist(), strict=True)))
