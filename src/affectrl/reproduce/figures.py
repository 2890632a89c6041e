"""Figures of variants over seeds, and what they say about a claim.

Two things make a figure uncertain: which clips it was taken on, and with which seed the model was trained. For each we
take Student's half-width (the mean over seeds when clips or whole speakers are drawn again, the same for all seeds; and
the spread between seeds with one degree of freedom less than there are seeds) and add the two as squares. A single
Welch-Satterthwaite interval would be narrower, and with two or three seeds that differ much it calls up to 10 % of
equal variants different; this one 0 to 4 % (simulated, 2 to 5 seeds). Differences are paired: same seeds, same clips.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev, variance
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from affectrl.evaluation.columns import Metric, aligned, columns
from affectrl.evaluation.evaluate import Row
from affectrl.metrics.intervals import clusters, resample_scores

RESAMPLES = 2000
LEVEL = 0.95
Verdict = Literal["holds", "does not hold", "within noise", "one seed", "not run"]
Answers = Mapping[tuple[str, int], Sequence[Row]]
"""Rows of each run on one set of clips, by variant and seed."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A score of a variant, or a difference of two, over seeds."""

    by_seed: dict[int, float]
    low: float
    high: float
    n: int
    """Clips."""
    groups: int | None
    """Speakers, when they were drawn whole."""

    @property
    def mean(self) -> float:
        """Over seeds."""
        return fmean(self.by_seed.values())

    @property
    def sd(self) -> float:
        """Between seeds; NaN for one."""
        return stdev(self.by_seed.values()) if len(self.by_seed) > 1 else math.nan

    @property
    def verdict(self) -> Verdict:
        """What a difference says about the claim that it is above zero."""
        if len(self.by_seed) < 2:
            return "one seed"
        if math.isnan(self.low) or self.low <= 0 <= self.high:
            return "within noise"
        return "holds" if self.low > 0 else "does not hold"


@dataclass(frozen=True, slots=True)
class Scores:
    """One column of a table: every run on the clips that all of them have."""

    values: dict[tuple[str, int], float]
    resampled: dict[tuple[str, int], NDArray[np.float64]]
    """Shape ``(R,)`` each; all drawn alike."""
    n: int
    groups: int | None
    most: float = 1.0
    """The highest value there is; the lowest is 0."""

    def figure(self, variant: str) -> Figure | None:
        """A variant's score; ``None`` when it has no run."""
        seeds = [seed for name, seed in self.values if name == variant]
        figure = self._over({s: self.values[variant, s] for s in seeds}, [self.resampled[variant, s] for s in seeds])
        if figure is None or math.isnan(figure.low):
            return figure
        # Student's interval does not know that scores end somewhere.
        return replace(figure, low=max(0.0, figure.low), high=min(self.most, figure.high))

    def difference(self, better: str, than: str) -> Figure | None:
        """``better`` minus ``than`` over the seeds that both have; ``None`` when there is none."""
        seeds = [s for name, s in self.values if name == better and (than, s) in self.values]
        values = {s: self.values[better, s] - self.values[than, s] for s in seeds}
        return self._over(values, [self.resampled[better, s] - self.resampled[than, s] for s in seeds])

    def _over(self, values: dict[int, float], drawn: list[NDArray[np.float64]]) -> Figure | None:
        if not values:
            return None
        units = self.n if self.groups is None else self.groups
        low, high = spread(list(values.values()), np.mean(drawn, axis=0), units)
        return Figure(values, low, high, self.n, self.groups)


def spread(values: Sequence[float], drawn: NDArray[np.float64], units: int) -> tuple[float, float]:
    """The interval of a mean over seeds.

    Args:
        values: One a seed.
        drawn: ``(R,)``: the mean over seeds in every resample of the clips.
        units: Clips or speakers that were drawn.

    Returns:
        Its bounds; NaN when fewer than two units were drawn. One seed: the clips' part alone.
    """
    from scipy.stats import t

    drawn = drawn[np.isfinite(drawn)]
    if units < 2 or len(drawn) < 2:
        return math.nan, math.nan
    seeds, middle = len(values), (1 + LEVEL) / 2
    half = float(t.ppf(middle, units - 1)) ** 2 * float(np.var(drawn, ddof=1))
    if seeds > 1:
        half += float(t.ppf(middle, seeds - 1)) ** 2 * variance(values) / seeds
    return fmean(values) - math.sqrt(half), fmean(values) + math.sqrt(half)


def score(answers: Answers, metric: Metric) -> Scores | None:
    """Score runs on the clips that all of them have; ``None`` when there is no such clip with a reference.

    Args:
        answers: Rows by variant and seed. A clip that could not be read, or has no reference, does not count.
        metric: Which score.
    """
    runs = aligned(answers)
    first = next(iter(runs.values()), [])
    if not first:
        return None
    groups = clusters([row["speaker"] for row in first])
    statistic, tables = columns(metric, list(runs.values()))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = [float(np.asarray(statistic(t.sum(0, keepdims=True)))[0]) for t in tables]
    drawn = resample_scores(tables, statistic, groups, RESAMPLES, seed=0)
    return Scores(
        dict(zip(runs, values, strict=True)),
        dict(zip(runs, drawn, strict=True)),
        len(first),
        None if groups is None else len(set(groups)),
        math.inf if metric == "labels" else 1.0,
    )
