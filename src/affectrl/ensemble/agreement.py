"""How far the voters agree: k-of-n tables, kappas of pairs, alpha; over labels, or over groups of words for lists."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from affectrl.ensemble.judged import Known, groups, panel
from affectrl.ensemble.opinions import Floats, Ints, Opinions
from affectrl.metrics.agreement import alpha_of_counts, kappa_of_codes

_AT_ONCE = 50_000
"""Clips whose panel is held at a time."""


@dataclass(frozen=True)
class Agreement:
    """How far M voters agree on N clips."""

    counts: tuple[float, ...]
    """Clips whose most frequent label has k votes, for k = 0 (nobody voted) to M; a mean over wheels."""
    kappa: Floats
    """``(M, M)``: Cohen's kappa of each pair over the clips on which both voted; over wheels the mean."""
    alpha: float
    """Krippendorff's nominal alpha of all; over wheels the mean."""
    over: str
    """``labels``, or ``groups``: of the first word of each list, over the emotion wheels."""
    twins: tuple[tuple[str, ...], ...] = field(default=())
    """Voters who gave the same label to every clip: they count double."""

    @property
    def shares(self) -> tuple[float, ...]:
        """The counts over all clips."""
        whole = sum(self.counts)
        return tuple(count / whole if whole else float("nan") for count in self.counts)


def agreement(opinions: Opinions, known: Known) -> Agreement:
    """The agreement of voters.

    Lists: for k of n a voter backs each group that a word on its list belongs to, and k is that of the group that most
    back; kappa and alpha take the group of the first word that the wheel knows. All are means over the wheels.
    """
    twins = _twins(opinions)
    if not opinions.lists:
        counts, pairs = np.zeros(opinions.m + 1), opinions.candidates
        most = np.zeros(opinions.n)
        np.maximum.at(most, pairs.clip, pairs.votes)
        counts[:] = np.bincount(most.astype(np.int64), minlength=opinions.m + 1)
        alpha = alpha_of_counts(_label_counts(opinions.codes, opinions.k))
        return Agreement(tuple(counts.tolist()), kappa_of_codes(opinions.codes), alpha, "labels", twins)
    found = groups(opinions.labels, known)
    wheels = range(len(known.space.wheels))
    counts = np.zeros(opinions.m + 1)
    for start in range(0, opinions.n, _AT_ONCE):
        part = opinions.pick(np.arange(start, min(start + _AT_ONCE, opinions.n)))
        backed = panel(part, found).sum(1)
        for w in wheels:
            on = backed[:, found.wheel == w]
            most = on.max(1) if on.shape[1] else np.zeros(len(on), dtype=np.int64)
            counts += np.bincount(most, minlength=opinions.m + 1) / len(wheels)
    codes = [_first_groups(opinions, found.of_label[:, w]) for w in wheels]
    kappa = np.nanmean([kappa_of_codes(c) for c in codes], axis=0)
    alpha = float(np.nanmean([alpha_of_counts(_label_counts(c, found.n)) for c in codes]))
    return Agreement(tuple(counts.tolist()), kappa, alpha, "groups", twins)


def _first_groups(opinions: Opinions, of_label: Ints) -> Ints:
    """``(N, M)``: the group of the first word of each ballot that the wheel knows; -1 where there is none."""
    at = of_label[opinions.label]
    known = np.flatnonzero(at >= 0)
    known = known[np.argsort(-opinions.rank[known], kind="stable")]
    codes = np.full((opinions.n, opinions.m), -1, dtype=np.int64)
    # Of several assignments to one cell the last one stays: that of the lowest rank.
    codes[opinions.clip[known], opinions.voter[known]] = at[known]
    return codes


def _label_counts(codes: Ints, k: int) -> Floats:
    """``(N, K)``: voters for each label."""
    counts = np.zeros((len(codes), max(k, 1)))
    for column in codes.T:
        spoke = column >= 0
        counts[np.flatnonzero(spoke), column[spoke]] += 1
    return counts


def _twins(opinions: Opinions) -> tuple[tuple[str, ...], ...]:
    if opinions.lists:
        return ()
    found: dict[bytes, list[str]] = {}
    for m, name in enumerate(opinions.voters):
        found.setdefault(opinions.codes[:, m].tobytes(), []).append(name)
    return tuple(tuple(names) for names in found.values() if len(names) > 1)


def accuracy_by_votes(
    opinions: Opinions, winners: Ints, truth: Ints, counted: NDArray[np.bool_]
) -> list[tuple[int, int, float]]:
    """For each k from 0 to M: the clips whose most frequent label has k votes, and the share whose winner is right.

    Args:
        opinions: The ballots.
        winners: ``(N,)``: the label that won; -1 where nobody voted.
        truth: ``(N,)``: the reference's; -1 for a label that nobody gave.
        counted: ``(N,)``: the clips that count.
    """
    pairs = opinions.candidates
    most = np.zeros(opinions.n)
    np.maximum.at(most, pairs.clip, pairs.votes)
    right = (winners == truth) & (truth >= 0)
    rows = []
    for k in range(opinions.m + 1):
        here = (most == k) & counted
        rows.append((k, int(here.sum()), float(right[here].mean()) if here.any() else float("nan")))
    return rows
