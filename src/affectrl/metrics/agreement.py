"""How far several voters agree: k-of-n tables, majority labels, kappas and alpha. A vote of ``None`` abstains.

Voters are models, rollouts, prompts or raters. The tables are those of the voting-head paper (Halifa et al., its
"k/6" and "k/8" tables): for each sample, how many of the n voters gave the label that most of them gave. Kappas and
alpha correct for agreement by chance; they are 1 for perfect agreement, 0 for chance, and may be negative.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affectrl.errors import UsageError
from affectrl.metrics.classification import refuse_constant
from affectrl.metrics.resampling import Floats

Votes = Sequence[Sequence[str | None]]
"""For each sample the n voters' labels, always in the same order of voters."""
Tie = Literal["first", "alphabetical", "confidence", "nearest", "abstain"]


@dataclass(frozen=True, slots=True)
class Majority:
    """The outcome of one vote."""

    label: str | None
    """``None`` when nobody voted, or on a tie with ``tie="abstain"``."""
    votes: int
    """Votes for the most frequent label, whatever became of the tie."""
    cast: int
    """Votes that were labels."""
    n: int
    """Voters, abstaining ones included."""
    tied: bool
    """Whether several labels had as many votes."""

    @property
    def share(self) -> float:
        """Votes for the most frequent label over votes cast; NaN when none was."""
        return self.votes / self.cast if self.cast else float("nan")

    @property
    def ratio(self) -> float:
        """Votes for the most frequent label over all voters (TTRL's majority ratio); an abstention lowers it."""
        return self.votes / self.n if self.n else float("nan")

    def __str__(self) -> str:
        return f"{self.label} {self.share:.0%}" if self.cast else "no vote"


def majority(
    votes: Sequence[str | None],
    tie: Tie = "first",
    *,
    confidence: Sequence[float] | None = None,
    labels: Sequence[str] | None = None,
    distance: ArrayLike | None = None,
) -> Majority:
    """The most frequent label of one sample.

    Args:
        votes: One label a voter; ``None`` abstains.
        tie: Among the labels with most votes take the one seen ``first`` (what TTRL's code does), the first by
            ``alphabetical`` order, the one that the voter with the highest ``confidence`` gave (the voting-head
            paper's rule for its 1-of-6 row), the one ``nearest`` to all votes (least summed distance, then
            alphabetical; the reading of MERIT that uses W), or ``abstain``.
        confidence: One number a voter, for ``confidence``.
        labels: Row order of ``distance``.
        distance: ``(K, K)`` distances W, for ``nearest``.

    Raises:
        UsageError: What the tie rule needs is missing, or a vote is not among ``labels``.

    >>> str(majority(["sad", "sad", "happy"]))
    'sad 67%'
    """
    counts = Counter(v for v in votes if v is not None)
    if not counts:
        return Majority(None, 0, 0, len(votes), False)
    most = max(counts.values())
    # A Counter keeps the order of first sight.
    best = [label for label, count in counts.items() if count == most]
    label = best[0] if len(best) == 1 else _untie(best, votes, tie, confidence, labels, distance)
    return Majority(label, most, sum(counts.values()), len(votes), len(best) > 1)


def _untie(
    best: list[str],
    votes: Sequence[str | None],
    tie: Tie,
    confidence: Sequence[float] | None,
    labels: Sequence[str] | None,
    distance: ArrayLike | None,
) -> str | None:
    if tie == "first":
        return best[0]
    if tie == "alphabetical":
        return min(best)
    if tie == "abstain":
        return None
    if tie == "confidence" and confidence is not None and len(confidence) == len(votes):
        # Not max over (confidence, label): equal confidences fall to the voter who comes first.
        at = max((i for i, v in enumerate(votes) if v in best), key=lambda i: confidence[i])
        return votes[at]
    if tie == "nearest" and labels is not None and distance is not None:
        index = {label: i for i, label in enumerate(labels)}
        strange = {v for v in votes if v is not None} - index.keys()
        if not strange:
            w = np.asarray(distance, dtype=float)[:, [index[v] for v in votes if v is not None]].sum(1)
            return min(sorted(best), key=lambda label: w[index[label]])
        raise UsageError(f"votes for {sorted(strange)}, not among the labels.", code="metric_labels")
    raise UsageError(
        f"ties cannot be broken by {tie!r} with what is given.",
        code="metric_tie",
        hint="`confidence` needs one number a voter; `nearest` needs `labels` and `distance`.",
    )


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """Samples whose most frequent label has ``k`` votes."""

    k: int
    count: int
    share: float
    """Of all samples, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class AgreementTable:
    """How many samples have how strong a majority, for n voters."""

    n_voters: int
    rows: tuple[AgreementRow, ...]
    """k = 1 to n."""
    silent: int
    """Samples without a vote (k = 0)."""

    @property
    def n(self) -> int:
        """Samples in all."""
        return self.silent + sum(row.count for row in self.rows)

    @property
    def unanimous(self) -> float:
        """Share of samples on which all n voters agree; NaN without samples."""
        return self.rows[-1].share if self.rows else float("nan")

    @property
    def mean_votes(self) -> float:
        """Mean votes for the most frequent label: sum of k times count over samples; NaN without samples."""
        return sum(row.k * row.count for row in self.rows) / self.n if self.n else float("nan")


def table_of_counts(counts: Sequence[int], silent: int = 0) -> AgreementTable:
    """The table of known counts for k = 1 to n; the shares are of their sum, which published tables got wrong.

    >>> [round(100 * row.share, 2) for row in table_of_counts([1, 1, 2]).rows]
    [25.0, 25.0, 50.0]
    """
    total = sum(counts) + silent
    rows = (AgreementRow(k, c, c / total if total else float("nan")) for k, c in enumerate(counts, start=1))
    return AgreementTable(len(counts), tuple(rows), silent)


def agreement_table(votes: Votes) -> AgreementTable:
    """Counts and shares of samples by the number of votes that their most frequent label has.

    Raises:
        UsageError: Samples with different numbers of voters.
    """
    n = _voters(votes)
    found = Counter(majority(v).votes for v in votes)
    return table_of_counts([found[k] for k in range(1, n + 1)], silent=found[0])


def accuracy_by_agreement(votes: Votes, truth: Sequence[str], tie: Tie = "first") -> list[tuple[AgreementRow, float]]:
    """Each row of the table with the share of its samples whose majority label is right (NaN for an empty row).

    Raises:
        UsageError: Different lengths; or a reference that is constant, against which no accuracy means anything
            (the voting-head paper's tables 1 and 2 were scored so).
    """
    if len(votes) != len(truth):
        raise UsageError(f"{len(votes)} votes for {len(truth)} references.", code="metric_lengths")
    refuse_constant(truth)
    table, outcomes = agreement_table(votes), [majority(v, tie) for v in votes]
    right: dict[int, list[bool]] = {row.k: [] for row in table.rows}
    for outcome, t in zip(outcomes, truth, strict=True):
        right.get(outcome.votes, []).append(outcome.label == t)
    return [(row, sum(right[row.k]) / row.count if row.count else float("nan")) for row in table.rows]


def minority_report(votes: Votes) -> list[tuple[int, Majority, list[int]]]:
    """Samples on which not all agree: index, outcome, and which voters gave another label (abstentions are none)."""
    found = []
    for i, vote in enumerate(votes):
        outcome = majority(vote)
        against = [j for j, v in enumerate(vote) if v is not None and v != outcome.label]
        if against:
            found.append((i, outcome, against))
    return found


def changed(base: Sequence[str | None], other: Sequence[str | None]) -> int:
    """Samples whose label differs between two columns.

    Raises:
        UsageError: Different lengths.
    """
    if len(base) != len(other):
        raise UsageError(f"columns of {len(base)} and {len(other)} labels.", code="metric_lengths")
    return sum(x != y for x, y in zip(base, other, strict=True))


def identical_columns(columns: Mapping[str, Sequence[str | None]]) -> list[list[str]]:
    """Names of columns that are the same in every sample, in groups of at least two: votes that count double."""
    groups: dict[tuple[str | None, ...], list[str]] = {}
    for name, column in columns.items():
        groups.setdefault(tuple(column), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def pairwise_kappa(votes: Votes) -> NDArray[np.float64]:
    """Cohen's kappa of every pair of voters over the samples on which both voted, from scikit-learn.

    Returns:
        ``(n, n)``, symmetric, 1 on the diagonal; NaN where a pair shares no sample, or where both always give one and
        the same label, so that chance alone explains everything.

    Raises:
        UsageError: Samples with different numbers of voters.
    """
    _voters(votes)
    index = {label: k for k, label in enumerate(sorted({v for vote in votes for v in vote if v is not None}))}
    codes = [[-1 if v is None else index[v] for v in vote] for vote in votes]
    return kappa_of_codes(np.array(codes, dtype=np.int64).reshape(len(codes), -1))


def kappa_of_codes(codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """:func:`pairwise_kappa` of labels as numbers from 0, ``(N, n)``; -1 abstains. A million samples take a second."""
    from sklearn.metrics import cohen_kappa_score

    n, k = codes.shape[1], int(codes.max(initial=0)) + 1
    kappa = np.eye(n)
    for i in range(n):
        for j in range(i):
            both = (codes[:, i] >= 0) & (codes[:, j] >= 0)
            # Each pair of labels once, weighted by how often it stands there: the same kappa, and no matter how many.
            counts = np.bincount(codes[both, i] * k + codes[both, j], minlength=k * k)
            cells = np.flatnonzero(counts)
            first, second = np.divmod(cells, k)
            varied = len(np.union1d(first, second)) > 1
            value = cohen_kappa_score(first, second, sample_weight=counts[cells]) if varied else float("nan")
            kappa[i, j] = kappa[j, i] = value
    return kappa


def _voters(votes: Votes) -> int:
    sizes = {len(v) for v in votes}
    if len(sizes) > 1:
        raise UsageError(
            f"samples have {min(sizes)} to {max(sizes)} voters.",
            code="metric_lengths",
            hint="Give each voter's label for each sample, or None where it has none.",
        )
    return sizes.pop() if sizes else 0


def vote_counts(votes: Votes) -> Floats:
    """How many voters gave each label: ``(N, K)``, labels sorted. The columns of both statistics below."""
    labels = sorted({v for vote in votes for v in vote if v is not None})
    index = {label: i for i, label in enumerate(labels)}
    table = np.zeros((len(votes), len(labels)))
    for row, vote in zip(table, votes, strict=True):
        for v in vote:
            if v is not None:
                row[index[v]] += 1
    return table


def alpha_columns(votes: Votes) -> Floats:
    """Columns for :func:`alpha_of_sums`: label counts of each sample, then its observed agreement, ``(N, K + 1)``.

    A sample with fewer than two votes has nothing to agree with and holds zeros.
    """
    return _alpha_columns(vote_counts(votes))


def alpha_of_counts(table: Floats) -> float:
    """:func:`krippendorff_alpha` of how many voters gave each label: ``(N, K)``."""
    return float(alpha_of_sums(_alpha_columns(table).sum(0)))


def _alpha_columns(table: Floats) -> Floats:
    cast = table.sum(1, keepdims=True)
    table = np.where(cast >= 2, table, 0.0)
    agreed = (table * (table - 1)).sum(1, keepdims=True) / np.maximum(cast - 1, 1)
    return np.hstack([table, agreed])


def alpha_of_sums(sums: Floats) -> NDArray[np.float64]:
    """Krippendorff's nominal alpha from sums of :func:`alpha_columns`: ``(..., K + 1)`` to ``(...)``.

    alpha = 1 - (n - 1) (n - sum of observed agreement) / (n^2 - sum of n_c^2), n_c votes for label c, n in all
    (Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011). NaN when only one label was ever given.
    """
    by_label, agreed = sums[..., :-1], sums[..., -1]
    n = by_label.sum(-1)
    expected = n**2 - (by_label**2).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - (n - 1) * (n - agreed) / expected, np.nan)


def krippendorff_alpha(votes: Votes) -> float:
    """Krippendorff's alpha for nominal labels; voters may abstain. In [-1, 1]; NaN without variety.

    >>> round(krippendorff_alpha([["a", "a"], ["b", "b"], ["a", "b"]]), 3)
    0.444
    """
    return float(alpha_of_sums(alpha_columns(votes).sum(0))) if votes else float("nan")


def fleiss_columns(votes: Votes) -> Floats:
    """Columns for :func:`fleiss_of_sums`: label counts over n, agreement of the sample, 1: ``(N, K + 2)``.

    Raises:
        UsageError: Fewer than two voters, or one abstained: Fleiss' kappa has no answer to that, alpha has.
    """
    n = _voters(votes)
    table = vote_counts(votes)
    if n < 2 or (table.sum(1) != n).any():
        raise UsageError(
            "Fleiss' kappa needs two or more voters who all voted on every sample.",
            code="metric_votes",
            hint="Take Krippendorff's alpha, which knows abstentions.",
        )
    agreement = ((table**2).sum(1, keepdims=True) - n) / (n * (n - 1))
    return np.hstack([table / n, agreement, np.ones((len(table), 1))])


def fleiss_of_sums(sums: Floats) -> NDArray[np.float64]:
    """Fleiss' kappa from sums of :func:`fleiss_columns`: ``(..., K + 2)`` to ``(...)``; NaN without variety."""
    samples = sums[..., -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = ((sums[..., :-2] / samples[..., None]) ** 2).sum(-1)
        # Shares that sum to 1 only up to rounding would turn 0 / 0 into a number.
        return np.where(chance < 1 - 1e-12, (sums[..., -2] / samples - chance) / (1 - chance), np.nan)


def fleiss_kappa(votes: Votes) -> float:
    """Fleiss' kappa (Fleiss, 1971) of n voters who all voted on every sample.

    Raises:
        UsageError: As :func:`fleiss_columns`.
    """
    return float(fleiss_of_sums(fleiss_columns(votes).sum(0))) if votes else float("nan")
