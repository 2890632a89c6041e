"""Learn on one population, test on another: transfer matrices, and what a few clips of the other are worth.

Populations are sets of clips, or parts of one by a column. Heads on frozen features learn on each and answer all;
the diagonal is cross-validated speaker by speaker, so that no figure is of a speaker who was learned from. Features
are standardized by the clips that a head learns from, or each population by itself, which needs no labels and is the
simplest test-time adaptation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import validate_call

from affectrl import shelves
from affectrl.answers.parser import plain
from affectrl.answers.prediction import failed
from affectrl.attribution.findings import Curves, Findings, Table
from affectrl.baselines.crossval import HEADS, run, settings_of
from affectrl.cues.verdicts import alike
from affectrl.data.clip import Clip
from affectrl.errors import AffectError, DataError
from affectrl.metrics.classification import uar_of_counts
from affectrl.metrics.intervals import Estimate, bootstrap_sums, clusters, confusion_columns, of_confusion
from affectrl.metrics.resampling import Floats

SHOTS = (0, 1, 2, 5, 10)
DRAWS = 5


@dataclass(frozen=True, slots=True)
class Population:
    """Clips of one kind, with features."""

    name: str
    values: np.ndarray
    """``(N, D)``."""
    truth: tuple[str, ...]
    """A common label a clip."""
    speakers: tuple[str | None, ...]

    def alone(self) -> Population:
        """Standardized by itself."""
        spread = np.nanstd(self.values, axis=0)
        scaled = (self.values - np.nanmean(self.values, axis=0)) / np.where(spread > 0, spread, 1)
        return Population(self.name, np.nan_to_num(scaled), self.truth, self.speakers)

    def part(self, places: np.ndarray) -> Population:
        """Some of its clips."""
        truth = tuple(self.truth[i] for i in places)
        return Population(self.name, self.values[places], truth, tuple(self.speakers[i] for i in places))


def common_labels(sets: Mapping[str, Sequence[Clip]]) -> dict[str, dict[str, str]]:
    """For each set the first set's name of each of its labels that all sets have.

    Labels are the same where each is the other's nearest by wheel clusters: ``anger`` and ``angry``; one that is
    nearest to nothing in some set, as ``boredom`` is in RAVDESS, is left out.

    Raises:
        DataError: ``baseline_classes``: fewer than two labels are common.
    """
    known = {name: sorted({plain(c.labels[0]) for c in clips if c.labels}) for name, clips in sets.items()}
    first = next(iter(known.values()), [])
    found: dict[str, dict[str, str]] = {}
    for name, labels in known.items():
        found[name] = {}
        for label in labels:
            near = alike(label, first)
            if len(near) == 1 and alike(near[0], labels) == [label]:
                found[name][label] = near[0]
    shared = set(first).intersection(*(set(names.values()) for names in found.values()))
    if len(shared) < 2:
        raise DataError(
            f"the sets have {len(shared)} labels in common.",
            code="baseline_classes",
            hint="; ".join(f"{name}: {', '.join(labels)}" for name, labels in known.items()),
        )
    return {name: {label: own for label, own in names.items() if own in shared} for name, names in found.items()}


def population(name: str, clips: Sequence[Clip], values: np.ndarray, names: Mapping[str, str]) -> Population:
    """A set with its features; clips with other labels, or without features, are left out.

    Args:
        name: What it is called.
        clips: N.
        values: ``(N, D)``; a row of NaN for a clip without the feature.
        names: From :func:`common_labels`.
    """
    kept = [
        i for i, c in enumerate(clips) if c.labels and plain(c.labels[0]) in names and not np.isnan(values[i]).all()
    ]
    truth = tuple(names[plain(clips[i].labels[0])] for i in kept)
    return Population(name, values[kept], truth, tuple(clips[i].speaker for i in kept))


def lost(name: str, clips: Sequence[Clip], errors: Sequence[AffectError | None]) -> list[dict[str, Any]]:
    """Rows of the clips of a population that have no features, with the reason.

    Raises:
        DataError: ``baseline_classes``: it has none at all.
    """
    pairs = [(clip, error) for clip, error in zip(clips, errors, strict=True) if error is not None]
    if len(pairs) == len(clips):
        why = str(pairs[0][1]) if pairs else None
        raise DataError(f"no clip of {name} has the features.", code="baseline_classes", hint=why)
    return [failed(clip.id, clip.path, error).to_dict() | {"population": name} for clip, error in pairs]


def matrix(
    sets: Sequence[Population],
    *,
    head: str = "logistic",
    settings: Mapping[str, Any] | None = None,
    folds: int = 5,
    seed: int = 0,
    advance: Callable[[str], None] = lambda _: None,
) -> dict[str, dict[str, Estimate]]:
    """UAR of heads that learned on each population, on every population: ``[learned][tested]``.

    Args:
        sets: With common labels.
        head: A file of ``baselines/heads``.
        settings: Of the head, in place of its own.
        folds: Of the cross-validation; the mean of the folds' heads answers the other populations.
        seed: Of folds and head.
        advance: Called after each population.

    Raises:
        DataError: ``baseline_classes``: a population is too small for the folds.
        UsageError: No such head or setting.
    """
    chosen = settings_of(head, "fixed", seed, settings or {})
    found: dict[str, dict[str, Estimate]] = {}
    for learned in sets:
        labels = sorted(set(learned.truth))
        y = np.array([labels.index(label) for label in learned.truth])
        others = [each for each in sets if each is not learned]
        asked = [np.concatenate([each.values for each in others])] if others else None
        try:
            done = run(head, [learned.values], y, learned.speakers, asked, folds=folds, seed=seed, settings=chosen)
        except DataError as error:
            raise DataError(f"{learned.name}: {error.message}", code=error.code, hint=error.hint) from error
        row = {learned.name: _uar(learned, [_said(done.held_out, labels)])}
        at = 0
        for each in others:
            assert done.test is not None
            row[each.name] = _uar(each, [_said(done.test[at : at + len(each.truth)], labels)])
            at += len(each.truth)
        found[learned.name] = {each.name: row[each.name] for each in sets}
        advance(learned.name)
    return found


def few_shots(
    learned: Population,
    other: Population,
    *,
    shots: Sequence[int] = SHOTS,
    draws: int = DRAWS,
    head: str = "logistic",
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    advance: Callable[[str], None] = lambda _: None,
) -> dict[str, list[tuple[int, Estimate]]]:
    """UAR on half of another population's speakers after learning a few clips a class of the other half.

    Args:
        learned: What is learned besides.
        other: The new population, of two speakers or more.
        shots: Clips a class; 0 is none of it.
        draws: How often clips are drawn anew; scores are means over them.
        head: A file of ``baselines/heads``.
        settings: Of the head.
        seed: Of the draws.
        advance: Called after each step.

    Returns:
        ``with LEARNED`` and ``alone`` (the few clips only): (shots, UAR).

    Raises:
        DataError: ``baseline_classes``: the other population has one known speaker or none.
    """
    people = sorted({speaker for speaker in other.speakers if speaker is not None})
    if len(people) < 2:
        raise DataError(
            f"{other.name} has {len(people)} known speakers; adaptation needs two, one to learn from and one to test.",
            code="baseline_classes",
            hint="Name the clips' speakers.",
        )
    taught = set(np.random.default_rng(seed).permutation(people)[: len(people) // 2])
    pool = np.array([i for i, s in enumerate(other.speakers) if s in taught])
    test = other.part(np.array([i for i, s in enumerate(other.speakers) if s is not None and s not in taught]))
    chosen = settings_of(head, "fixed", seed, settings or {})
    labels = sorted(set(learned.truth) | set(other.truth))
    both: dict[str, list[tuple[int, Estimate]]] = {f"with {learned.name}": [], "alone": []}
    for count in shots:
        said: dict[str, list[list[str]]] = {name: [] for name in both}
        for turn in range(draws if count else 1):
            few = other.part(_few(other, pool, count, np.random.default_rng([seed, count, turn])))
            for name, sets in zip(both, ([learned, few], [few]), strict=True):
                truth = [label for each in sets for label in each.truth]
                if len(set(truth)) < 2:
                    continue
                x = np.concatenate([each.values for each in sets])
                said[name].append(_fit(head, chosen, seed + turn, x, truth, test.values, labels))
        for name, answers in said.items():
            if answers:
                both[name].append((count, _uar(test, answers)))
        advance(f"{count} shots")
    return both


def findings(
    matrices: Mapping[str, Mapping[str, Mapping[str, Estimate]]],
    curves: Mapping[str, Mapping[str, Sequence[tuple[int, Estimate]]]],
    sets: Sequence[Population],
    about: Mapping[str, Any],
    *,
    skipped: int = 0,
) -> Findings:
    """What the page and the JSON file hold.

    Args:
        matrices: By way of standardizing, from :func:`matrix`.
        curves: By pair of populations, from :func:`few_shots`.
        sets: The populations.
        about: Head, features and so on.
        skipped: Clips without features.
    """
    names = [each.name for each in sets]
    tables = [
        Table(
            f"UAR, {way}",
            ("learned", *(f"tested on {name}" for name in names)),
            [[learned, *(str(row[name]) for name in names)] for learned, row in found.items()],
            note="The diagonal is cross-validated.",
        )
        for way, found in matrices.items()
    ]
    charts = [
        Curves(pair, "clips a class", series, "UAR on speakers of whom nothing was learned.")
        for pair, series in curves.items()
    ]
    labels = sorted({label for each in sets for label in each.truth})
    lead = (
        "Heads on frozen features learned on one population and were tested on each. "
        f"Common labels: {', '.join(labels)}; chance is {1 / len(labels):.3f}."
    )
    notes = [
        f"{each.name} has fewer than two known speakers, so there is no curve towards it."
        for each in sets
        if len(set(each.speakers) - {None}) < 2
    ]
    values = dict(about) | {
        "labels": labels,
        "clips": {each.name: len(each.truth) for each in sets},
        "uar": matrices,
        "few_shots": {
            pair: {name: [{"shots": n, "uar": e} for n, e in points] for name, points in series.items()}
            for pair, series in curves.items()
        },
    }
    title = "From one population to another"
    return Findings("transfer", title, lead, values, tables, charts, skipped, notes)


def _few(other: Population, pool: np.ndarray, count: int, draw: np.random.Generator) -> np.ndarray:
    chosen: list[int] = []
    for label in sorted(set(other.truth)):
        there = [int(i) for i in pool if other.truth[i] == label]
        chosen += [int(i) for i in draw.permutation(there)[:count]]
    return np.array(chosen, int)


def _fit(
    head: str,
    settings: Mapping[str, Any],
    seed: int,
    x: np.ndarray,
    truth: Sequence[str],
    test: np.ndarray,
    labels: Sequence[str],
) -> list[str]:
    from sklearn.preprocessing import StandardScaler

    there = sorted(set(truth))
    scaler = StandardScaler().fit(x)
    model = validate_call(shelves.load(HEADS, head).build)(seed, **settings)
    model.fit([np.nan_to_num(scaler.transform(x)).astype(np.float32)], np.array([there.index(t) for t in truth]))
    return _said(model.predict_proba([np.nan_to_num(scaler.transform(test)).astype(np.float32)]), there)


def _said(probabilities: np.ndarray, labels: Sequence[str]) -> list[str]:
    return [labels[i] for i in probabilities.argmax(1)]


def _uar(tested: Population, answers: Sequence[Sequence[str]]) -> Estimate:
    """Mean UAR over several sets of answers to the same clips."""
    one = of_confusion(uar_of_counts)
    labels = sorted(set(tested.truth))
    table = np.hstack([confusion_columns(list(tested.truth), list(said), labels) for said in answers])

    def mean(sums: Floats) -> Any:
        return np.mean([one(part) for part in np.split(sums, len(answers), axis=1)], axis=0)

    found = bootstrap_sums(table, mean, groups=clusters(tested.speakers))
    assert isinstance(found, Estimate)
    return found
