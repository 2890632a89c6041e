"""Tables of predictions and references: CSV, JSON Lines, Parquet, and the challenges' ``.npz`` where it is no pickle.

A file is read as columns and stays as it was written; what a cell means is the task's business. Everything that can be
wrong with a file is told with its line. Nothing here can run code of a file: pickles are refused unopened.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from affectrl.data.manifest import MAX_CELL
from affectrl.errors import DataError
from affectrl.shelves import nearest

IDS = ("id", "name")
"""Columns that can name a clip; the first that is there does."""
_LAYOUTS = "Known: .csv, .jsonl, .parquet, .npz."
_PARQUET, _ZIP = b"PAR1", b"PK\x03\x04"
_MOST = 1_000
"""Damaged rows that are told one by one."""
_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class Table:
    """Rows of a file, column by column.

    Args:
        path: Where it was read from; for rows that were made in Python, what to call them.
        columns: Name -> cells: text, numbers, lists, mappings or ``None``, one a row.
        lines: Line (CSV, JSONL) or row (Parquet, npz), from 1, that each row begins at.
        sha256: Hash of the file's bytes; empty when there is no file.
        place: What ``lines`` counts: ``line`` or ``row``.
        skipped: What was left out as damaged, one sentence each; only where that was asked for.
    """

    path: str
    columns: Mapping[str, Sequence[Any]]
    lines: Sequence[int]
    sha256: str = ""
    place: str = "line"
    skipped: tuple[str, ...] = ()
    ids: list[str] = field(init=False, repr=False, compare=False)
    """Name of each row's clip, without blanks around it."""

    def __post_init__(self) -> None:
        if not self.lines:
            raise DataError("holds no rows.", code="score_file_empty", path=self.path, hint="Check what wrote it.")
        column = self.find(IDS, "the clip's name")
        object.__setattr__(self, "ids", [self._id(cell, row) for row, cell in enumerate(self.columns[column])])
        self._look_for_twins()

    def __len__(self) -> int:
        return len(self.lines)

    @staticmethod
    def of_rows(rows: Sequence[Mapping[str, Any]], name: str = "rows") -> Table:
        """A table of mappings, such as rows of ``predictions.jsonl`` that are still in memory.

        Raises:
            DataError: As :func:`read`.
        """
        return Table(name, _columns(rows), range(1, len(rows) + 1), place="row")

    def find(self, names: Sequence[str], what: str) -> str:
        """The first of these columns that the table has.

        Raises:
            DataError: ``score_column``: it has none of them; the message tells those it has.
        """
        if (found := self.optional(names)) is not None:
            return found
        there = ", ".join(name or "(no name)" for name in self.columns)
        guesses = [nearest(name, list(self.columns)) for name in names]
        close = next((guess for guess in guesses if guess.startswith("Did")), "")
        raise DataError(
            f"has no column {' or '.join(names)} ({what}). Its columns: {there}.",
            code="score_column",
            path=self.path,
            hint=close or "Rename a column, or name yours (--pred-column, --ref-column).",
        )

    def optional(self, names: Sequence[str]) -> str | None:
        """The first of these columns that the table has, or ``None``."""
        return next((name for name in names if name in self.columns), None)

    def where(self, row: int) -> str:
        """How messages name a row: ``'sample_7' (line 9)``."""
        return f"{self.ids[row]!r} ({self.place} {self.lines[row]})"

    def _id(self, cell: Any, row: int) -> str:
        if type(cell) is str and (name := cell.strip()):
            return name
        if isinstance(cell, int) and not isinstance(cell, bool):
            return str(cell)
        raise DataError(
            f"{self.place} {self.lines[row]} has no name ({cell!r}).",
            code="score_ids",
            path=self.path,
            hint="Each row names its clip, in the column id or name.",
        )

    def _look_for_twins(self) -> None:
        if len(set(self.ids)) == len(self.ids):
            return
        first: dict[str, int] = {}
        for row, name in enumerate(self.ids):
            if (before := first.setdefault(name, row)) != row:
                raise DataError(
                    f"{name!r} stands there twice: {self.place}s {self.lines[before]} and {self.lines[row]}.",
                    code="score_ids",
                    path=self.path,
                    hint="Keep one row a clip.",
                )


def read(path: str | Path, *, skip_damaged: bool = False) -> Table:
    """A file as a table.

    Its suffix decides; where there is none that we know, its first bytes do.

    Args:
        path: The file.
        skip_damaged: Leave out rows of text files that cannot be read (half written, not UTF-8), and tell them in
            ``skipped``, in place of refusing the file.

    Raises:
        DataError: ``score_file``: it is not there or cannot be opened; ``score_file_empty``; ``score_file_syntax``: it
            is not what it says it is, with the line; ``score_file_pickle``: an npz that holds Python objects;
            ``score_column``: no column of names, or a column twice; ``score_ids``: a name is missing or stands twice.
    """
    path = Path(path)
    content = _content(path)
    skipped: list[str] | None = [] if skip_damaged else None
    columns, lines, place = _reader(path, content)(path, content, skipped)
    return Table(str(path), columns, lines, hashlib.sha256(content).hexdigest(), place, tuple(skipped or ()))


_Skipped = list[str] | None
"""Where damaged rows are told; ``None``: they are refused."""
_Read = tuple[Mapping[str, Sequence[Any]], Sequence[int], str]


def _content(path: Path) -> bytes:
    hint = "Check the path and permissions."
    if path.is_dir():
        raise DataError("is a folder, not a file.", code="score_file", path=path, hint="Name a file inside it.")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError("there is no such file.", code="score_file", path=path, hint="Check the path.") from None
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror}).", code="score_file", path=path, hint=hint) from error
    if not content.strip():
        raise DataError("is empty.", code="score_file_empty", path=path, hint="Check what wrote it.")
    return content


def _reader(path: Path, content: bytes) -> Callable[[Path, bytes, _Skipped], _Read]:
    known = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl, ".parquet": _parquet, ".npz": _npz}
    suffix = path.suffix.lower()
    if suffix in known:
        return known[suffix]
    if suffix in (".json", ".npy", ".xlsx", ".xls", ".pkl", ".tsv", ".pt"):
        raise DataError(
            f"{suffix} is no layout that we read.", code="score_file_syntax", path=path, hint=_suffix_hint(suffix)
        )
    if content.startswith(_PARQUET):
        return _parquet
    if content.startswith(_ZIP):
        return _npz
    return _jsonl if content.lstrip().startswith(b"{") else _csv


def _suffix_hint(suffix: str) -> str:
    if suffix == ".json":
        return f"Write one object a line, as .jsonl. {_LAYOUTS}"
    return f"Save it as CSV with commas. {_LAYOUTS}"


def _text(path: Path, content: bytes, skipped: _Skipped, *, headed: bool) -> str:
    """The text; where it is ``headed``, no row can be told without the first line."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _syntax(path, "line 1 is not UTF-8: the file is UTF-16", "Save it as UTF-8.")
    if content.startswith((_PARQUET, _ZIP)) or b"\0" in content[:65_536]:
        raise _syntax(path, "holds binary data, not text", f"Is the suffix right? {_LAYOUTS}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        if skipped is not None and not (headed and line == 1):
            return "".join(_whole_lines(content, skipped))
        raise _syntax(path, f"line {line} is not UTF-8", "Save it as UTF-8.") from error


def _whole_lines(content: bytes, skipped: list[str]) -> Iterator[str]:
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True), start=1):
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError:
            skipped.append(f"line {number} is not UTF-8")
            yield "\n"


def _syntax(path: Path, what: str, hint: str) -> DataError:
    return DataError(f"{what}.", code="score_file_syntax", path=path, hint=hint)


def _csv(path: Path, content: bytes, skipped: _Skipped) -> _Read:
    rows, lines = _csv_rows(path, _text(path, content, skipped, headed=True), skipped)
    header, rows, lines = [name.strip() for name in rows[0]], rows[1:], lines[1:]
    _check_header(path, header)
    if strange := [line for row, line in zip(rows, lines, strict=True) if len(row) != len(header)]:
        told = [
            f"line {n} has {len(rows[lines.index(n)])} cells, the header has {len(header)}" for n in strange[:_MOST]
        ]
        if skipped is None:
            raise _syntax(path, told[0], 'A list stands in double quotes: "[happy, sad]".')
        skipped += told + ["another line has too few or too many cells"] * (len(strange) - len(told))
        whole = [at for at, row in enumerate(rows) if len(row) == len(header)]
        rows, lines = [rows[at] for at in whole], [lines[at] for at in whole]
    cells = zip(*rows, strict=True) if rows else ([] for _ in header)
    return dict(zip(header, map(list, cells), strict=True)), lines, "line"


def _csv_rows(path: Path, text: str, skipped: _Skipped) -> tuple[list[list[str]], list[int]]:
    """Rows that are not blank, and the line that each begins at."""
    # The limit is the process's, so it is set where it is needed.
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = list(reader)
        if reader.line_num == len(rows):
            return [row for row in rows if row], [line for line, row in enumerate(rows, start=1) if row]
    except csv.Error:
        pass
    # A row over several lines, or one that is none: count again, line by line.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows, lines, start = [], [], 1
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        hint = "A cell with commas or quotes stands in double quotes, and quotes inside are doubled."
        what = f"the row that begins on line {start} is no CSV ({error})"
        if skipped is None or not rows:
            raise _syntax(path, what, hint) from error
        skipped.append(f"{what}, and nothing is read from there on")
    return rows, lines


def _check_header(path: Path, header: Sequence[str]) -> None:
    if len(header) == 1 and (used := next((d for d in _DELIMITERS if d in header[0]), None)):
        what = f"the cells are separated by {_DELIMITERS[used]}, not commas"
        raise _syntax(path, what, "Save it as CSV with commas.")
    twice = [name for name in dict.fromkeys(header) if header.count(name) > 1]
    if twice:
        raise DataError(
            f"the column {twice[0]!r} stands there twice.",
            code="score_column",
            path=path,
            hint="Rename or remove one of them.",
        )


def _jsonl(path: Path, content: bytes, skipped: _Skipped) -> _Read:
    rows, lines = [], []
    # Not splitlines(): Unicode's other line separators may stand inside a row.
    for number, line in enumerate(_text(path, content, skipped, headed=False).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", "too deep")
            if skipped is not None:
                skipped.append(f"line {number} is no JSON ({reason})")
                continue
            raise _syntax(path, f"line {number} is no JSON ({reason})", "Mend or remove that line.") from error
        if not isinstance(row, dict):
            raise _syntax(path, f"line {number} is no JSON object", 'Write {"id": ..., "emotions": [...]} a line.')
        rows.append(row)
        lines.append(number)
    return _columns(rows), lines, "line"


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row.get(name) for row in rows] for name in dict.fromkeys(key for row in rows for key in row)}


def _parquet(path: Path, content: bytes, skipped: _Skipped) -> _Read:
    import pyarrow
    import pyarrow.parquet

    try:
        columns = pyarrow.parquet.read_table(pyarrow.BufferReader(content)).to_pydict()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise _syntax(path, f"is no whole Parquet file ({reason})", "Copy or write it again.") from error
    return columns, range(1, len(next(iter(columns.values()), ())) + 1), "row"


def _npz(path: Path, content: bytes, skipped: _Skipped) -> _Read:
    import zipfile
    import zlib

    import numpy as np

    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            missing = [name for name in ("filenames", "fileitems") if name not in arrays]
            if missing:
                raise DataError(
                    f"has no array {missing[0]}. Its arrays: {', '.join(arrays.files) or 'none'}.",
                    code="score_column",
                    path=path,
                    hint="The challenges' files hold filenames and fileitems.",
                )
            names, items = arrays["filenames"].tolist(), arrays["fileitems"].tolist()
    # zipfile says RuntimeError of what is encrypted, and NotImplementedError (one of those) of methods it has not.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, RuntimeError, MemoryError) as error:
        raise _syntax(path, "is no whole npz file", "Copy or write it again.") from error
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise _syntax(path, f"is no npz file that NumPy reads ({error})", "Copy or write it again.") from error
        raise DataError(
            "holds pickled Python objects, which we never open: they can run code.",
            code="score_file_pickle",
            path=path,
            hint="Where you trust it, save its filenames and fileitems as CSV with the columns name,openset.",
        ) from error
    if len(names) != len(items):
        raise _syntax(path, f"names {len(names)} clips and {len(items)} items", "Write it again.")
    return {"name": names, "openset": items}, range(1, len(names) + 1), "row"


def is_blank(cell: Any) -> bool:
    """Whether a cell holds nothing: ``None``, NaN, or blanks."""
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or (isinstance(cell, float) and math.isnan(cell))
