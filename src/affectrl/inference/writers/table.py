"""A table for people at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def render(rows: Sequence[dict[str, Any]]) -> str:
    """A line a row: what, when, which emotion, how sure, from what."""
    from rich.console import Console
    from rich.table import Table

    timed = any(row.get("end") is not None for row in rows)
    shared = any(row.get("shares") for row in rows)
    heads = ["clip", *(["seconds"] if timed else []), "emotion", "sure", "from", *(["gave"] if shared else [])]
    table = Table(*heads, box=None, pad_edge=False)
    for row in rows:
        times = [f"{row.get('start') or 0:.1f}-{row['end']:.1f}" if row.get("end") is not None else ""] if timed else []
        gave = ", ".join(f"{name} {value:+.2f}" for name, value in row.get("shares", {}).items())
        what = row["error"]["code"] if row.get("error") else row["top"]
        sure = "" if row.get("confidence") is None else f"{row['confidence']:.0%}"
        table.add_row(row["id"], *times, what, sure, ", ".join(row["modalities"]), *([gave] if shared else []))
    console = Console(width=160, color_system=None)
    with console.capture() as caught:
        console.print(table)
    return "".join(line.rstrip() + "\n" for line in caught.get().splitlines())
