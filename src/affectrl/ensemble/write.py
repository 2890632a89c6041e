"""Answers on disk, in the layouts that ``affectrl predict`` writes and ``affectrl score`` reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from affectrl import jsonl, paths
from affectrl.errors import UsageError

SUFFIXES = (".jsonl", ".csv", ".parquet")


def check_suffix(file: Path) -> Path:
    """``file``, if we can write its layout.

    Raises:
        UsageError: ``vote_option``: its suffix is none of :data:`SUFFIXES`.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"--out ends in {file.suffix or 'nothing'}.",
            code="vote_option",
            path=file,
            hint=f"It is one of {', '.join(SUFFIXES)}.",
        )
    return file


def write_answers(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows as JSONL; or as CSV and Parquet, where lists become ``[a, b]`` and the minority ``sad 0.25 (one, two)``.

    Raises:
        UsageError: As :func:`check_suffix`.
    """
    if check_suffix(file).suffix.lower() == ".jsonl":
        jsonl.write_rows(file, map(dict, rows))
        return
    flat = [_flat(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    write_columns(file, {name: [row.get(name) for row in flat] for name in names})


def write_columns(file: Path, columns: Mapping[str, Any]) -> None:
    """Columns, lists or arrays of one length, as CSV or Parquet."""
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    table = pyarrow.table(dict(columns))
    with paths.atomic(file) as scratch:
        if file.suffix.lower() == ".parquet":
            pyarrow.parquet.write_table(table, scratch)
        else:
            pyarrow.csv.write_csv(table, scratch)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(row)
    for name, value in row.items():
        if name == "minority":
            found[name] = "; ".join(f"{m['label']} {m['value']:g} ({', '.join(m['voters'])})" for m in value)
        elif isinstance(value, Mapping):
            found[name] = "; ".join(f"{label} {n:g}" for label, n in value.items())
        elif isinstance(value, list):
            found[name] = f"[{', '.join(map(str, value))}]"
    return found
