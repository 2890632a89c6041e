"""How sure a score is: percentile bootstrap over clips or whole speakers, paired differences, and an exact test.

Clips of one speaker resemble each other, so resampling clips alone gives intervals that are too narrow; pass the
speakers as ``groups`` and whole speakers are drawn. That needs several of them: :func:`clusters` decides. Same seed,
same interval. :func:`bootstrap_sums` serves every score that is a function of sums over the clips, and
:func:`bootstrap` hands it the scores listed in :data:`affectrl.metrics.classification.OF_COUNTS` as confusion counts
(2,000 resamples of 500 clips take tens of milliseconds); any other statistic is called once a resample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affectrl.errors import UsageError
from affectrl.metrics.classification import OF_COUNTS, Counts, cells, classes
from affectrl.metrics.resampling import Floats, as_table, draw_units, number_units, resampled_sums, unit_sums

OfSums = Callable[[Floats], NDArray[Any]]
"""Sums over the drawn clips ``(R, C)`` to one score a resample ``(R,)``, or to several ``(R, S)``."""

MIN_CLUSTERS = 5
"""Fewest speakers that are drawn whole.

In simulation (30 clips each, accuracies that differ by 0.05 to 0.2 between speakers) intervals that aim at 95 % and
draw speakers cover 82 to 93 % from five speakers on, those that draw clips 54 to 93 %; with two to four speakers
neither can be trusted, and drawing clips at least does not pretend to know the speakers' spread.
"""

_MOST_COUNTS = 20_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A score with its interval. ``low`` and ``high`` are NaN when fewer than two units can be resampled."""

    value: float
    low: float
    high: float
    n: int
    """Clips that the score rests on."""
    groups: int | None = None
    """Speakers (or other groups) that were resampled whole; ``None`` when clips were."""

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval; False when there is none."""
        return bool(self.low > 0 or self.high < 0)

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    @property
    def signed(self) -> str:
        """The same with signs, as differences are written."""
        return f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Exact McNemar test of two sets of answers to the same clips."""

    p_value: float
    """Two-sided; 1.0 when the two never differ in being right."""
    fixed: int
    """Clips that ``a`` got wrong and ``b`` right."""
    broken: int
    """Clips that ``a`` got right and ``b`` wrong."""


def clusters(speakers: Sequence[str | None], least: int = MIN_CLUSTERS) -> list[str] | None:
    """The speakers as bootstrap groups, or ``None`` (resample clips) when one is unknown or there are too few."""
    known = [s for s in speakers if s is not None]
    return known if len(known) == len(speakers) and len(set(known)) >= least else None


def bootstrap(
    statistic: Callable[..., float],
    *columns: Sequence[Any],
    groups: Sequence[Any] | None = None,
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """``statistic(*columns)`` with a percentile bootstrap interval.

    Args:
        statistic: Takes the columns, resampled alike, and gives a float. NaN in a resample is left out of the interval.
        columns: Equally long sequences, one entry a clip.
        groups: One entry a clip; clips of one group are drawn together. ``None`` draws clips.
        n_resamples: Resamples drawn.
        level: Coverage aimed at, in (0, 1).
        seed: Seed of the draws.

    Returns:
        The score of the data itself and its interval; all NaN when the columns are empty.

    Raises:
        UsageError: Columns of different length, or a level outside (0, 1).
    """
    n = _common_length(columns, groups, level)
    value = float(statistic(*columns)) if n else float("nan")
    of_counts = OF_COUNTS.get(statistic) if len(columns) == 2 else None
    if of_counts is not None and n and _is_compact(columns[0], n_resamples):
        table = confusion_columns(columns[0], columns[1])
        (scores,) = resample_scores([table], of_confusion(of_counts), groups, n_resamples, seed)
    else:
        scores = _call_each(statistic, columns, groups, n_resamples, seed)
    return interval_of(value, scores, n, groups, level)


def bootstrap_sums(
    columns: ArrayLike,
    statistic: OfSums,
    *,
    groups: Sequence[Any] | None = None,
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate | list[Estimate]:
    """A score that is a function of sums over the clips, with a percentile bootstrap interval.

    A mean is ``bootstrap_sums(np.c_[x, np.ones(len(x))], lambda s: s[:, 0] / s[:, 1])``; a ratio of two columns, an F
    of two means and the like are as easy. 100,000 clips take well under a second (see
    :mod:`affectrl.metrics.resampling` for how, and for the one approximation).

    Args:
        columns: Shape ``(N, C)`` (or ``(N,)`` for one), finite. A clip that does not count holds 0 everywhere.
        statistic: Takes the sums of each column over the drawn clips, ``(R, C)``, and gives ``(R,)`` or ``(R, S)``.
            How many clips count is the sum of a column of ones: drawn groups differ in size, so never divide by N.
            NaN in a resample is left out of the interval.
        groups: One entry a clip; clips of one group are drawn together. ``None`` draws clips.
        n_resamples: Resamples drawn.
        level: Coverage aimed at, in (0, 1).
        seed: Seed of the draws.

    Returns:
        An estimate, or a list of S for a statistic of S scores. All NaN when there are no clips.

    Raises:
        UsageError: Columns that are no finite table, other lengths, or a level outside (0, 1).
    """
    return _estimates_of_sums([as_table(columns)], statistic, groups, n_resamples, level, seed)


def paired_bootstrap_sums(
    a: ArrayLike,
    b: ArrayLike,
    statistic: OfSums,
    *,
    groups: Sequence[Any] | None = None,
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate | list[Estimate]:
    """``statistic`` of ``b`` minus that of ``a`` with its interval; both see the same clips in every resample.

    Args:
        a: Columns of the first system, as in :func:`bootstrap_sums`.
        b: Columns of the second on the same clips in the same order.
        statistic: As in :func:`bootstrap_sums`.
        groups: As in :func:`bootstrap_sums`, and so are the rest.
        n_resamples: Resamples drawn.
        level: Coverage aimed at.
        seed: Seed of the draws.

    Raises:
        UsageError: As :func:`bootstrap_sums`.
    """
    return _estimates_of_sums([as_table(a), as_table(b)], statistic, groups, n_resamples, level, seed)


def paired_bootstrap(
    statistic: Callable[..., float],
    truth: Sequence[Any],
    a: Sequence[Any],
    b: Sequence[Any],
    groups: Sequence[Any] | None = None,
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """``statistic(truth, b) - statistic(truth, a)`` with its interval; both see the same clips in every resample.

    Raises:
        UsageError: As :func:`bootstrap`.
    """
    n = _common_length((truth, a, b), groups, level)

    def difference(truth: Sequence[Any], a: Sequence[Any], b: Sequence[Any]) -> float:
        return float(statistic(truth, b)) - float(statistic(truth, a))

    value = difference(truth, a, b) if n else float("nan")
    of_counts = OF_COUNTS.get(statistic)
    if of_counts is not None and n and _is_compact(truth, n_resamples):
        tables = [confusion_columns(truth, answers) for answers in (a, b)]
        before, after = resample_scores(tables, of_confusion(of_counts), groups, n_resamples, seed)
        scores = after - before
    else:
        scores = _call_each(difference, (truth, a, b), groups, n_resamples, seed)
    return interval_of(value, scores, n, groups, level)


def mcnemar(truth: Sequence[Any], a: Sequence[Any], b: Sequence[Any]) -> PairedTest:
    """Whether ``b`` is right more (or less) often than ``a`` on the same clips, by the exact binomial test.

    Only clips on which exactly one of them is right count; under no difference each side is as likely. Clips are taken
    as independent, so with few speakers read the clustered interval first.

    Raises:
        UsageError: Columns of different length.
    """
    from scipy.stats import binomtest

    _common_length((truth, a, b), None, 0.95)
    right = [(t == x, t == y) for t, x, y in zip(truth, a, b, strict=True)]
    fixed, broken = right.count((False, True)), right.count((True, False))
    p_value = float(binomtest(fixed, fixed + broken, 0.5).pvalue) if fixed + broken else 1.0
    return PairedTest(p_value, fixed, broken)


def _common_length(columns: Sequence[Sequence[Any] | Floats], groups: Sequence[Any] | None, level: float) -> int:
    lengths = {len(c) for c in columns} | ({len(groups)} if groups is not None else set())
    if len(lengths) != 1:
        raise UsageError(
            f"the columns have different lengths: {sorted(lengths)}.",
            code="metric_lengths",
            hint="Give one entry for each clip in each column.",
        )
    if not 0 < level < 1:
        raise UsageError(f"an interval of level {level:g} does not exist.", code="metric_level", hint="Use e.g. 0.95.")
    return lengths.pop()


def _is_compact(truth: Sequence[Any], n_resamples: int) -> bool:
    """Whether all confusion counts fit into memory at once; open vocabularies have hundreds of classes."""
    k = len(classes(truth))
    return k * (k + 1) * max(len(truth), n_resamples) <= _MOST_COUNTS


def confusion_columns(truth: Sequence[str], pred: Sequence[str | None], labels: Sequence[str] | None = None) -> Floats:
    """Each clip's cell of the confusion matrix as columns for :func:`bootstrap_sums`: ``(N, K (K + 1))``, one 1 a row.

    Args:
        truth: References.
        pred: Answers, ``None`` for an unparsed one.
        labels: The K classes; default: those of the reference, sorted.

    Raises:
        UsageError: As :func:`affectrl.metrics.classification.cells`.
    """
    labels = classes(truth) if labels is None else labels
    columns = np.zeros((len(truth), len(labels) * (len(labels) + 1)))
    columns[np.arange(len(truth)), cells(truth, pred, labels)] = 1.0
    return columns


def of_confusion(of_counts: Callable[[Counts], Counts]) -> OfSums:
    """A score of confusion counts, e.g. ``uar_of_counts``, as a statistic of :func:`confusion_columns`' sums."""

    def of_sums(sums: Floats) -> Counts:
        # K (K + 1) cells: the root lies between K and K + 1.
        k = int(np.sqrt(sums.shape[1]))
        return of_counts(sums.reshape(-1, k, k + 1))

    return of_sums


def resample_scores(
    tables: list[Floats], statistic: OfSums, groups: Sequence[Any] | None, n_resamples: int, seed: int
) -> list[NDArray[Any]]:
    """The statistic of each table ``(N, C)`` in every resample, ``(R,)`` or ``(R, S)`` each; all are drawn alike."""
    width = tables[0].shape[1]
    units = unit_sums(np.hstack(tables), groups)
    found: list[list[NDArray[Any]]] = [[] for _ in tables]
    with np.errstate(divide="ignore", invalid="ignore"):
        for sums in resampled_sums(units, n_resamples, seed):
            for at, scores in enumerate(found):
                scores.append(np.asarray(statistic(sums[:, at * width : (at + 1) * width]), dtype=float))
    return [np.concatenate(scores) for scores in found]


def _estimates_of_sums(
    tables: list[Floats], statistic: OfSums, groups: Sequence[Any] | None, n_resamples: int, level: float, seed: int
) -> Estimate | list[Estimate]:
    """Of one table its estimates, of two those of the second minus the first."""
    n = _common_length(tables, groups, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = [np.asarray(statistic(t.sum(0, keepdims=True)), dtype=float)[0] for t in tables]
    scores = (
        resample_scores(tables, statistic, groups, n_resamples, seed)
        if n
        else [np.full((1, *v.shape), np.nan) for v in values]
    )
    value, drawn = (values[0], scores[0]) if len(tables) == 1 else (values[1] - values[0], scores[1] - scores[0])
    if not n:
        value = np.full_like(value, np.nan)
    if value.ndim == 0:
        return interval_of(float(value), drawn, n, groups, level)
    return [interval_of(float(v), drawn[:, i], n, groups, level) for i, v in enumerate(value)]


def _call_each(
    statistic: Callable[..., float],
    columns: Sequence[Sequence[Any]],
    groups: Sequence[Any] | None,
    n_resamples: int,
    seed: int,
) -> NDArray[np.float64]:
    n = len(columns[0])
    unit = number_units(n, groups)
    members = [np.flatnonzero(unit == u) for u in range(int(unit.max()) + 1)] if n and groups is not None else None
    n_units = len(members) if members is not None else n
    arrays = [c if isinstance(c, np.ndarray) else np.fromiter(c, dtype=object, count=n) for c in columns]
    scores = []
    for drawn in draw_units(n_units, n_resamples, seed) if n else ():
        for row in drawn:
            index = row if members is None else np.concatenate([members[u] for u in row])
            scores.append(float(statistic(*(a[index] for a in arrays))))
    return np.array(scores)


def interval_of(
    value: float, scores: NDArray[np.float64], n: int, groups: Sequence[Any] | None, level: float
) -> Estimate:
    """The interval between the quantiles of resampled scores ``(R,)``; what is not finite is left out."""
    n_groups = None if groups is None else len(set(groups))
    scores = scores[np.isfinite(scores)]
    if (n if n_groups is None else n_groups) < 2 or not len(scores):
        return Estimate(value, float("nan"), float("nan"), n, n_groups)
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), n, n_groups)
