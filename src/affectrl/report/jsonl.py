"""Reading JSONL that a killed process may have left half written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affectrl.errors import Note


@dataclass(frozen=True, slots=True)
class Rows:
    """The readable rows of a JSONL file, in order."""

    rows: list[dict[str, Any]]
    notes: tuple[Note, ...] = ()


def read_rows(path: Path) -> Rows:
    """All rows of ``path`` that are whole JSON objects; an absent file has none.

    A write that was cut off leaves half a line, at the end or, once a resumed run has appended, in the middle. Such
    lines are left out and counted in a note (``rows_unreadable``), never raised.
    """
    if not path.is_file():
        return Rows([])
    rows, lost = [], 0
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in filter(str.strip, lines):
            row = _object(line)
            if row is None:
                lost += 1
            else:
                rows.append(row)
    if not lost:
        return Rows(rows)
    plural = "line was" if lost == 1 else "lines were"
    return Rows(rows, (Note("rows_unreadable", f"{lost} {plural} left out of {path.name}: not whole JSON objects."),))


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
