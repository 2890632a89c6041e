"""``vote()``: prediction files in; for each rule an answer a clip, and what the reference makes of rules and voters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from affectrl import shelves
from affectrl.emotions.label_set import label_set as named_label_set
from affectrl.emotions.space import WheelSpace
from affectrl.ensemble.agreement import Agreement, agreement
from affectrl.ensemble.judged import FOLDS, Known, ballots_of, quality
from affectrl.ensemble.minority import Minority, minority
from affectrl.ensemble.opinions import Opinions
from affectrl.ensemble.outcome import KEEP, Outcome, answers_table, outcome
from affectrl.ensemble.reading import Mismatch, Read, read_opinions
from affectrl.ensemble.reference import LIST_TASKS, Reference, check_task, refer
from affectrl.errors import Note, UsageError
from affectrl.metrics.wheel_rules import RULES
from affectrl.scoring.files import Table, read
from affectrl.scoring.result import Result
from affectrl.scoring.score import BUILTIN

RULES_SHELF = "affectrl.ensemble.rules"
ORACLE = "oracle"
Results = Mapping[str, Result]
"""Wheels (``""`` for tasks without) -> result."""


@dataclass(frozen=True)
class Scores:
    """What the reference makes of it all."""

    reference: Reference
    voters: Mapping[str, Results]
    best: str
    """The voter with the highest main score on these very clips; a choice that no one could have made beforehand."""
    rules: Mapping[str, Results]
    """Each with its difference to the best voter, in ``Result.against``."""
    oracle: Results
    """The voter who did best on each clip: what no choice of a voter can pass."""
    minority: Minority


@dataclass(frozen=True)
class Voted:
    """The outcome of a vote."""

    opinions: Opinions
    known: Known
    outcomes: Mapping[str, Outcome]
    files: Mapping[str, str]
    notes: tuple[Note, ...]
    scores: Scores | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Rule -> why it could not be applied, where all were asked for."""

    @cached_property
    def agreement(self) -> Agreement:
        """How far the voters agree."""
        return agreement(self.opinions, self.known)


def rule_names() -> list[str]:
    """The vote rules that come with the package."""
    return shelves.names(RULES_SHELF)


def vote(
    files: Mapping[str, str | Path],
    rules: Sequence[str] = ("majority",),
    *,
    ref: str | Path | None = None,
    task: str | None = None,
    wheels: Sequence[str] = (BUILTIN,),
    label_set: str | None = None,
    keep: float | str = KEEP,
    on_mismatch: Mismatch = "error",
    column: str | None = None,
    ref_column: str | None = None,
    n_folds: int = FOLDS,
    resamples: int = 2000,
    seed: int = 0,
) -> Voted:
    """Vote.

    Args:
        files: Voter -> prediction file.
        rules: Names of the shelf ``rules``, or of modules of one's own; ``all`` for each that what is given allows.
        ref: A reference; rules that learn need one.
        task: ``ov`` or ``hitrate``: ballots are lists; ``basic`` or ``sentiment``: they hold one label. Default: ``ov``
            when the first file has lists and no column of single labels, else ``basic``.
        wheels: ``builtin`` or folders of word tables. The first is what rules look at; scores are told for each.
        label_set: Closed set that single labels are put into.
        keep: Lists: from which value on labels are kept; ``learned`` on the other folds.
        on_mismatch: See :data:`affectrl.ensemble.reading.MISMATCH`.
        column: Column of the labels, where it is none of the usual.
        ref_column: Column of the reference, likewise.
        n_folds: Folds of the reference; speakers stay whole.
        resamples: Of each interval.
        seed: Of folds and intervals.

    Raises:
        UsageError: ``unknown_name``: no such rule; ``vote_reference``: a rule learns, and there is no reference; as
            :func:`affectrl.ensemble.reading.read_opinions` and :func:`affectrl.ensemble.reference.refer`.
        DataError: Likewise.
    """
    check_task(task := task or default_task(files))
    lists = task in LIST_TASKS
    chosen = named_label_set(label_set) if label_set and not lists else None
    found: Read = read_opinions(files, lists=lists, label_set=chosen, column=column, on_mismatch=on_mismatch)
    opinions, notes, reference = found.opinions, list(found.notes), None
    if ref is not None:
        reference, opinions, more = refer(
            ref, opinions, task, wheels=wheels, label_set=chosen, label_set_name=label_set, column=ref_column,
            on_mismatch=on_mismatch, n_folds=n_folds, resamples=resamples, seed=seed,
        )  # fmt: skip
        notes += more
    known = setting(wheels[0], reference)
    outcomes, left_out = {}, {}
    for name in rule_names() if "all" in rules else dict.fromkeys(rules):
        try:
            outcomes[name] = outcome(opinions, name, _rule(name).vote(opinions, known), known, keep)
        except UsageError as error:
            if "all" not in rules or error.code not in ("vote_reference", "vote_confidence", "package_missing"):
                raise
            left_out[name] = str(error)
    voted = Voted(opinions, known, outcomes, found.files, tuple(notes), None, left_out)
    if reference is None:
        return voted
    return Voted(opinions, known, outcomes, found.files, tuple(notes), _scores(voted, reference, column), left_out)


def default_task(files: Mapping[str, str | Path]) -> str:
    """``ov`` when the first file holds lists and no single labels, else ``basic``.

    Raises:
        DataError: As :func:`affectrl.scoring.files.read`.
    """
    from affectrl.ensemble.ballots import LISTS, SINGLE

    first = next(iter(files.values()), None)
    if first is None:
        raise UsageError("nobody votes.", code="vote_few", hint="Give two or more prediction files.")
    table = read(first, skip_damaged=True)
    return "ov" if table.optional(LISTS) and not table.optional(SINGLE) else "basic"


def setting(wheels: str, reference: Reference | None) -> Known:
    """What rules may know: the wheels, under the rules that go with them, and the reference."""
    space = WheelSpace.builtin() if wheels == BUILTIN else WheelSpace.official(wheels)
    rules = RULES["affectrl"] if wheels == BUILTIN else RULES.get(space.name, RULES["mer2026"])
    if reference is None:
        return Known(space, rules)
    return Known(space, rules, reference.truth, reference.fold)


def _rule(name: str) -> Any:
    module = shelves.load(RULES_SHELF, name)
    if not hasattr(module, "vote"):
        raise UsageError(f"{name} is no vote rule.", code="unknown_name", hint=f"Known: {', '.join(rule_names())}.")
    return module


def _scores(voted: Voted, reference: Reference, column: str | None) -> Scores:
    tables = {name: read(path, skip_damaged=True) for name, path in voted.files.items()}
    voters = {name: reference.scores(table, pred_column=column) for name, table in tables.items()}
    best = best_of(voters)
    single = None if reference.task in LIST_TASKS else "top"
    rules = {}
    for name, found in voted.outcomes.items():
        own = Table.of_rows(list(found.rows()), name)
        # The best voter under the same name of column: its answers as they were read.
        rules[name] = reference.scores(own, against=voter_table(voted.opinions, best), pred_column=single)
    oracle = reference.scores(_oracle(voted.opinions, voted.known), pred_column=single)
    return Scores(
        reference, voters, best, rules, oracle, minority(voted.opinions, voted.known, voted.outcomes, reference)
    )


def score_rows(voted: Voted, rows: Sequence[Mapping[str, Any]], name: str) -> Results:
    """What the reference of a vote makes of other answers to its clips, against the best voter."""
    assert voted.scores is not None, "there is a reference, or there is nothing to score with"
    reference = voted.scores.reference
    single = None if reference.task in LIST_TASKS else "top"
    against = voter_table(voted.opinions, voted.scores.best)
    return reference.scores(Table.of_rows(list(rows), name), against=against, pred_column=single)


def best_of(results: Mapping[str, Results]) -> str:
    """The name with the highest main score under the first wheels; the first by name of equal ones."""
    return max(sorted(results), key=lambda name: np.nan_to_num(next(iter(results[name].values())).value))


def voter_table(opinions: Opinions, voter: str) -> Table:
    """A voter's answers as they were read."""
    lists = ballots_of(opinions, opinions.voters.index(voter))
    return answers_table(opinions.ids, lists, voter)


def _oracle(opinions: Opinions, known: Known) -> Table:
    score = np.nan_to_num(quality(opinions, known, ORACLE), nan=-1.0)
    chosen = np.where(opinions.spoke, score, -2.0).argmax(1)
    lists = [ballots_of(opinions, m) for m in range(opinions.m)]
    return answers_table(opinions.ids, [lists[m][n] for n, m in enumerate(chosen)], ORACLE)
