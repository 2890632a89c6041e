"""What several voters said of the same clips, as columns: a million clips of eight voters are a few arrays.

A voter is a model, a checkpoint, a prompt, a sample or a crowd. It gives each clip a ballot: one label, or a list of
them with the first one ranked first; an empty ballot abstains. Voters are kept in the order of their names, so that no
outcome can hang on the order in which files were given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affectrl.errors import UsageError

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Candidates:
    """Each label that somebody gave to a clip: C pairs, by clip, then by label."""

    clip: Ints
    """``(C,)``, indices of clips."""
    label: Ints
    """``(C,)``, indices of labels."""
    of_entry: Ints
    """``(E,)``: the pair that each entry of a ballot speaks for."""
    votes: Floats
    """``(C,)``: voters who named it."""
    best: Floats
    """``(C,)``: the highest confidence with which it was named; -1 where none was told."""

    def __len__(self) -> int:
        return len(self.clip)


@dataclass(frozen=True)
class Opinions:
    """E entries of ballots: ``voter[e]`` named ``label[e]`` for ``clip[e]``, as number ``rank[e]`` of its list."""

    ids: Sequence[str]
    """N names of clips."""
    voters: tuple[str, ...]
    """M names, sorted."""
    labels: tuple[str, ...]
    """K words, sorted."""
    clip: Ints
    voter: Ints
    label: Ints
    rank: Ints
    confidence: Floats
    """``(E,)`` in [0, 1]; NaN where the voter told none."""
    lists: bool = False
    """Whether ballots are lists; else no ballot has two entries."""
    scores: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)
    """Voter -> ``(N, K)``: its probability of each label, for voters that told them; NaN where one did not."""

    @property
    def n(self) -> int:
        """Clips."""
        return len(self.ids)

    @property
    def m(self) -> int:
        """Voters."""
        return len(self.voters)

    @property
    def k(self) -> int:
        """Labels."""
        return len(self.labels)

    @cached_property
    def lengths(self) -> Ints:
        """``(N, M)``: labels on each ballot; 0 abstains."""
        return np.bincount(self.clip * self.m + self.voter, minlength=self.n * self.m).reshape(self.n, self.m)

    @cached_property
    def spoke(self) -> NDArray[np.bool_]:
        """``(N, M)``: who did not abstain."""
        return self.lengths > 0

    @cached_property
    def cast(self) -> Ints:
        """``(N,)``: ballots that are not empty."""
        return self.spoke.sum(1)

    @cached_property
    def codes(self) -> Ints:
        """``(N, M)``: the first label of each ballot; -1 abstains."""
        table = np.full((self.n, self.m), -1, dtype=np.int32)
        first = self.rank == 0
        table[self.clip[first], self.voter[first]] = self.label[first]
        return table

    @cached_property
    def candidates(self) -> Candidates:
        """Every label that has a vote, clip by clip."""
        keys, of_entry = np.unique(self.clip * max(self.k, 1) + self.label, return_inverse=True)
        best = np.full(len(keys), -1.0)
        told = np.isfinite(self.confidence)
        np.maximum.at(best, of_entry[told], self.confidence[told])
        clip, label = np.divmod(keys, max(self.k, 1))
        return Candidates(clip, label, of_entry, np.bincount(of_entry, minlength=len(keys)).astype(float), best)

    def per_pair(self, weights: NDArray[Any]) -> Floats:
        """Sum of the entries' weights ``(E,)`` over each candidate: ``(C,)``."""
        pairs = self.candidates
        return np.bincount(pairs.of_entry, weights, minlength=len(pairs)).astype(float)

    def truth_codes(self, truth: Sequence[str]) -> Ints:
        """Labels of a reference as codes; -1 for one that nobody gave."""
        index = {label: k for k, label in enumerate(self.labels)}
        return np.array([index.get(word, -1) for word in truth], dtype=np.int64)

    def pick(self, clips: Ints) -> Opinions:
        """Only these clips, in this order."""
        return self.onto([self.ids[i] for i in clips], clips)

    def onto(self, ids: Sequence[str], clips: Ints) -> Opinions:
        """The opinions of clips that are called ``ids`` and stand here at ``clips``; at -1 nobody has spoken."""
        new = np.full(self.n + 1, -1, dtype=np.int64)
        new[clips] = np.arange(len(clips))
        new[-1] = -1
        keep = new[self.clip] >= 0
        voter, label, rank = self.voter[keep], self.label[keep], self.rank[keep]
        confidence = self.confidence[keep]
        lost = (clips < 0)[:, None]
        scores = {m: np.where(lost, np.float32(np.nan), table[clips]) for m, table in self.scores.items()}
        return Opinions(ids, self.voters, self.labels, new[self.clip[keep]], voter, label, rank, confidence,
                        self.lists, scores)  # fmt: skip


def of_ballots(
    ids: Sequence[str],
    ballots: Mapping[str, Sequence[Sequence[str]]],
    confidence: Mapping[str, Sequence[float | None]] | None = None,
) -> Opinions:
    """Opinions that are in memory: for each voter a list of labels a clip, ``[]`` where it abstains.

    Args:
        ids: N names of clips.
        ballots: Voter -> N lists.
        confidence: Voter -> the confidence in its first label, in [0, 1]; ``None`` where it told none.

    Raises:
        UsageError: ``vote_few``: no voter; ``metric_lengths``: not a ballot a clip.

    >>> of_ballots(["a"], {"one": [["sad"]], "two": [["sad", "angry"]]}).candidates.votes.tolist()
    [1.0, 2.0]
    """
    if not ballots:
        raise UsageError("nobody votes.", code="vote_few", hint="Give two or more voters.")
    if strange := next((name for name, given in ballots.items() if len(given) != len(ids)), None):
        raise UsageError(f"{strange!r} has {len(ballots[strange])} ballots for {len(ids)} clips.",
                         code="metric_lengths", hint="Give one a clip; an empty one abstains.")  # fmt: skip
    voters = tuple(sorted(ballots))
    given = [[list(dict.fromkeys(ballot)) for ballot in ballots[name]] for name in voters]
    labels = tuple(sorted({word for column in given for ballot in column for word in ballot}))
    index = {word: k for k, word in enumerate(labels)}
    told = confidence or {}
    rows = [
        (n, m, index[word], rank, _told(told.get(name), n) if rank == 0 else np.nan)
        for m, name in enumerate(voters)
        for n, ballot in enumerate(given[m])
        for rank, word in enumerate(ballot)
    ]
    table = np.array(rows, dtype=float).reshape(-1, 5)
    clip, voter, label, rank = (table[:, i].astype(np.int64) for i in range(4))
    lists = any(len(ballot) > 1 for column in given for ballot in column)
    return Opinions(list(ids), voters, labels, clip, voter, label, rank, table[:, 4], lists)


def _told(column: Sequence[float | None] | None, n: int) -> float:
    value = None if column is None else column[n]
    return np.nan if value is None else float(value)
