"""``fuse()``: late fusion of prediction files over every combination of modalities and top-n, in one call.

``A.hubert`` is a voter of the modality ``A``. Top-n has two readings (``facts`` of the MER2025 baseline and of the
voting-head paper), and both are offered: ``labels`` keeps the n highest labels of each file's probabilities, which is
how the voting-head paper words it; ``files`` takes the n best files of each modality, by accuracy on the other folds,
which is what the MER2025 code under it does with feature extractors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np

from affectrl import shelves
from affectrl.emotions.label_set import label_set as named_label_set
from affectrl.ensemble.agreement import Agreement, agreement
from affectrl.ensemble.judged import FOLDS, Known, by_fold
from affectrl.ensemble.opinions import Ints, Opinions
from affectrl.ensemble.outcome import answers_table
from affectrl.ensemble.reading import Mismatch, read_opinions
from affectrl.ensemble.reference import LIST_TASKS, Reference, refer
from affectrl.ensemble.soft import Fused, Soft, mean_weights, right
from affectrl.ensemble.vote import Results, best_of, voter_table
from affectrl.errors import Note, UsageError
from affectrl.scoring.files import Table, read

SHELF = "affectrl.ensemble.fusions"
TopOf = Literal["labels", "files"]
_DIGITS = 9
"""Decimals that values are compared at, so that rounding decides no tie; equal labels fall to the alphabet."""


@dataclass(frozen=True)
class Cell:
    """One fusion: which modalities, how many of what, by which way."""

    modalities: tuple[str, ...]
    top_n: int | None
    by: str
    soft: Soft
    fused: Fused

    @property
    def name(self) -> str:
        """Such as ``AV.top1.mean``."""
        joint = "" if all(len(m) == 1 for m in self.modalities) else "+"
        return ".".join([joint.join(self.modalities), *([f"top{self.top_n}"] if self.top_n else []), self.by])

    @cached_property
    def winners(self) -> Ints:
        """``(N,)``: the label that wins; -1 where nobody spoke."""
        spoke = self.soft.opinions.spoke[:, list(self.soft.voters)].any(1)
        return np.where(spoke, np.round(self.fused.value, _DIGITS).argmax(1), -1)

    def columns(self) -> dict[str, Any]:
        """The answers as columns: id, top, confidence and the value of each label."""
        o = self.soft.opinions
        words = np.array([*o.labels, ""], dtype=object)
        best = np.where(self.winners >= 0, self.fused.value.max(1), np.nan)
        return {
            "id": np.asarray(o.ids, dtype=object),
            "top": words[self.winners],
            "confidence": np.round(np.clip(best, 0.0, 1.0), 6),
            **{f"score_{word}": np.round(self.fused.value[:, k], 6) for k, word in enumerate(o.labels)},
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row a clip, as ``affectrl predict --labels`` writes them, with what each voter said beside."""
        o = self.soft.opinions
        for n in range(o.n):
            k = int(self.winners[n])
            top = o.labels[k] if k >= 0 else None
            said = {o.voters[m]: o.labels[o.codes[n, m]] for m in self.soft.voters if o.codes[n, m] >= 0}
            yield {
                "id": str(o.ids[n]),
                "emotions": [top] if top else [],
                "top": top,
                "confidence": round(min(max(float(self.fused.value[n, k]), 0.0), 1.0), 6) if top else None,
                "scores": {word: round(float(self.fused.value[n, i]), 6) for i, word in enumerate(o.labels)},
                "rule": self.name,
                "minority": {voter: label for voter, label in said.items() if label != top},
            }

    def table(self) -> Table:
        """The answers as a table that can be scored."""
        o = self.soft.opinions
        return answers_table(o.ids, [[o.labels[k]] if k >= 0 else [] for k in self.winners], self.name)


@dataclass(frozen=True)
class Fusion:
    """What came of it."""

    opinions: Opinions
    known: Known
    cells: tuple[Cell, ...]
    files: Mapping[str, str]
    notes: tuple[Note, ...]
    reference: Reference | None = None
    voters: Mapping[str, Results] | None = None
    best: str | None = None
    """The voter with the highest main score on these very clips."""
    results: Mapping[str, Results] | None = None
    """Name of a cell -> its results, with the difference to the best voter."""

    @cached_property
    def agreement(self) -> Agreement:
        """How far the voters agree."""
        return agreement(self.opinions, self.known)


def fusion_names() -> list[str]:
    """The ways of fusion that come with the package."""
    return shelves.names(SHELF)


def fuse(
    files: Mapping[str, str | Path],
    by: Sequence[str] = ("mean",),
    *,
    combine: bool = False,
    top_n: Sequence[int] = (),
    top_of: TopOf = "labels",
    ref: str | Path | None = None,
    task: str = "basic",
    label_set: str | None = None,
    on_mismatch: Mismatch = "error",
    column: str | None = None,
    ref_column: str | None = None,
    n_folds: int = FOLDS,
    resamples: int = 2000,
    seed: int = 0,
) -> Fusion:
    """Fuse.

    Args:
        files: Voter -> prediction file; up to its first dot a voter's name tells its modality.
        by: Names of the shelf ``fusions``, or of modules of one's own; ``all`` for each that what is given allows.
        combine: Every combination of modalities; else all of them at once.
        top_n: Numbers of labels, or files, that are kept of each file, or modality; none: all.
        top_of: ``labels`` or ``files``.
        ref: A reference; ways that learn, and top-n of files, need one.
        task: ``basic`` or ``sentiment``.
        label_set: Closed set that labels are put into.
        on_mismatch: See :data:`affectrl.ensemble.reading.MISMATCH`.
        column: Column of the labels, where it is none of the usual.
        ref_column: Column of the reference, likewise.
        n_folds: Folds of the reference; speakers stay whole.
        resamples: Of each interval.
        seed: Of folds and intervals.

    Raises:
        UsageError: ``unknown_name``, ``vote_option``, ``vote_reference``; as
            :func:`affectrl.ensemble.reading.read_opinions` and :func:`affectrl.ensemble.reference.refer`.
        DataError: Likewise.
    """
    if task in LIST_TASKS:
        raise UsageError(
            f"{task} has lists, and probabilities are of a closed set.", code="vote_option", hint="Take affectrl vote."
        )
    if top_of not in ("labels", "files") or any(n < 1 for n in top_n):
        raise UsageError("top-n is of labels or files, from 1.", code="vote_option", hint="--top-n 1 --top-of labels")
    chosen = named_label_set(label_set) if label_set else None
    found = read_opinions(files, label_set=chosen, column=column, on_mismatch=on_mismatch)
    opinions, notes, reference = found.opinions, list(found.notes), None
    if ref is not None:
        reference, opinions, more = refer(
            ref, opinions, task, label_set=chosen, label_set_name=label_set, column=ref_column,
            on_mismatch=on_mismatch, n_folds=n_folds, resamples=resamples, seed=seed,
        )  # fmt: skip
        notes += more
    known = Known() if reference is None else Known(truth=reference.truth, fold=reference.fold)
    ways = [name for name in fusion_names() if reference or not _way(name).LEARNS] if "all" in by else by
    cells = []
    for modalities in modality_sets(opinions.voters, combine):
        taking = tuple(m for m, name in enumerate(opinions.voters) if modality(name) in modalities)
        for n in top_n or (None,):
            for way in dict.fromkeys(ways):
                soft = Soft(opinions, taking, n if top_of == "labels" else None)
                fused = _best_files(soft, way, n, known) if n and top_of == "files" else _way(way).fuse(soft, known)
                cells.append(Cell(modalities, n, way, soft, fused))
    if reference is None:
        return Fusion(opinions, known, tuple(cells), found.files, tuple(notes))
    voters = {
        name: reference.scores(read(path, skip_damaged=True), pred_column=column) for name, path in found.files.items()
    }
    best = best_of(voters)
    against = voter_table(opinions, best)
    results = {cell.name: reference.scores(cell.table(), against=against, pred_column="top") for cell in cells}
    return Fusion(opinions, known, tuple(cells), found.files, tuple(notes), reference, voters, best, results)


def _way(name: str) -> Any:
    module = shelves.load(SHELF, name)
    if not hasattr(module, "fuse"):
        raise UsageError(f"{name} is no fusion.", code="unknown_name", hint=f"Known: {', '.join(fusion_names())}.")
    return module


def modality(voter: str) -> str:
    """The modality in a voter's name: what stands before its first dot."""
    return voter.partition(".")[0]


def modality_sets(voters: Sequence[str], combine: bool) -> list[tuple[str, ...]]:
    """The modalities that are fused: all at once, or every combination, small ones first."""
    every = sorted({modality(name) for name in voters})
    sizes = range(1, len(every) + 1) if combine else [len(every)]
    return [one for size in sizes for one in combinations(every, size)]


def _best_files(soft: Soft, way: str, n: int, known: Known) -> Fused:
    """The n most accurate files of each modality, chosen for each fold on the others."""
    truth, fold = known.need_truth("top-n of files")
    o = soft.opinions
    score = by_fold(right(soft, o.truth_codes(truth)).astype(float), fold)
    value = np.zeros((o.n, o.k))
    weight = np.zeros_like(score)
    done: dict[tuple[int, ...], Fused] = {}
    for f, row in enumerate(score):
        places: list[int] = []
        for name in sorted({modality(o.voters[m]) for m in soft.voters}):
            mine = [place for place, m in enumerate(soft.voters) if modality(o.voters[m]) == name]
            places += sorted(mine, key=lambda place: (-row[place], place))[:n]
        taken = tuple(sorted(soft.voters[place] for place in places))
        part = soft.but(voters=taken)
        if taken not in done:
            done[taken] = _way(way).fuse(part, known)
        fused = done[taken]
        value[fold == f] = fused.value[fold == f]
        for place, m in enumerate(soft.voters):
            share = (fused.weights or dict.fromkeys((o.voters[t] for t in taken), 1.0)).get(o.voters[m], 0.0)
            weight[f, place] = share
    return Fused(value, mean_weights(soft, weight))
