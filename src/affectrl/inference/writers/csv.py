"""A table for spreadsheets and statistics packages; lists are joined by ``;``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

COLUMNS = ("id", "path", "start", "end", "top", "confidence", "emotions", "reasoning", "modalities", "error", "notes")


def render(rows: Sequence[dict[str, Any]]) -> str:
    """A head and a line a row; ``score_LABEL`` and ``share_MODALITY`` columns where some row has them."""
    more = [
        f"{kind}_{name}"
        for kind in ("score", "share")
        for name in dict.fromkeys(name for row in rows for name in row.get(f"{kind}s", ()))
    ]
    text = io.StringIO()
    table = csv.DictWriter(text, [*COLUMNS, *more], restval="", lineterminator="\n")
    table.writeheader()
    for row in rows:
        table.writerow(_cells(row))
    return text.getvalue()


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    cells: dict[str, Any] = {name: "" if row.get(name) is None else row[name] for name in COLUMNS}
    cells |= {name: ";".join(row.get(name, ())) for name in ("emotions", "modalities")}
    cells["error"] = (row.get("error") or {}).get("code", "")
    cells["notes"] = ";".join(note["code"] for note in row.get("notes", ()))
    scores = {f"score_{name}": value for name, value in row.get("scores", {}).items()}
    return cells | scores | {f"share_{name}": value for name, value in row.get("shares", {}).items()}
