"""The vote of several answers to one clip: the label that most of them gave, and how ties are broken.

MERIT (section 3.4.1) writes the pseudo-label as the mode of k answers and says nothing about ties or about answers that
cannot be read; with five votes over six classes both happen all the time. Here an unreadable answer abstains, and a tie
falls to the label nearest to all votes, then to the likeliest, then to the alphabet, so that no vote hangs on the order
of its voters. :func:`affectrl.metrics.agreement.majority` reads published tables, with the tie rules of their papers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from affectrl.answers.parser import parse, plain
from affectrl.errors import UsageError

if TYPE_CHECKING:
    from affectrl.emotions.distances import Distance

_DIGITS = 9
"""Decimals that sums are compared at, so that rounding decides no tie."""


@dataclass(frozen=True, slots=True)
class Vote:
    """The outcome of one vote."""

    winner: str | None
    """``None`` when all abstained."""
    share: float
    """The winner's votes over all votes cast, in [0, 1]; 0 when none was."""
    counts: dict[str, int]
    """Votes by label, the most first, equal ones in alphabetical order."""
    abstained: int
    """Voters without a label."""

    @property
    def voters(self) -> int:
        """Votes cast and abstentions."""
        return sum(self.counts.values()) + self.abstained

    @property
    def ratio(self) -> float:
        """The winner's votes over all voters (TTRL's majority ratio): an abstention lowers it."""
        return self.counts[self.winner] / self.voters if self.winner is not None else 0.0


def ballot(text: str, choices: Sequence[str] | None = None) -> str | None:
    """The label that a completion votes for: the first of its answer, as the accuracy reward reads it.

    ``None``, an abstention, where there is no readable answer, where labels are joined by ``or``, and where the label
    is none of a closed choice, which a vote must not be able to leave.
    """
    answer = parse(text)
    label = None if "alternatives" in answer.problems else answer.top
    return label if choices is None or label in {plain(choice) for choice in choices} else None


def majority(
    labels: Sequence[str | None],
    *,
    distance: Distance | None = None,
    logprobs: Sequence[float] | None = None,
) -> Vote:
    """The most frequent label.

    Of labels with as many votes wins the one with the least summed distance to all votes (the medoid), then the one
    whose votes have the greatest summed log-probability, then the first in alphabetical order. A step whose numbers are
    not given is left out.

    Args:
        labels: One a voter; ``None`` abstains.
        distance: W over at least the labels voted for; needed only when there is a tie.
        logprobs: One a voter: log-probability of its completion, in nats.

    Raises:
        UsageError: ``metric_lengths``: not one log-probability a voter; ``distance_label``: a tie among labels that
            ``distance`` does not hold.

    >>> majority(["joy", "joy", "sadness", None, "surprise"])
    Vote(winner='joy', share=0.5, counts={'joy': 2, 'sadness': 1, 'surprise': 1}, abstained=1)
    """
    if logprobs is not None and len(logprobs) != len(labels):
        raise UsageError(f"{len(logprobs)} log-probabilities for {len(labels)} votes.", code="metric_lengths")
    found = Counter(label for label in labels if label is not None)
    counts = dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))
    abstained = len(labels) - sum(counts.values())
    if not counts:
        return Vote(None, 0.0, {}, abstained)
    most = max(counts.values())
    best = [label for label, count in counts.items() if count == most]
    if len(best) > 1 and distance is not None:
        best = _least(best, lambda label: _summed_distance(label, counts, distance))
    if len(best) > 1 and logprobs is not None:
        cast = list(zip(labels, logprobs, strict=True))
        best = _least(best, lambda label: -math.fsum(value for voted, value in cast if voted == label))
    return Vote(best[0], most / sum(counts.values()), counts, abstained)


def _summed_distance(label: str, counts: dict[str, int], distance: Distance) -> float:
    return math.fsum(count * distance.between(label, other) for other, count in counts.items())


def _least(labels: list[str], cost: Callable[[str], float]) -> list[str]:
    """The labels of least cost, in their order, which is that of the alphabet."""
    costs = [round(cost(label), _DIGITS) for label in labels]
    return [label for label, value in zip(labels, costs, strict=True) if value == min(costs)]
