"""What a vote rule may know beside the ballots: wheels, and a reference, of which a clip sees only the other folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affectrl.emotions.space import FIELD, WheelSpace
from affectrl.ensemble.opinions import Candidates, Floats, Ints, Opinions
from affectrl.errors import UsageError
from affectrl.metrics.emotion_wheel import ew
from affectrl.metrics.wheel_rules import RULES, Rules

FOLDS = 5


@dataclass(frozen=True)
class Known:
    """The setting of a vote.

    Args:
        space: Wheels and words, for rules that look at groups of words.
        rules: How words are read.
        truth: For each clip its reference: a label, or with ``lists`` a list of them; ``None`` without a reference.
        fold: ``(N,)``: the fold of each clip. What is learned for a clip is learned on the other folds.
    """

    space: WheelSpace = field(default_factory=WheelSpace.builtin)
    rules: Rules = RULES["affectrl"]
    truth: Sequence[Any] | None = None
    fold: Ints | None = None

    def need_truth(self, rule: str) -> tuple[Sequence[Any], Ints]:
        """The reference and the folds.

        Raises:
            UsageError: ``vote_reference``: there is none.
        """
        if self.truth is None or self.fold is None:
            raise UsageError(f"{rule} learns from a reference.", code="vote_reference", hint="Give one with --ref.")
        return self.truth, self.fold


@dataclass(frozen=True)
class Ruling:
    """What a rule says of each candidate."""

    value: Floats
    """``(C,)`` in [0, 1]: how far the label is backed; the highest of a clip wins."""
    weights: dict[str, float] | None = None
    """Voter -> the weight that was learned for it, mean over folds."""


def folds(n: int, truth: Sequence[Any] | None, groups: Sequence[str] | None, *, k: int = FOLDS, seed: int = 0) -> Ints:
    """The fold of each clip, ``(N,)``: speakers whole where they are known, else classes spread evenly.

    Raises:
        UsageError: ``vote_option``: fewer clips, or speakers, than folds.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

    units = len(set(groups)) if groups is not None else n
    if not 2 <= k <= units:
        raise UsageError(
            f"{units} {'clips' if groups is None else 'speakers'} cannot be put into {k} folds.",
            code="vote_option",
            hint="Give --folds from 2 to that number.",
        )
    single = truth is not None and all(isinstance(label, str) for label in truth)
    counts = np.unique(np.array(truth, dtype=str), return_counts=True)[1] if single and truth else np.zeros(1)
    if groups is not None:
        splits = GroupKFold(k, shuffle=True, random_state=seed).split(np.zeros(n), groups=groups)
    elif counts.max() >= k and single:
        # Sorted first: sklearn warns of classes with fewer clips than folds, and spreads them all the same.
        labels = np.array(truth, dtype=str)
        rare = np.isin(labels, [word for word, c in zip(*np.unique(labels, return_counts=True), strict=True) if c < k])
        splits = StratifiedKFold(k, shuffle=True, random_state=seed).split(np.zeros(n), np.where(rare, "", labels))
    else:
        splits = KFold(k, shuffle=True, random_state=seed).split(np.zeros(n))
    fold = np.zeros(n, dtype=np.int64)
    for at, (_, test) in enumerate(splits):
        fold[test] = at
    return fold


def quality(opinions: Opinions, known: Known, rule: str) -> Floats:
    """``(N, M)``: how well each voter did on each clip; NaN where the reference says nothing.

    One label: 1 where it is the reference's, 0 where not or abstained. Lists: EW F of the clip.
    """
    truth, _ = known.need_truth(rule)
    if not opinions.lists:
        return (opinions.codes == opinions.truth_codes(truth)[:, None]).astype(float) * opinions.spoke
    columns = [ew(truth, ballots_of(opinions, m), known.space, known.rules).of_samples() for m in range(opinions.m)]
    return np.stack(columns, axis=1)


def by_fold(scores: Floats, fold: Ints) -> Floats:
    """``(F, M)``: mean of ``(N, M)`` over the clips that are not in the fold, in [0, 1]."""
    there = np.isfinite(scores)
    filled = np.where(there, scores, 0.0)
    return np.stack(
        [filled[fold != f].sum(0) / np.maximum(there[fold != f].sum(0), 1) for f in range(int(fold.max()) + 1)]
    )


def ballots_of(opinions: Opinions, voter: int) -> list[list[str]]:
    """A voter's lists, clip by clip."""
    lists: list[list[str]] = [[] for _ in range(opinions.n)]
    mine = np.flatnonzero(opinions.voter == voter)
    for e in mine[np.lexsort((opinions.rank[mine], opinions.clip[mine]))]:
        lists[opinions.clip[e]].append(opinions.labels[opinions.label[e]])
    return lists


@dataclass(frozen=True)
class Groups:
    """Groups of words: the level-1 clusters of every wheel, numbered through."""

    of_label: Ints
    """``(K, W)``: the group of a label on each wheel; -1 where it is on none."""
    wheel: Ints
    """``(G,)``: the wheel of each group."""

    @property
    def n(self) -> int:
        """Groups on all wheels."""
        return len(self.wheel)

    @cached_property
    def on(self) -> NDArray[np.bool_]:
        """``(K, W)``: whether the wheel knows the label."""
        return self.of_label >= 0

    def mean(self, probability: Floats, pairs: Candidates, otherwise: Floats) -> Floats:
        """For each candidate the mean of ``probability`` ``(N, G)`` over its groups; ``otherwise`` without one."""
        at, on = self.of_label[pairs.label], self.on[pairs.label]
        total = np.where(on, probability[pairs.clip[:, None], np.where(on, at, 0)], 0.0).sum(1)
        return np.divide(total, on.sum(1), out=otherwise.copy(), where=on.any(1))


def groups(words: Sequence[str], known: Known) -> Groups:
    """The groups of words under the setting's wheels and reading."""
    masks = known.space.masks(known.rules.reading)
    n_wheels, one = len(known.space.wheels), (1 << FIELD) - 1
    table = np.full((len(words), n_wheels), -1, dtype=np.int64)
    for row, word in enumerate(words):
        mask = masks[word.lower().strip()]
        for w in range(n_wheels):
            table[row, w] = (mask >> FIELD * w & one).bit_length() - 1
    # Numbered through, and only those that somebody named.
    seen = sorted({(w, int(bit)) for w in range(n_wheels) for bit in table[:, w] if bit >= 0})
    number = {place: g for g, place in enumerate(seen)}
    for row in range(len(words)):
        for w in range(n_wheels):
            table[row, w] = number.get((w, int(table[row, w])), -1)
    return Groups(table, np.array([w for w, _ in seen], dtype=np.int64))


def panel(opinions: Opinions, found: Groups) -> NDArray[np.bool_]:
    """``(N, M, G)``: whether a voter named a word of the group."""
    table = np.zeros((opinions.n, opinions.m, found.n), dtype=bool)
    at = found.of_label[opinions.label]
    entry, wheel = np.nonzero(at >= 0)
    table[opinions.clip[entry], opinions.voter[entry], at[entry, wheel]] = True
    return table


def truth_panel(
    truth: Sequence[Any], words: Sequence[str], known: Known
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The reference in the groups of ``words``: ``(N, G)``, and whether a wheel knows any of it: ``(N, W)``."""
    from affectrl.metrics.label_masks import read_labels

    lists = [read_labels(value, known.rules) for value in truth]
    more = sorted({word for words_ in lists for word in words_} - set(words))
    every = [*words, *more]
    found = groups(every, known)
    index = {word: k for k, word in enumerate(every)}
    own = groups(words, known)
    # The groups of the ballots' words among those of all words.
    column = {int(found.of_label[k, w]): int(own.of_label[k, w]) for k in range(len(words))
              for w in range(own.of_label.shape[1]) if own.of_label[k, w] >= 0}  # fmt: skip
    table = np.zeros((len(lists), own.n), dtype=bool)
    kept = np.zeros((len(lists), len(known.space.wheels)), dtype=bool)
    for n, labels in enumerate(lists):
        for word in labels:
            for w, g in enumerate(found.of_label[index[word]]):
                if g >= 0:
                    kept[n, w] = True
                    if int(g) in column:
                        table[n, column[int(g)]] = True
    return table, kept
