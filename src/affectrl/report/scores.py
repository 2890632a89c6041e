"""Before against after: scores with intervals, what changed, and what may be said about it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from affectrl.errors import Note
from affectrl.metrics.calibration import ece, ece_interval
from affectrl.metrics.classification import (
    ClassScore,
    Statistic,
    classes,
    confusion,
    constant_reference,
    macro_f1,
    parse_rate,
    per_class,
    uar,
    war,
)
from affectrl.metrics.intervals import Estimate, PairedTest, bootstrap, clusters, mcnemar, paired_bootstrap
from affectrl.report.load import Prediction

MOST_CLASSES = 12
"""A confusion matrix wider than this cannot be read on a page."""


def _parse_rate(truth: Sequence[str], pred: Sequence[str | None]) -> float:
    return parse_rate(pred)


MEASURES: tuple[tuple[str, str, Statistic], ...] = (
    ("WAR", "share of clips answered right (accuracy)", war),
    ("UAR", "accuracy averaged over emotions, so that rare ones count as much", uar),
    ("Macro F1", "mean over emotions of the balance between finding them all and naming only them", macro_f1),
    ("Parse rate", "share of answers in the agreed form", _parse_rate),
)


@dataclass(frozen=True, slots=True)
class Score:
    """One line of the before/after table; what was not evaluated is ``None``."""

    name: str
    meaning: str
    before: Estimate | None
    after: Estimate | None
    difference: Estimate | None
    is_error: bool = False
    """Whether lower is better."""

    @property
    def change(self) -> str:
        """What the difference says, in words."""
        if self.difference is None:
            return "needs both evaluations"
        if math.isnan(self.difference.low):
            return "too little data to say"
        if not self.difference.excludes_zero:
            return "includes zero: no clear change"
        return "excludes zero: " + ("worse" if (self.difference.value > 0) == self.is_error else "better")


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One emotion, before and after."""

    label: str
    support: int
    """Clips whose reference it is."""
    before: ClassScore | None
    after: ClassScore | None


@dataclass(frozen=True, slots=True)
class WordRow:
    """One word of an open vocabulary: in how many references and answers it stands."""

    word: str
    references: int
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Matrix:
    """A confusion matrix ready to print."""

    title: str
    labels: list[str]
    counts: np.ndarray
    """Shape ``(K, K + 1)``, rows = reference."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The results part of a report."""

    scores: list[Score]
    n: int
    speakers: int
    by_speaker: bool
    """Whether whole speakers were resampled for the intervals."""
    beside: str
    """What the scores should be read with: above all, what answers earn that do not look at the clip."""
    test: PairedTest | None
    verdict: str
    notes: tuple[Note, ...]
    matrices: list[Matrix] = field(default_factory=list)
    labels: list[LabelRow] = field(default_factory=list)
    words: list[WordRow] = field(default_factory=list)
    """With an open vocabulary, in place of matrices and labels."""


def compare(
    before: list[Prediction], after: list[Prediction], *, seed: int = 0, algorithm: str = "RL"
) -> Comparison | None:
    """Score both evaluations over the clips that they share; ``None`` when no clip has a reference.

    Args:
        before: Answers after the cold start; may be empty.
        after: Answers at the end; may be empty.
        seed: Seed of the bootstrap.
        algorithm: What came between them.
    """
    first, last, notes = aligned(before, after)
    base = last or first
    if not base:
        return None
    truth = [p.reference or "" for p in base]
    groups = clusters([p.speaker for p in base])
    old, new = ([p.answer for p in side] if side else None for side in (first, last))
    scores = [paired_score(name, meaning, f, truth, old, new, groups, seed) for name, meaning, f in MEASURES]
    scores += _calibration(first, last, seed)
    test = mcnemar(truth, old, new) if old and new else None
    label, count = Counter(truth).most_common(1)[0]
    if constant_reference(truth):
        notes.append(Note("constant_reference", f"Every reference is {label!r}: no score below means anything."))
    if len(classes(truth)) > MOST_CLASSES:
        notes.append(Note("classes_cut", f"Confusion is shown for the {MOST_CLASSES} most frequent emotions only."))
    return Comparison(
        scores=scores,
        n=len(base),
        speakers=len({p.speaker for p in base if p.speaker}),
        by_speaker=groups is not None,
        beside=(
            f"For comparison: always answering “{label}” gives a WAR of {100 * count / len(truth):.1f} %, and any "
            f"answer that ignores the clip has a UAR of {100 / len(classes(truth)):.1f} %."
        ),
        test=test,
        verdict=verdict("Accuracy", scores[0], test, constant=constant_reference(truth), algorithm=algorithm),
        matrices=[_matrix(t, truth, p) for t, p in (("After the cold start", old), ("At the end", new)) if p],
        labels=_labels(truth, old, new),
        notes=tuple(notes),
    )


def aligned(before: list[Prediction], after: list[Prediction]) -> tuple[list[Prediction], list[Prediction], list[Note]]:
    """Both sides over the same clips in the same order, clips without a reference left out."""
    notes = []
    first, last = ({p.id: p for p in side if p.reference} for side in (before, after))
    without = len({p.id for p in [*before, *after]} - first.keys() - last.keys())
    if without:
        notes.append(Note("no_reference", f"{without} clips have no reference label and were not scored."))
    if first and last and first.keys() != last.keys():
        shared = first.keys() & last.keys()
        alone = len(first.keys() | last.keys()) - len(shared)
        notes.append(Note("evaluations_differ", f"{alone} clips were evaluated only once; they were left out."))
        first, last = ({i: p for i, p in side.items() if i in shared} for side in (first, last))
    order = list(last or first)
    return [first[i] for i in order if i in first], [last[i] for i in order if i in last], notes


def paired_score(
    name: str,
    meaning: str,
    statistic: Statistic,
    truth: list[str],
    old: list[str | None] | None,
    new: list[str | None] | None,
    groups: list[str] | None,
    seed: int,
) -> Score:
    """A statistic of references and answers, before, after, and the difference on the same clips."""
    before, after = (bootstrap(statistic, truth, p, groups=groups, seed=seed) if p else None for p in (old, new))
    paired = paired_bootstrap(statistic, truth, old, new, groups=groups, seed=seed) if old and new else None
    return Score(name, meaning, before, after, paired)


def _calibration(first: list[Prediction], last: list[Prediction], seed: int) -> list[Score]:
    """The calibration line, over the clips for which every evaluation made states a confidence."""
    sides = [side for side in (first, last) if side]
    kept = [at for at, clip in enumerate(zip(*sides, strict=True)) if all(_is_share(p.confidence) for p in clip)]
    if not kept:
        return []
    groups = clusters([sides[0][i].speaker for i in kept])
    before, after = (_stated(side, kept) for side in (first, last))
    one = [ece_interval(*pair, groups=groups, seed=seed) if pair else None for pair in (before, after)]
    both = bootstrap(_gap, *before, *after, groups=groups, seed=seed) if before and after else None
    meaning = (
        "mean gap between the stated confidence and the share that was right (ECE); lower is better; over the "
        f"{len(kept)} clips that state one {'both times' if both else ''}".rstrip()
    )
    return [Score("Calibration error", meaning, one[0], one[1], both, is_error=True)]


def _is_share(value: float | None) -> bool:
    return value is not None and 0 <= value <= 1


def _stated(side: list[Prediction], kept: list[int]) -> tuple[list[float], list[bool]] | tuple[()]:
    """Confidence and rightness of the chosen clips; empty when there was no such evaluation."""
    if not side:
        return ()
    return [side[i].confidence or 0.0 for i in kept], [side[i].correct for i in kept]


def _gap(stated_a: list[float], right_a: list[bool], stated_b: list[float], right_b: list[bool]) -> float:
    return ece(stated_b, right_b) - ece(stated_a, right_a)


def _labels(truth: list[str], old: list[str | None] | None, new: list[str | None] | None) -> list[LabelRow]:
    sides = [{row.label: row for row in per_class(truth, p)} if p else {} for p in (old, new)]
    found = Counter(truth)
    return [LabelRow(label, found[label], *(side.get(label) for side in sides)) for label in classes(truth)]


def verdict(what: str, score: Score, test: PairedTest | None, *, constant: bool, algorithm: str) -> str:
    """One sentence on a score before and after, which claims no more than its interval does."""
    if constant:
        return "No verdict: all references are the same, so nothing was measured."
    change = score.difference
    if change is None or score.before is None or score.after is None:
        only = score.after or score.before
        found = f": {what} is {100 * only.value:.1f} %" if only else ""
        return f"There is only one evaluation{found}. There is nothing to compare it with yet."
    moved = f"from {100 * score.before.value:.1f} % to {100 * score.after.value:.1f} %"
    counts = f" {test.fixed} clips were fixed and {test.broken} broken." if test else ""
    if math.isnan(change.low):
        return f"{what} went {moved}, but there is too little data for an interval.{counts}"
    drawn = "clips" if change.groups is None else "speakers and clips"
    span = f"{100 * change.low:+.1f} to {100 * change.high:+.1f} points"
    if not change.excludes_zero:
        return (
            f"{what} went {moved}. The 95 % interval of the difference ({span}) includes zero, so this run alone "
            f"does not show that {algorithm} changed it.{counts}"
        )
    verb = "rose" if change.value > 0 else "fell"
    return (
        f"{what} {verb} {moved}. The 95 % interval of the difference ({span}) excludes zero, so the change is more "
        f"than the luck of which {drawn} were drawn. It is still one run with one seed.{counts}"
    )


def _matrix(title: str, truth: list[str], pred: list[str | None]) -> Matrix:
    """Only the most frequent classes are shown when there are too many; clips of the others are left out."""
    common = sorted(label for label, _ in Counter(truth).most_common(MOST_CLASSES))
    kept = [(t, p) for t, p in zip(truth, pred, strict=True) if t in common]
    columns = [t for t, _ in kept], [p for _, p in kept]
    return Matrix(title, common, confusion(*columns, common))


def percent(value: float | None) -> str:
    """A share as ``61.3 %``; a dash for what does not exist."""
    if value is None or math.isnan(value):
        return "–"
    return f"{100 * value:.1f} %"


def points(value: float) -> str:
    """A difference of shares as ``+4.2``, in percentage points."""
    return "–" if math.isnan(value) else f"{100 * value:+.1f}"


def interval(estimate: Estimate, *, signed: bool = False) -> str:
    """The bounds of an estimate in percent, or a word on why there are none."""
    if math.isnan(estimate.low):
        return "too few to say"
    sign = "+" if signed else ""
    return f"{100 * estimate.low:{sign}.1f} to {100 * estimate.high:{sign}.1f}"
