"""Dawid and Skene's model: how often each voter takes which label for which, learned without a reference.

Dawid and Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm", 1979; crowd-kit does
the work. One label a ballot: over the labels. Lists: over the groups of the emotion wheels, each a yes or no of its own
(binary relevance), for which a voter who spoke and did not name a group has said no.
"""

from __future__ import annotations

import numpy as np

from affectrl.ensemble.judged import Known, Ruling, groups, panel
from affectrl.ensemble.opinions import Floats, Ints, Opinions
from affectrl.errors import UsageError

ABOUT = "Dawid-Skene: voters' confusions learned by EM, without a reference (crowd-kit)"
LEARNS = False
ITERATIONS = 100
"""Most steps of EM; it ends sooner when the bound grows by less than 1e-5 a vote."""


def vote(opinions: Opinions, known: Known) -> Ruling:
    """The probability of each label, or the mean over wheels of that of its group.

    Raises:
        UsageError: ``package_missing``: crowd-kit cannot be imported.
    """
    pairs = opinions.candidates
    if not opinions.lists:
        row, column = np.nonzero(opinions.spoke)
        probability = posterior(row, column, opinions.codes[row, column], opinions.n, opinions.k, ITERATIONS)
        return Ruling(probability[pairs.clip, pairs.label])
    found = groups(opinions.labels, known)
    said = panel(opinions, found)
    row, column = np.nonzero(opinions.spoke)
    probability = np.zeros((opinions.n, found.n))
    for g in range(found.n):
        votes = said[row, column, g].astype(np.int64)
        probability[:, g] = posterior(row, column, votes, opinions.n, 2, ITERATIONS)[:, 1]
    return Ruling(found.mean(probability, pairs, pairs.votes / opinions.cast[pairs.clip]))


def posterior(clip: Ints, voter: Ints, label: Ints, n: int, k: int, iterations: int) -> Floats:
    """``(N, K)``: the probability of each label given all votes; 0 for a clip without one.

    Args:
        clip: ``(V,)``, one entry a vote.
        voter: Likewise.
        label: Likewise, from 0 to K - 1.
        n: Clips.
        k: Labels.
        iterations: Most steps of EM.
    """
    try:
        from affectrl.ensemble.rules._sparse_steps import SparseDawidSkene
    except ImportError as error:
        raise UsageError(
            "the rule dawid-skene needs crowd-kit.", code="package_missing", hint="pip install crowd-kit"
        ) from error
    import pandas as pd

    found = SparseDawidSkene(n_iter=iterations).fit_predict_proba(
        pd.DataFrame({"task": clip, "worker": voter, "label": label})
    )
    table = np.zeros((n, k))
    table[np.ix_(found.index.to_numpy(), found.columns.to_numpy())] = found.to_numpy()
    return table
