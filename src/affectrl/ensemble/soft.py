"""Voters' probabilities over a closed set of labels, for fusion by sums."""

from __future__ import annotations

import numpy as np

from affectrl.ensemble.opinions import Floats, Opinions


def probabilities(opinions: Opinions, voter: int, *, top_n: int | None = None, spread: bool = True) -> Floats:
    """``(N, K)``: a voter's probability of each label; zeros where it abstains.

    Where it told scores, those, divided by their sum. Else its confidence (1 where none is told) on its label and, with
    ``spread``, the rest evenly on the others.

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
        scores = np.nan_to_num(told.astype(float))
        whole = scores.sum(1)
        use = (whole > 0) & opinions.spoke[:, voter]
        table[use] = scores[use] / whole[use, None]
    if top_n is not None and top_n < k:
        # A stable sort of the negated values keeps equal labels in alphabetical order.
        out = np.argsort(-table, axis=1, kind="stable")[:, top_n:]
        np.put_along_axis(table, out, 0.0, axis=1)
    return table
