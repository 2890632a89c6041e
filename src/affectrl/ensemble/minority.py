"""Do minority opinions help? What the voters know together, how much of it a majority throws away, and what keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from affectrl.ensemble.agreement import accuracy_by_votes
from affectrl.ensemble.judged import Known
from affectrl.ensemble.opinions import Opinions
from affectrl.ensemble.outcome import Outcome, answers_table, outcome
from affectrl.ensemble.reference import LIST_TASKS, Reference
from affectrl.metrics.intervals import PairedTest, mcnemar
from affectrl.scoring.result import Result

LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0)
"""Lists: labels are kept from this share of voters on; 0 keeps every opinion, 1 the winner and what all agree on."""


@dataclass(frozen=True)
class Overturned:
    """Clips on which a rule takes a label against the majority."""

    n: int
    test: PairedTest
    """Exact McNemar test: ``fixed`` are right where the majority was wrong, ``broken`` the other way round."""


@dataclass(frozen=True)
class Level:
    """Lists: the answers that keep labels from a share of voters on."""

    share: float
    labels: float
    """Mean labels an answer."""
    results: Mapping[str, Result]
    """Each with its difference to the winner alone."""


@dataclass(frozen=True)
class Minority:
    """What becomes of minority opinions. Single labels have the first four, lists the last."""

    majority_right: float = float("nan")
    """Share of clips."""
    minority_right: float = float("nan")
    """Share of clips on which the majority is wrong and somebody is right."""
    nobody_right: float = float("nan")
    by_votes: tuple[tuple[int, int, float], ...] = ()
    """k, clips whose most frequent label has k votes, share whose majority is right."""
    overturned: Mapping[str, Overturned] | None = None
    levels: tuple[Level, ...] = ()


def minority(opinions: Opinions, known: Known, outcomes: Mapping[str, Outcome], reference: Reference) -> Minority:
    """What becomes of minority opinions.

    Single labels: how often the truth is with the majority, with a minority only, or with nobody, and for each rule how
    often it sides with a minority, rightly and wrongly. Lists: the score by the share of voters (of a word's group)
    from which on a label is kept.
    """
    if reference.task in LIST_TASKS:
        return Minority(levels=_levels(opinions, known, reference))
    from affectrl.ensemble.rules import majority

    # The task leaves out valence 0, so that is nobody's truth here either.
    counted = np.array([reference.task != "sentiment" or word != "neutral" for word in reference.truth])
    plain = outcome(opinions, "majority", majority.vote(opinions, known), known)
    truth = np.where(counted, opinions.truth_codes(reference.truth), -1)
    right = (plain.winners == truth) & (truth >= 0)
    somebody = ((opinions.codes == truth[:, None]) & (truth >= 0)[:, None]).any(1)
    found = {}
    for name, other in outcomes.items():
        columns = ([x for x, use in zip(c, counted, strict=True) if use]
                   for c in (reference.truth, plain.answers, other.answers))  # fmt: skip
        test = mcnemar(*columns)
        found[name] = Overturned(int((other.winners != plain.winners).sum()), test)
    return Minority(
        float(right[counted].mean()),
        float((somebody & ~right)[counted].mean()),
        float((~somebody & ~right)[counted].mean()),
        tuple(accuracy_by_votes(opinions, plain.winners, truth, counted)),
        found,
    )


def _levels(opinions: Opinions, known: Known, reference: Reference) -> tuple[Level, ...]:
    from affectrl.ensemble.rules import ew_cluster

    ruling = ew_cluster.vote(opinions, known)
    found = outcome(opinions, "ew-cluster", ruling, known)
    winners = answers_table(opinions.ids, [labels[:1] for labels in found.lists(1.0)], "winner")
    levels = []
    for share in LEVELS:
        lists = found.lists(share)
        results = reference.scores(answers_table(opinions.ids, lists, f"from {share:g}"), against=winners)
        levels.append(Level(share, float(np.mean([len(labels) for labels in lists])), results))
    return tuple(levels)
