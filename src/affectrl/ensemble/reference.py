"""A reference for a vote: what is learned from, and what rules and voters are scored against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from affectrl.emotions.label_set import LabelSet, normalise
from affectrl.ensemble.judged import FOLDS, folds
from affectrl.ensemble.opinions import Ints, Opinions
from affectrl.ensemble.reading import Mismatch
from affectrl.errors import DataError, Note, UsageError
from affectrl.metrics.classification import refuse_constant
from affectrl.scoring import groups
from affectrl.scoring.align import Side
from affectrl.scoring.closed import number
from affectrl.scoring.files import Table, is_blank, read
from affectrl.scoring.result import Result
from affectrl.scoring.score import BUILTIN, score
from affectrl.scoring.task import first_label

LIST_TASKS = ("ov", "hitrate")
"""Tasks whose answers are lists; those of the others hold one label."""
TASKS = ("ov", "hitrate", "basic", "sentiment")
_COLUMNS = {
    "ov": ("openset", "labels", "label"),
    "hitrate": ("label", "discrete", "labels"),
    "basic": ("label", "discrete", "labels"),
    "sentiment": ("valence", "val", "label", "sentiment", "labels"),
}
"""As the tasks of ``affectrl score`` look for them."""
_TOLD = 5


@dataclass(frozen=True)
class Reference:
    """The reference of N clips, in the order of their opinions."""

    task: str
    table: Table
    truth: list[Any]
    """A label a clip; for lists the cell, whatever holds the list."""
    fold: Ints
    wheels: tuple[str, ...] = (BUILTIN,)
    """What to score with: ``builtin`` and folders of word tables, for tasks that need wheels."""
    label_set: str | None = None
    column: str | None = None
    resamples: int = 2000
    seed: int = 0
    _kept: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def scores(self, pred: Table, *, against: Table | None = None, pred_column: str | None = None) -> dict[str, Result]:
        """The result under each of the wheels; under ``""`` for tasks that need none."""
        needs = self.task in LIST_TASKS
        return {
            Path(wheels).name if needs else "": score(
                self.task,
                pred,
                self.table,
                wheels=wheels,
                label_set=self.label_set if self.task == "basic" else None,
                strict_lists=False if self.task == "basic" else None,
                missing="wrong",
                resamples=self.resamples,
                seed=self.seed,
                ref_column=self.column,
                pred_column=pred_column,
                against=against,
            )
            for wheels in (self.wheels if needs else (BUILTIN,))
        }


def check_task(task: str) -> None:
    """Refuse what is no task of a vote.

    Raises:
        UsageError: ``vote_option``.
    """
    if task not in TASKS:
        raise UsageError(f"no vote has the task {task!r}.", code="vote_option", hint=f"Take {', '.join(TASKS)}.")


def refer(
    path: str | Path,
    opinions: Opinions,
    task: str,
    *,
    wheels: Sequence[str] = (BUILTIN,),
    label_set: LabelSet | None = None,
    label_set_name: str | None = None,
    column: str | None = None,
    on_mismatch: Mismatch = "error",
    n_folds: int = FOLDS,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[Reference, Opinions, list[Note]]:
    """The reference, and the opinions of its clips in its order.

    Clips that the reference does not have are left out, which a note tells.

    Raises:
        UsageError: ``vote_option``: no such task, or too few clips for the folds; ``metric_constant``: the reference is
            one and the same label for all.
        DataError: As :func:`affectrl.scoring.files.read`; ``vote_clips``: clips that no file has; ``score_value``: a
            clip without a reference, or with one that the label set does not have;
            ``vote_labels``: no label of it stands in any file.
    """
    check_task(task)
    table = read(path, skip_damaged=on_mismatch != "error")
    ids, at, notes = _clips(table, opinions, on_mismatch)
    rows = {name: row for row, name in enumerate(table.ids)}
    table = _rows(table, [rows[name] for name in ids])
    side = Side(table, range(len(table)))
    cells = table.columns[table.find([column] if column else _COLUMNS[task], "the reference labels")]
    truth = [_truth(side, place, cell, task, label_set) for place, cell in enumerate(cells)]
    if task in ("basic", "hitrate"):
        refuse_constant([str(label) for label in truth])
    if task == "basic" and label_set is None and not set(truth) & set(opinions.labels):
        raise DataError(
            f"has the labels {_some(set(truth))}; the prediction files have none of them, but "
            f"{_some(set(opinions.labels))}.",
            code="vote_labels",
            path=table.path,
            hint="Put all into one set with --label-set.",
        )
    speakers = groups.speakers(side)
    speakers = None if speakers is None or len(set(speakers)) < n_folds else speakers
    fold = folds(len(ids), truth if task != "ov" else None, speakers, k=n_folds, seed=seed)
    reference = Reference(task, table, truth, fold, tuple(wheels), label_set_name, column, resamples, seed)
    return reference, opinions.onto(ids, at), notes


def _truth(side: Side, place: int, cell: Any, task: str, label_set: LabelSet | None) -> Any:
    if task == "ov":
        return cell if type(cell) is str else [] if is_blank(cell) else [str(item) for item in cell]
    if task == "sentiment":
        value = number(cell)
        if value is not None:
            return "positive" if value > 0 else "negative" if value < 0 else "neutral"
    word = first_label(cell)
    found = None if word is None else label_set.canonical(word) if label_set else normalise(word)
    if found is None:
        raise DataError(
            f"{side.where(place)}: {cell!r} is no reference label.",
            code="score_value",
            path=side.table.path,
            hint="Mend that row, or choose another --label-set.",
        )
    return found


def _some(words: set[str]) -> str:
    return ", ".join(sorted(words)[:_TOLD])


def _clips(table: Table, opinions: Opinions, on_mismatch: Mismatch) -> tuple[list[str], Ints, list[Note]]:
    import pandas as pd

    ids = pd.Index(table.ids, dtype="str")
    here: Any = opinions.ids
    at = pd.Index(here, dtype="str").get_indexer(ids)
    notes = [Note("vote_damaged", f"The reference: {'; '.join(table.skipped[:_TOLD])}.")] if table.skipped else []
    extra = opinions.n - int((at >= 0).sum())
    if extra:
        notes.append(Note("vote_extra", f"{extra} clips are not in the reference and are left out."))
    lost = [table.ids[i] for i in np.flatnonzero(at < 0)]
    if not lost:
        return list(table.ids), at, notes
    told = f"{len(lost)} of the {len(table)} clips of the reference have no opinion"
    if on_mismatch == "error" or len(lost) == len(table):
        raise DataError(
            f"{told}: {', '.join(map(repr, lost[:_TOLD]))}{', ...' if len(lost) > _TOLD else ''}.",
            code="vote_clips",
            path=table.path,
            hint="--on-mismatch intersect leaves them out, abstain counts them as unanswered.",
        )
    if on_mismatch == "abstain":
        return list(table.ids), at, [*notes, Note("vote_missing", f"{told}, and count as unanswered.")]
    keep = np.flatnonzero(at >= 0)
    notes.append(Note("vote_intersection", f"{told} and are left out."))
    return [table.ids[i] for i in keep], at[keep], notes


def _rows(table: Table, rows: Sequence[int]) -> Table:
    if list(rows) == list(range(len(table))):
        return table
    columns: Mapping[str, Sequence[Any]] = {name: [cells[r] for r in rows] for name, cells in table.columns.items()}
    return replace(table, columns=columns, lines=[table.lines[r] for r in rows])
