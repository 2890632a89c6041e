"""``compare()``: many systems on the same clips, each against one of them, corrected for how many are compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affectrl.emotions.label_set import label_set as named_label_set
from affectrl.ensemble.agreement import Agreement, agreement
from affectrl.ensemble.opinions import Opinions
from affectrl.ensemble.reading import Mismatch, read_opinions
from affectrl.ensemble.reference import LIST_TASKS, refer
from affectrl.ensemble.vote import Results, default_task, setting
from affectrl.errors import Note, UsageError
from affectrl.scoring.files import read
from affectrl.scoring.score import BUILTIN
from affectrl.shelves import nearest


@dataclass(frozen=True)
class Compared:
    """Systems on the same clips."""

    task: str
    to: str
    """The system that all are compared with."""
    results: Mapping[str, Results]
    """System -> wheels -> result, with the difference to ``to`` for the others."""
    corrected: Mapping[str, Mapping[str, float]]
    """Wheels -> system -> p-value after Benjamini and Hochberg, "Controlling the false discovery rate", 1995."""
    agreement: Agreement
    opinions: Opinions
    truth: Sequence[Any]
    """The reference of each clip."""
    files: Mapping[str, str]
    notes: tuple[Note, ...]


def compare(
    files: Mapping[str, str | Path],
    ref: str | Path,
    *,
    to: str | None = None,
    task: str | None = None,
    wheels: Sequence[str] = (BUILTIN,),
    label_set: str | None = None,
    on_mismatch: Mismatch = "error",
    column: str | None = None,
    ref_column: str | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Compared:
    """Compare.

    Args:
        files: System -> prediction file.
        ref: The reference.
        to: The system that all are compared with; by default the first.
        task: As :func:`affectrl.ensemble.vote.vote`.
        wheels: Likewise.
        label_set: Likewise.
        on_mismatch: Likewise.
        column: Likewise.
        ref_column: Likewise.
        resamples: Of each interval.
        seed: Of intervals and tests.

    Raises:
        UsageError: ``unknown_name``: ``to`` is none of the systems; as
            :func:`affectrl.ensemble.reading.read_opinions` and :func:`affectrl.ensemble.reference.refer`.
        DataError: Likewise.
    """
    task = task or default_task(files)
    lists = task in LIST_TASKS
    chosen = named_label_set(label_set) if label_set and not lists else None
    found = read_opinions(files, lists=lists, label_set=chosen, column=column, on_mismatch=on_mismatch)
    reference, opinions, more = refer(
        ref, found.opinions, task, wheels=wheels, label_set=chosen, label_set_name=label_set, column=ref_column,
        on_mismatch=on_mismatch, n_folds=2, resamples=resamples, seed=seed,
    )  # fmt: skip
    first = to or next(name for name in files if name in found.files)
    if first not in found.files:
        raise UsageError(f"no system is called {first!r}.", code="unknown_name", hint=nearest(first, found.files))
    tables = {name: read(path, skip_damaged=True) for name, path in found.files.items()}
    results = {
        name: reference.scores(table, against=None if name == first else tables[first], pred_column=column)
        for name, table in tables.items()
    }
    corrected = {wheel: _corrected(results, wheel) for wheel in results[first]}
    known = setting(wheels[0], reference)
    notes = (*found.notes, *more)
    agreed = agreement(opinions, known)
    return Compared(task, first, results, corrected, agreed, opinions, reference.truth, found.files, notes)


def _corrected(results: Mapping[str, Results], wheel: str) -> dict[str, float]:
    from scipy.stats import false_discovery_control

    raw = {}
    for name, by_wheel in results.items():
        result = by_wheel[wheel]
        if result.against is not None:
            raw[name] = float(result.against["scores"][result.main]["p_value"])
    there = [name for name, p in raw.items() if math.isfinite(p)]
    found = false_discovery_control([raw[name] for name in there]) if there else []
    return dict.fromkeys(raw, float("nan")) | dict(zip(there, map(float, found), strict=True))
