"""How unequal a score is between groups of people: the worst group, the gap to the best, and whether it is luck.

The largest of several differences is never zero, and grows with the number of groups; so the gap comes with a
permutation test of its own (Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005): groups are dealt
anew to the speakers, or to the clips where a speaker is in several groups or speakers are few, and the gap found again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from affectrl.metrics.intervals import Estimate, OfSums, bootstrap_sums, clusters, interval_of, resample_scores
from affectrl.metrics.resampling import Floats, as_table

DEALS = 2000
LEAST = 5
"""Clips from which a group takes part in the gap."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Between groups of one score."""

    scores: dict[str, Estimate]
    """Of each group, its speakers drawn whole where there are enough."""
    best: str
    worst: str
    gap: Estimate
    """Best minus worst; the interval is of these two groups, each drawn by itself."""
    p_value: float
    """Share of the deals with a gap between any two groups that is as large; NaN with one group."""
    units: Literal["speakers", "clips"]
    """What was dealt. Of few speakers the smallest possible share is large."""


def gap(
    columns: ArrayLike,
    statistic: OfSums,
    values: Sequence[str],
    speakers: Sequence[str | None] | None = None,
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Gap | None:
    """The gap of a score between groups.

    Args:
        columns: Terms of the score, ``(N, C)``, as for :func:`~affectrl.metrics.intervals.bootstrap_sums`.
        statistic: Takes sums ``(R, C)`` and gives ``(R,)``; higher is better.
        values: The group of each clip.
        speakers: Of each clip, if known.
        resamples: Of the intervals.
        level: Coverage aimed at.
        seed: Of draws and deals.

    Returns:
        ``None`` where fewer than two groups have :data:`LEAST` clips and a score.
    """
    table = as_table(columns)
    names = np.asarray(values, dtype=object)
    scores: dict[str, Estimate] = {}
    drawn: dict[str, Floats] = {}
    for at, name in enumerate(sorted(set(values))):
        inside = np.flatnonzero(names == name)
        units = clusters([speakers[int(i)] for i in inside]) if speakers is not None else None
        # Seeds differ: groups are drawn independently of each other.
        found = bootstrap_sums(table[inside], statistic, groups=units, n_resamples=resamples, level=level, seed=seed)
        assert isinstance(found, Estimate)
        scores[name] = found
        (drawn[name],) = resample_scores([table[inside]], statistic, units, resamples, seed + 1 + at)
    told = [name for name, each in scores.items() if each.n >= LEAST and np.isfinite(each.value)]
    if len(told) < 2:
        return None
    best, worst = max(told, key=lambda n: scores[n].value), min(told, key=lambda n: scores[n].value)
    between = scores[best].value - scores[worst].value
    whole = clusters([s for s, v in zip(speakers, values, strict=True) if v in (best, worst)]) if speakers else None
    estimate = interval_of(between, drawn[best] - drawn[worst], scores[best].n + scores[worst].n, whole, level)
    p_value, kind = _luck(table, statistic, names, speakers, set(told), seed)
    return Gap(scores, best, worst, estimate, p_value, kind)


def _luck(
    table: Floats,
    statistic: OfSums,
    names: np.ndarray,
    speakers: Sequence[str | None] | None,
    told: set[str],
    seed: int,
) -> tuple[float, Literal["speakers", "clips"]]:
    kept = np.array([name in told for name in names])
    table, names = table[kept], names[kept]
    people = None if speakers is None else clusters([s for s, k in zip(speakers, kept, strict=True) if k])
    kind: Literal["speakers", "clips"] = "clips"
    units, of_unit = np.arange(len(table)), names
    if people is not None:
        order = {person: i for i, person in enumerate(dict.fromkeys(people))}
        own: list[set[str]] = [set() for _ in order]
        for person, name in zip(people, names, strict=True):
            own[order[person]].add(name)
        if all(len(groups) == 1 for groups in own):
            units, of_unit = np.array([order[p] for p in people]), np.array([min(g) for g in own], object)
            kind = "speakers"
    sums = np.zeros((len(of_unit), table.shape[1]))
    np.add.at(sums, units, table)
    numbers = np.unique(of_unit.astype(str), return_inverse=True)[1]
    draw = np.random.default_rng(seed)
    observed = _widest(sums, statistic, numbers)
    # The deal that happened counts as one of them.
    wide = sum(_widest(sums, statistic, draw.permutation(numbers)) >= observed - 1e-12 for _ in range(DEALS))
    return (1 + wide) / (1 + DEALS), kind


def _widest(sums: Floats, statistic: OfSums, numbers: np.ndarray) -> float:
    totals = np.zeros((numbers.max() + 1, sums.shape[1]))
    np.add.at(totals, numbers, sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.asarray(statistic(totals), float)
    return float(np.nanmax(scores) - np.nanmin(scores))
