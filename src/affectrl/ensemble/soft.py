"""Voters' probabilities over a closed set of labels, and their weighted sums."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from affectrl.ensemble.opinions import Floats, Ints, Opinions


@dataclass(frozen=True)
class Soft:
    """Voters that are fused, and how their ballots become probabilities.

    Args:
        opinions: Ballots of one label.
        voters: Indices of the voters that take part.
        top_n: Labels kept of each voter's probabilities; ``None`` for all.
        spread: What confidence leaves over goes evenly to the labels that a voter did not choose.
    """

    opinions: Opinions
    voters: tuple[int, ...]
    top_n: int | None = None
    spread: bool = True

    def but(self, **changes: Any) -> Soft:
        """With other settings."""
        return replace(self, **changes)

    def table(self, voter: int) -> Floats:
        """``(N, K)``: a voter's probabilities."""
        return probabilities(self.opinions, voter, top_n=self.top_n, spread=self.spread)


@dataclass(frozen=True)
class Fused:
    """What a fusion says."""

    value: Floats
    """``(N, K)``, at least 0: how far each label is backed; the highest wins."""
    weights: dict[str, float] | None = None
    """Voter -> the weight that was learned for it, mean over folds, summing to 1."""


def probabilities(opinions: Opinions, voter: int, *, top_n: int | None = None, spread: bool = True) -> Floats:
    """``(N, K)``: a voter's probability of each label; zeros where it abstains.

    Where it told scores, those; divided by their sum where that is above 1. Else its confidence (1 where none is told)
    on its label. With ``spread`` what is left over goes evenly to the labels of which it told nothing.

    Args:
        opinions: Ballots of one label.
        voter: Which.
        top_n: Keep this many of the highest, and set the others to 0 (of equal ones the alphabetically first).
        spread: See above.
    """
    n, k = opinions.n, opinions.k
    mine = (opinions.voter == voter) & (opinions.rank == 0)
    clip, label = opinions.clip[mine], opinions.label[mine]
    confidence = np.where(np.isnan(opinions.confidence[mine]), 1.0, opinions.confidence[mine])
    table = np.zeros((n, k))
    if spread and k > 1:
        table[clip] = ((1 - confidence) / (k - 1))[:, None]
    table[clip, label] = confidence
    told = opinions.scores.get(voter)
    if told is not None:
        scores, silent = np.nan_to_num(told.astype(float)), np.isnan(told)
        whole = scores.sum(1)
        scores /= np.maximum(whole, 1.0)[:, None]
        if spread:
            left, n_silent = np.maximum(1.0 - whole, 0.0), silent.sum(1)
            scores += np.where(silent, np.divide(left, n_silent, out=left, where=n_silent > 0)[:, None], 0.0)
        use = (whole > 0) & opinions.spoke[:, voter]
        table[use] = scores[use]
    if top_n is not None and top_n < k:
        # A stable sort of the negated values keeps equal labels in alphabetical order.
        out = np.argsort(-table, axis=1, kind="stable")[:, top_n:]
        np.put_along_axis(table, out, 0.0, axis=1)
    return table


def weighted(soft: Soft, weight: Floats | None) -> Floats:
    """``(N, K)``: the sum of weighted probabilities over the weight of those who spoke; zeros where nobody did.

    Args:
        soft: The voters.
        weight: ``(N, M')``, one column a voter that takes part; ``None``: all alike.
    """
    o = soft.opinions
    total = np.zeros((o.n, o.k))
    whole = np.zeros(o.n)
    for column, voter in enumerate(soft.voters):
        w = np.ones(o.n) if weight is None else weight[:, column]
        total += soft.table(voter) * w[:, None]
        whole += w * o.spoke[:, voter]
    return np.divide(total, whole[:, None], out=total, where=whole[:, None] > 0)


def right(soft: Soft, truth: Ints) -> Any:
    """``(N, M')``: whether each voter's highest probability is on the true label; an abstention is wrong."""
    columns = [(soft.table(m).argmax(1) == truth) & soft.opinions.spoke[:, m] for m in soft.voters]
    return np.stack(columns, axis=1) & (truth >= 0)[:, None]


def probability_of(soft: Soft, truth: Ints) -> Floats:
    """``(N, M')``: each voter's probability of the true label; 0 where nobody ever gave that label."""
    rows = np.arange(soft.opinions.n)
    columns = [soft.table(m)[rows, truth] for m in soft.voters]
    return np.stack(columns, axis=1) * (truth >= 0)[:, None]


def mean_weights(soft: Soft, weight: Floats) -> dict[str, float]:
    """Voter -> mean over folds of ``(F, M')``, scaled to a sum of 1."""
    mean = weight.mean(0)
    mean = mean / mean.sum() if mean.sum() else mean
    return dict(zip((soft.opinions.voters[m] for m in soft.voters), mean.tolist(), strict=True))
