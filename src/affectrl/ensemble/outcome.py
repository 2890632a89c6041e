"""From what a rule says of each label to an answer: the winner, the labels kept, and the minority, which is never lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affectrl.ensemble.judged import Known, Ruling
from affectrl.ensemble.opinions import Floats, Ints, Opinions
from affectrl.errors import UsageError
from affectrl.metrics.emotion_wheel import ew, ew_of_sums
from affectrl.metrics.label_masks import masked
from affectrl.scoring.files import Table

KEEP = 0.5
"""Lists: a label is kept from this value on, which for the plain rules means that half of the voters back it."""
LEARNED = "learned"
"""In place of a number: the threshold that is best on the other folds."""
GRID = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Thresholds that are tried when it is learned; 0 keeps all that is backed at all."""
_DIGITS = 9
"""Decimals that values are compared at, so that rounding decides no tie."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a rule."""

    opinions: Opinions
    rule: str
    ruling: Ruling
    threshold: Floats
    """``(N,)``: from which value on labels are kept. The winner always is."""

    @cached_property
    def order(self) -> Ints:
        """``(C,)``: candidates by clip and there from the winner down.

        Equal values fall to the label that somebody named with more confidence (the voting-head paper's rule), then to
        the alphabet.
        """
        pairs = self.opinions.candidates
        return np.lexsort((pairs.label, -pairs.best, -np.round(self.ruling.value, _DIGITS), pairs.clip))

    @cached_property
    def place(self) -> Ints:
        """``(C,)``: each candidate's place within its clip, 0 for the winner."""
        pairs = self.opinions.candidates
        clip = pairs.clip[self.order]
        starts = np.concatenate([[0], np.cumsum(np.bincount(clip, minlength=self.opinions.n))])[clip]
        place = np.empty(len(pairs), dtype=np.int64)
        place[self.order] = np.arange(len(pairs)) - starts
        return place

    @cached_property
    def kept(self) -> NDArray[np.bool_]:
        """``(C,)``: whether the label stands in the answer."""
        if not self.opinions.lists:
            return self.place == 0
        return self._from(self.threshold[self.opinions.candidates.clip])

    def _from(self, threshold: Floats | float) -> NDArray[np.bool_]:
        # What has no backing at all is never kept, be the threshold 0.
        backed = self.ruling.value > 0
        return (self.place == 0) | backed & (np.round(self.ruling.value - threshold, _DIGITS) >= 0)

    @cached_property
    def winners(self) -> Ints:
        """``(N,)``: the label that wins; -1 where nobody voted."""
        pairs = self.opinions.candidates
        found = np.full(self.opinions.n, -1, dtype=np.int64)
        first = self.place == 0
        found[pairs.clip[first]] = pairs.label[first]
        return found

    @property
    def answers(self) -> list[str | None]:
        """The winners as words."""
        return [self.opinions.labels[k] if k >= 0 else None for k in self.winners]

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row a clip, as ``affectrl predict`` writes and ``affectrl score`` reads them, with the minority beside.

        ``confidence`` is the winner's value; ``votes`` counts voters; ``minority`` has what was voted for and is not
        kept, with its value and its voters; ``abstained`` names those who said nothing.
        """
        o, pairs = self.opinions, self.opinions.candidates
        by_pair = np.argsort(pairs.of_entry, kind="stable")
        starts = np.concatenate([[0], np.cumsum(pairs.votes.astype(np.int64))])
        ends = np.cumsum(np.bincount(pairs.clip, minlength=o.n))
        begin = 0
        for n in range(o.n):
            mine = self.order[begin : ends[n]]
            begin = int(ends[n])
            kept = [o.labels[pairs.label[c]] for c in mine if self.kept[c]]
            minority = [
                {
                    "label": o.labels[pairs.label[c]],
                    "value": round(float(self.ruling.value[c]), 6),
                    "voters": sorted(o.voters[o.voter[e]] for e in by_pair[starts[c] : starts[c + 1]]),
                }
                for c in mine
                if not self.kept[c]
            ]
            top = mine[0] if len(mine) else None
            yield {
                "id": str(o.ids[n]),
                "emotions": kept,
                "top": kept[0] if kept else None,
                "confidence": None if top is None else round(min(max(float(self.ruling.value[top]), 0.0), 1.0), 6),
                "rule": self.rule,
                "votes": {o.labels[pairs.label[c]]: int(pairs.votes[c]) for c in mine},
                "minority": minority,
                "abstained": [o.voters[m] for m in np.flatnonzero(~o.spoke[n])],
            }

    def lists(self, threshold: float | None = None) -> list[list[str]]:
        """The labels of each answer, the winner first; with another threshold for all clips on request."""
        o, pairs = self.opinions, self.opinions.candidates
        kept = self.kept if threshold is None else self._from(threshold)
        found: list[list[str]] = [[] for _ in range(o.n)]
        for c in self.order[kept[self.order]]:
            found[pairs.clip[c]].append(o.labels[pairs.label[c]])
        return found


def outcome(opinions: Opinions, rule: str, ruling: Ruling, known: Known, keep: float | str = KEEP) -> Outcome:
    """The outcome of a ruling.

    Args:
        opinions: The ballots.
        rule: Name of the rule.
        ruling: What it said.
        known: The setting; for ``learned`` it holds a reference.
        keep: Lists: the threshold in [0, 1], or ``learned``: for each fold the one whose EW F is best on the others.

    Raises:
        UsageError: ``vote_option``: no such threshold; ``vote_reference``: nothing to learn it from.
    """
    if keep != LEARNED and not (isinstance(keep, int | float) and 0 <= keep <= 1):
        raise UsageError(f"--keep is {keep!r}.", code="vote_option", hint=f"It is from 0 to 1, or {LEARNED}.")
    first = Outcome(opinions, rule, ruling, np.full(opinions.n, KEEP if keep == LEARNED else float(keep)))
    if keep != LEARNED or not opinions.lists:
        return first
    truth, fold = known.need_truth(f"--keep {LEARNED}")
    return Outcome(opinions, rule, ruling, learned_thresholds(first, truth, fold, known))


def learned_thresholds(first: Outcome, truth: Sequence[Any], fold: Ints, known: Known) -> Floats:
    """``(N,)``: for the clips of each fold the threshold of :data:`GRID` whose EW F is best on the other folds.

    The lowest of several that are equally good: it keeps more opinions.
    """
    placed = masked(truth, known.space, known.rules)
    columns = [ew(placed, first.lists(t), known.space, known.rules).columns for t in GRID]
    threshold = np.empty(len(fold))
    for f in range(int(fold.max()) + 1):
        sums = np.stack([table[fold != f].sum(0) for table in columns])
        score = np.nan_to_num(ew_of_sums(sums, len(known.space.wheels), known.rules)[:, 0])
        threshold[fold == f] = GRID[int(score.argmax())]
    return threshold


def answers_table(ids: Sequence[str], lists: Sequence[Sequence[str]], name: str) -> Table:
    """Lists, the first label of each also as ``top``, as a table that can be scored."""
    return Table(
        name,
        {
            "id": [str(i) for i in ids],
            "emotions": [list(labels) for labels in lists],
            "top": [labels[0] if labels else None for labels in lists],
        },
        range(1, len(lists) + 1),
        place="row",
    )
