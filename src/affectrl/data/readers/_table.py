"""What readers of label tables share: rows by line, the columns they must have, and words that a label set knows."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from affectrl.data.clip import Clip
from affectrl.emotions import label_set
from affectrl.errors import DataError

_MAX_CELL = 1 << 24


Where = int | str | None
"""A row: its line, or its name where there are no lines; ``None`` for the file as a whole."""


def row_error(path: Path, where: Where, message: str) -> DataError:
    """The ``dataset_row`` error for one row of a dataset's own table."""
    told = "" if where is None else f"line {where}: " if isinstance(where, int) else f"{where}: "
    return DataError(f"{told}{message}", code="dataset_row", path=path)


def text_of(path: Path) -> str:
    """The content of a UTF-8 file, without a byte-order mark.

    Raises:
        DataError: ``dataset_row``; it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise row_error(path, None, f"not UTF-8 text at byte {error.start}.") from None
    except OSError as error:
        raise row_error(path, None, f"cannot be read ({error.strerror}).") from None


def table_rows(path: Path, columns: Sequence[str], delimiter: str = ",") -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells, trimmed, of each row of a table with a header.

    Args:
        path: UTF-8 text.
        columns: What the header must have; further columns are kept.
        delimiter: What divides cells.

    Raises:
        DataError: ``dataset_layout``, a column is missing; ``dataset_row``, a row has too few cells or no shape at all.
    """
    csv.field_size_limit(_MAX_CELL)
    reader = csv.DictReader(io.StringIO(text_of(path), newline=""), delimiter=delimiter)
    reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
    lacking = [name for name in columns if name not in reader.fieldnames]
    if lacking:
        found = ", ".join(reader.fieldnames) or "none"
        message = f"the file lacks the columns {', '.join(lacking)}; expected {', '.join(columns)}, found {found}."
        raise DataError(message, code="dataset_layout", path=path)
    try:
        for row in reader:
            short = [name for name in columns if row[name] is None]
            if short:
                raise row_error(path, reader.line_num, f"the row breaks off before {short[0]}.")
            yield reader.line_num, {name: (cell or "").strip() for name, cell in row.items() if isinstance(name, str)}
    except csv.Error as error:
        raise row_error(path, reader.line_num, f"not readable as a table: {error}.") from None


def json_file(path: Path, shape: type) -> Any:
    """The content of a JSON file whose outermost value is a ``shape``.

    Raises:
        DataError: ``dataset_layout``, it is not JSON of that shape.
    """
    try:
        content = json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"not valid JSON: {error}.", code="dataset_layout", path=path) from None
    if not isinstance(content, shape):
        what = "an object" if shape is dict else "a list"
        message = f"expected JSON with {what} outermost, found {type(content).__name__}."
        raise DataError(message, code="dataset_layout", path=path)
    return content


def number(cell: str, path: Path, where: Where, column: str, low: float = -math.inf, high: float = math.inf) -> float:
    """A cell as a number from ``low`` to ``high``.

    Raises:
        DataError: ``dataset_row``, it is none.
    """
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not low <= value <= high or math.isinf(value):
        between = "" if math.isinf(low) else f" from {low:g} to {high:g}"
        raise row_error(path, where, f"{column} is a number{between}, not {cell!r}.")
    return value


def label_in(name: str, word: str, path: Path, where: Where) -> str:
    """The label set's own word for a published word, or for a code where the set has codes.

    Raises:
        DataError: ``dataset_row``, the set does not know it.
    """
    labels = label_set(name)
    label = labels.codes.get(word) if labels.codes else labels.canonical(word)
    if label is None:
        known = ", ".join(labels.codes or labels.labels)
        raise row_error(path, where, f"{word!r} is no class of {name}; it knows {known}.")
    return label


def make_clip(path: Path, where: Where, **fields: Any) -> Clip:
    """A clip of one row; a field that is ``None`` counts as not given.

    Raises:
        DataError: ``dataset_row``, the row gives nothing to read.
    """
    try:
        return Clip(**{name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        reason = str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")
        raise row_error(path, where, f"{fields.get('id')!r} cannot become a clip: {reason}.") from None


def sheet_rows(path: Path, columns: int) -> Iterator[list[str]]:
    """Cells as text, trimmed, of the rows of a spreadsheet's first sheet that has no header; short rows are filled.

    Raises:
        DataError: ``dataset_layout``, it is no readable spreadsheet, or has fewer columns.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        rows: list[list[Any]] = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    except (CalamineError, OSError) as error:
        raise DataError(f"no readable spreadsheet: {error}.", code="dataset_layout", path=path) from None
    widest = max((len(row) for row in rows), default=0)
    if widest < columns:
        raise DataError(f"expected {columns} columns, found {widest}.", code="dataset_layout", path=path)
    for row in rows:
        yield [str(cell).strip() for cell in row] + [""] * (widest - len(row))
