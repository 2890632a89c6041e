"""JSON Lines, written so that a kill loses at most the last line, and read so that half a line is no catastrophe."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from affectrl import paths
from affectrl.errors import DataError


def read_rows(file: Path) -> list[dict[str, Any]]:
    """Rows of a file that we wrote; ``[]`` when it is not there. A last line that was cut short is left out."""
    if not file.is_file():
        return []
    # Not splitlines(): it would also split inside a row, at the line separators that Unicode has beside the newline.
    lines = [line for line in file.read_text("utf-8", errors="replace").split("\n") if line.strip()]
    rows = []
    for number, line in enumerate(lines):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number < len(lines) - 1:
                raise DataError(
                    f"line {number + 1} is no JSON ({error.msg}).",
                    code="jsonl_damaged",
                    path=file,
                    hint="Remove that line.",
                ) from error
    return rows


def encode(row: dict[str, Any]) -> bytes:
    """A row as one line of JSON in UTF-8, without its end.

    What UTF-8 cannot say (file names need not be text) becomes JSON's escape for it, and numbers that JSON does not
    know (NaN, infinities) become null.
    """
    return json.dumps(_finite(row), ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")


def append_rows(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Add rows at the end, each on disk when the call returns."""
    file.parent.mkdir(parents=True, exist_ok=True)
    _end_last_line(file)
    with file.open("ab") as out:
        for row in rows:
            out.write(encode(row) + b"\n")
        out.flush()


def write_rows(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Replace the file by these rows, all or nothing."""
    with paths.atomic(file) as scratch:
        append_rows(scratch, rows)
        scratch.touch()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _end_last_line(file: Path) -> None:
    if not file.is_file() or file.stat().st_size == 0:
        return
    with file.open("r+b") as handle:
        handle.seek(-1, 2)
        if handle.read(1) == b"\n":
            return
        handle.seek(0)
        whole = handle.read()
        start = whole.rfind(b"\n") + 1
        try:
            json.loads(whole[start:])
        except ValueError:
            handle.truncate(start)
        else:
            handle.write(b"\n")
