"""One prediction file as ballots. Clean files of any size are read as columns; what is odd, by the careful reader.

The careful reader, :mod:`affectrl.scoring.files`, goes through Python objects and takes four seconds for a million
rows; pyarrow takes a third of one. So pyarrow reads first, and whatever it stumbles over, or what we do not expect (no
name, a name twice, a confidence that is no number), is read again with care, which ends in the same ballots or in an
error that names the line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affectrl.answers.lists import tolerant_list
from affectrl.emotions.label_set import LabelSet, normalise
from affectrl.errors import DataError
from affectrl.scoring.files import IDS, Table, is_blank, read
from affectrl.scoring.task import first_label

SINGLE = ("discrete", "top", "label", "sentiment", "preference")
"""Columns that hold one label, as the tasks of ``affectrl score`` name them; the first that is there is read."""
LISTS = ("openset", "emotions", "labels")
_BLANKS = r"^\s|\s$|^$"
"""A name with blanks around it, which the careful reader trims, or none."""
_FAST = {".csv", ".jsonl", ".ndjson", ".parquet"}


@dataclass(frozen=True)
class Ballots:
    """One voter's rows."""

    path: str
    ids: Sequence[str]
    """R names of clips, each once."""
    row: NDArray[np.integer[Any]]
    """``(E,)``: the row of each entry."""
    word: NDArray[np.integer[Any]]
    """``(E,)``: index into ``words``."""
    rank: NDArray[np.integer[Any]]
    words: tuple[str, ...]
    confidence: NDArray[np.float64]
    """``(R,)`` in [0, 1]; NaN where none is told."""
    scores: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """Word -> ``(R,)`` probability, NaN where none is told."""
    strange: Mapping[str, int] = field(default_factory=dict)
    """Words that the label set does not have, with how many ballots they stood on."""
    damaged: tuple[str, ...] = ()
    """Rows that were left out, one sentence each."""


Canonical = Callable[[str], str | None]


def read_ballots(
    path: str | Path,
    *,
    lists: bool,
    label_set: LabelSet | None = None,
    column: str | None = None,
    skip_damaged: bool = False,
) -> Ballots:
    """A prediction file as ballots.

    Args:
        path: CSV, JSONL, Parquet or npz, as ``affectrl score`` takes them.
        lists: Ballots are lists of labels; else each holds one.
        label_set: Set that labels are put into; words that it does not have are told in ``strange``.
        column: The column of labels, where it is none of the usual.
        skip_damaged: Leave out rows that cannot be read, in place of an error.

    Raises:
        DataError: As :func:`affectrl.scoring.files.read`; ``vote_confidence``: a confidence or score that is no number
            from 0 to 1; ``vote_label``: a label that is a mapping.
    """
    canonical: Canonical = label_set.canonical if label_set else normalise
    if not lists and (found := _quick(Path(path), column)) is not None:
        return _single(str(path), found, canonical)
    return _careful(read(path, skip_damaged=skip_damaged), lists, canonical, column)


def of_table(table: Table, *, lists: bool, label_set: LabelSet | None = None, column: str | None = None) -> Ballots:
    """Rows that are in memory, likewise."""
    return _careful(table, lists, label_set.canonical if label_set else normalise, column)


@dataclass(frozen=True)
class _Columns:
    ids: Any
    codes: NDArray[np.integer[Any]]
    """``(R,)`` into ``spelled``; -1 where the row abstains."""
    spelled: Sequence[str]
    confidence: NDArray[np.float64]
    scores: Mapping[str, NDArray[np.float32]]


def _quick(path: Path, column: str | None) -> _Columns | None:
    """The columns of a clean file; ``None`` when the careful reader shall look."""
    import pandas as pd
    import pyarrow
    import pyarrow.compute as pc

    if path.suffix.lower() not in _FAST or not path.is_file():
        return None
    try:
        table = _arrow(path)
        ids = next(table[name] for name in IDS if name in table.column_names)
        name = next(name for name in ([column] if column else SINGLE) if name in table.column_names)
        if pyarrow.types.is_integer(ids.type):
            ids = ids.cast(pyarrow.string())
        ids, labels = ids.combine_chunks(), table[name].combine_chunks()
        if not (pyarrow.types.is_string(ids.type) and pyarrow.types.is_string(labels.type) and len(ids)):
            return None
        if ids.null_count or pc.any(pc.match_substring_regex(ids, _BLANKS)).as_py():
            return None
        ids = pd.Index(ids.to_pandas(), dtype="str")
        if not ids.is_unique:
            return None
        if "error" in table.column_names:
            failed = table["error"].combine_chunks()
            if pyarrow.types.is_string(failed.type):
                failed = pc.if_else(pc.equal(pc.utf8_trim_whitespace(failed), ""), None, failed)
            labels = pc.if_else(pc.is_valid(failed), None, labels)
        confidence = _floats(table["confidence"]) if "confidence" in table.column_names else None
        scores = _told_scores(table["scores"]) if "scores" in table.column_names else {}
    except (pyarrow.ArrowException, StopIteration, OSError, ValueError, KeyError):
        return None
    told = np.full(len(ids), np.nan) if confidence is None else confidence
    if any(((x < 0) | (x > 1)).any() for x in (told, *scores.values())):
        return None
    encoded = labels.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    words = [word.strip() for word in encoded.dictionary.to_pylist()]
    if any(word.startswith("[") for word in words):
        return None
    return _Columns(ids, codes, words, told, scores)


def _arrow(path: Path) -> Any:
    import pyarrow
    import pyarrow.csv
    import pyarrow.json
    import pyarrow.parquet

    if path.suffix.lower() == ".parquet":
        return pyarrow.parquet.read_table(path)
    if path.suffix.lower() != ".csv":
        return pyarrow.json.read_json(path, read_options=pyarrow.json.ReadOptions(block_size=1 << 24))
    with pyarrow.csv.open_csv(path) as head:
        names = head.schema.names
    if len(set(names)) != len(names) or any(name != name.strip() for name in names):
        raise ValueError("a header for the careful reader")
    return pyarrow.csv.read_csv(
        path,
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pyarrow.string())),
    )


def _floats(column: Any) -> NDArray[np.float64]:
    import pyarrow
    import pyarrow.compute as pc

    if pyarrow.types.is_string(column.type):
        trimmed = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
    values: NDArray[np.float64] = column.cast(pyarrow.float64()).to_numpy(zero_copy_only=False)
    return values


def _told_scores(column: Any) -> dict[str, NDArray[np.float32]]:
    import pyarrow
    import pyarrow.compute as pc

    column = column.combine_chunks()
    if pyarrow.types.is_null(column.type):
        return {}
    if not pyarrow.types.is_struct(column.type):
        raise ValueError("scores for the careful reader")
    return {f.name: _floats(pc.struct_field(column, f.name)).astype(np.float32) for f in column.type}


def _single(path: str, found: _Columns, canonical: Canonical) -> Ballots:
    counts = np.bincount(found.codes[found.codes >= 0], minlength=len(found.spelled))
    words = [canonical(word) if word else "" for word in found.spelled]
    known = tuple(sorted({word for word in words if word}))
    place = {word: i for i, word in enumerate(known)}
    mapped = np.array([place[word] if word else -1 for word in words] + [-1], dtype=np.int32)[found.codes]
    row = np.flatnonzero(mapped >= 0).astype(np.int32)
    strange = {found.spelled[i]: int(counts[i]) for i, word in enumerate(words) if word is None}
    return Ballots(path, found.ids, row, mapped[row], np.broadcast_to(np.int16(0), len(row)), known, found.confidence,
                   _canonical_scores(found.scores, canonical), strange)  # fmt: skip


def _canonical_scores(
    scores: Mapping[str, NDArray[np.float32]], canonical: Canonical
) -> dict[str, NDArray[np.float32]]:
    """Scores by the label set's words; two spellings of one word add up."""
    found: dict[str, NDArray[np.float32]] = {}
    for name, column in scores.items():
        word = canonical(name)
        if word is not None:
            old = found.get(word)
            found[word] = column if old is None else np.where(np.isnan(old), column, old + np.nan_to_num(column))
    return found


def _careful(table: Table, lists: bool, canonical: Canonical, column: str | None) -> Ballots:
    usual = LISTS + SINGLE if lists else SINGLE + LISTS
    cells = table.columns[table.find([column] if column else usual, "the predicted labels")]
    errors = table.columns.get("error", [None] * len(table))
    index: dict[str, int] = {}
    row: list[int] = []
    word: list[int] = []
    rank: list[int] = []
    strange: dict[str, int] = {}
    for at, (cell, error) in enumerate(zip(cells, errors, strict=True)):
        if not (is_blank(error) or error == {}):
            continue
        seen: dict[str, None] = {}
        if any(isinstance(part, Mapping) for part in (cell if isinstance(cell, list | tuple) else (cell,))):
            raise DataError(
                f"{table.where(at)}: the label {cell!r} is no text.",
                code="vote_label",
                path=table.path,
                hint="Give one label, or a list of labels; probabilities of labels go into the column scores.",
            )
        for label in _labels(cell, lists):
            found = canonical(label) if not lists or canonical is not normalise else label
            if found is None:
                strange[label] = strange.get(label, 0) + 1
            else:
                seen[found] = None
        for place, label in enumerate(seen):
            row.append(at)
            word.append(index.setdefault(label, len(index)))
            rank.append(place)
    order = sorted(index)
    new = np.empty(len(order) + 1, dtype=np.int64)
    new[[index[label] for label in order]] = np.arange(len(order))
    return Ballots(
        table.path,
        table.ids,
        np.array(row, dtype=np.int64),
        new[np.array(word, dtype=np.int64)],
        np.array(rank, dtype=np.int64),
        tuple(order),
        np.array([_share(table, at, cell) for at, cell in enumerate(table.columns.get("confidence", cells[:0]))])
        if "confidence" in table.columns
        else np.full(len(table), np.nan),
        _canonical_scores(_scores(table), canonical),
        strange,
        table.skipped,
    )


def _labels(cell: Any, lists: bool) -> Sequence[str]:
    if lists:
        return tolerant_list(cell)
    word = first_label(tolerant_list(cell) if isinstance(cell, str) and cell.lstrip()[:1] == "[" else cell)
    return [] if word is None else [word]


def _scores(table: Table) -> dict[str, NDArray[np.float32]]:
    found: dict[str, NDArray[np.float32]] = {}
    for at, cell in enumerate(table.columns.get("scores", ())):
        if isinstance(cell, Mapping):
            for name, value in cell.items():
                column = found.setdefault(str(name), np.full(len(table), np.nan, dtype=np.float32))
                column[at] = _share(table, at, value)
    return found


def _share(table: Table, row: int, cell: Any) -> float:
    if is_blank(cell):
        return float("nan")
    try:
        value = float(cell)
    except (TypeError, ValueError):
        value = float("nan")
    if not 0 <= value <= 1:
        raise DataError(
            f"{table.where(row)}: the confidence {cell!r} is no number from 0 to 1.",
            code="vote_confidence",
            path=table.path,
            hint="Divide percentages by 100 and the voting head's scale by 10.",
        )
    return value
