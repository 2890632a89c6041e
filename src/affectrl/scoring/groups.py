"""Scores by group, and the difference to another system: the same columns, summed over other clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from affectrl.errors import UsageError
from affectrl.metrics.gaps import gap
from affectrl.metrics.intervals import Estimate, bootstrap_sums, clusters, paired_bootstrap_sums
from affectrl.scoring.align import Pairs, Side
from affectrl.scoring.files import is_blank
from affectrl.scoring.task import Fields, Floats, Scorer

MOST_GROUPS = 1_000
SPEAKER = "speaker"
NO_VALUE = "(none)"


def estimates(
    columns: Floats, scorer: Scorer, groups: Sequence[str] | None, *, resamples: int, seed: int, heads: bool = False
) -> dict[str, Estimate]:
    """Each score with its interval, which is NaN when no resamples are asked for."""
    names = scorer.names[: scorer.heads] if heads else scorer.names

    def statistic(sums: Floats) -> Floats:
        return scorer.statistic(sums)[:, : len(names)]

    if not resamples:
        with np.errstate(invalid="ignore", divide="ignore"):
            values = statistic(columns.sum(0, keepdims=True))[0]
        nan = float("nan")
        return {name: Estimate(float(v), nan, nan, len(columns)) for name, v in zip(names, values, strict=True)}
    found = bootstrap_sums(columns, statistic, groups=groups, n_resamples=resamples, seed=seed)
    assert isinstance(found, list), "a statistic of several scores gives several estimates"
    return dict(zip(names, found, strict=True))


def speakers(reference: Side) -> list[str] | None:
    """The speaker of each clip, when the reference knows all of them and they are enough to be drawn whole."""
    if SPEAKER not in reference.table.columns:
        return None
    return clusters([None if is_blank(cell) else str(cell) for cell in reference.cells(SPEAKER)])


def values_of(pairs: Pairs, column: str) -> list[str]:
    """The group of each clip, from the reference or else from the predictions.

    Raises:
        UsageError: ``score_by``: neither has the column, or it has too many values to be groups.
    """
    sides = [side for side in (pairs.reference, pairs.predictions[0]) if column in side.table.columns]
    if not sides:
        there = sorted({name for side in (pairs.reference, pairs.predictions[0]) for name in side.table.columns})
        raise UsageError(
            f"neither file has a column {column!r} to group by.",
            code="score_by",
            hint=f"They have: {', '.join(there)}.",
        )
    values = [_group(cell) for cell in sides[0].cells(column)]
    if len(set(values)) > MOST_GROUPS:
        raise UsageError(
            f"the column {column!r} has {len(set(values))} values, more than the {MOST_GROUPS} that make groups.",
            code="score_by",
            hint="Group by speaker, group or another column that several clips share.",
        )
    return values


def _group(cell: Any) -> str:
    if isinstance(cell, list | tuple):
        cell = ", ".join(map(str, cell))
    return NO_VALUE if is_blank(cell) else str(cell)


def by_group(
    columns: Floats,
    scorer: Scorer,
    column: str,
    values: Sequence[str],
    drawn: Sequence[str] | None,
    *,
    resamples: int,
    seed: int,
) -> Fields:
    """The head scores of each group with intervals, the group whose main score is lowest, and the gap to the best.

    Speakers are drawn whole inside a group when it holds enough of them.
    """
    groups: Fields = {}
    places: dict[str, list[int]] = {}
    for place, value in enumerate(values):
        places.setdefault(value, []).append(place)
    for value in sorted(places):
        inside = places[value]
        units = clusters([drawn[i] for i in inside]) if drawn is not None and column != SPEAKER else None
        found = estimates(columns[inside], scorer, units, resamples=resamples, seed=seed, heads=True)
        scores: Fields = {name: e.value for name, e in found.items()}
        groups[value] = {
            "n": len(inside),
            "scores": scores,
            "intervals": {name: {"low": e.low, "high": e.high} for name, e in found.items()},
        }
    main = scorer.names[0]
    told = {value: group["scores"][main] for value, group in groups.items() if not np.isnan(group["scores"][main])}
    worst = min(told, key=lambda value: told[value]) if told else None
    return {
        "column": column,
        "groups": groups,
        "worst": worst,
        "gap": _gap(columns, scorer, column, values, drawn, resamples, seed),
    }


def _gap(
    columns: Floats,
    scorer: Scorer,
    column: str,
    values: Sequence[str],
    drawn: Sequence[str] | None,
    resamples: int,
    seed: int,
) -> Fields | None:
    people = None if column == SPEAKER else drawn
    found = gap(columns, _one_score(scorer, 0), values, people, resamples=resamples, seed=seed) if resamples else None
    if found is None:
        return None
    return {
        "best": found.best,
        "worst": found.worst,
        "difference": found.gap.value,
        "low": found.gap.low,
        "high": found.gap.high,
        "p_value": found.p_value,
        "units": found.units,
    }


def difference(
    columns: Floats, other: Floats, scorer: Scorer, drawn: Sequence[str] | None, *, resamples: int, seed: int
) -> Fields:
    """How much better the first columns are than the other: each head score's difference, interval and p-value."""
    from affectrl.metrics.comparison import swap_test

    names = scorer.names[: scorer.heads]

    def heads(sums: Floats) -> Floats:
        return scorer.statistic(sums)[:, : len(names)]

    before = estimates(other, scorer, drawn, resamples=0, seed=seed, heads=True)
    found = paired_bootstrap_sums(other, columns, heads, groups=drawn, n_resamples=max(resamples, 1), seed=seed)
    assert isinstance(found, list), "a statistic of several scores gives several estimates"
    told: Fields = {}
    for at, (name, estimate) in enumerate(zip(names, found, strict=True)):
        p_value, units = swap_test(other, columns, _one_score(scorer, at), groups=drawn, seed=seed)
        told[name] = {
            "other": before[name].value,
            "difference": estimate.value,
            "low": estimate.low if resamples else float("nan"),
            "high": estimate.high if resamples else float("nan"),
            "p_value": p_value,
            "n_differ": units,
        }
    return told


def _one_score(scorer: Scorer, at: int) -> Callable[[Floats], Floats]:
    return lambda sums: scorer.statistic(sums)[:, at]
