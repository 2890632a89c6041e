"""A table for spreadsheets and statistics packages; lists are joined by ``;``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

COLUMNS = ("id", "path", "start", "end", "top", "confidence", "emotions", "reasoning", "modalities", "error", "notes")

SOMETIMES = ("transcript", "calibration", "agreement")
"""Columns that stand there when some row has them."""


def render(rows: Sequence[dict[str, Any]]) -> str:
    """A head and a line a row; ``score_LABEL``, ``share_SENSE``, ``alone_SENSE`` columns where some row has them."""
    more = [name for name in SOMETIMES if any(row.get(name) is not None for row in rows)]
    more += [
        f"{kind}_{name}"
        for kind, held in (("score", "scores"), ("share", "shares"), ("alone", "alone"))
        for name in dict.fromkeys(name for row in rows for name in row.get(held, ()))
    ]
    text = io.StringIO()
    table = csv.DictWriter(text, [*COLUMNS, *more], restval="", lineterminator="\n")
    table.writeheader()
    for row in rows:
        table.writerow(_cells(row))
    return text.getvalue()


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    there = (*COLUMNS, *(name for name in SOMETIMES if name in row))
    cells: dict[str, Any] = {name: "" if row.get(name) is None else row[name] for name in there}
    cells |= {name: ";".join(row.get(name, ())) for name in ("emotions", "modalities")}
    cells["error"] = (row.get("error") or {}).get("code", "")
    cells["notes"] = ";".join(note["code"] for note in row.get("notes", ()))
    scores = {f"score_{name}": value for name, value in row.get("scores", {}).items()}
    alone = {f"alone_{name}": said["top"] for name, said in row.get("alone", {}).items()}
    return cells | scores | alone | {f"share_{name}": value for name, value in row.get("shares", {}).items()}
