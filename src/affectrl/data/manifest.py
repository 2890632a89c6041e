"""Manifests: lists of clips as JSONL, CSV or Parquet, and to and from ``datasets.Dataset``.

Relative media paths are relative to the manifest's folder. Writing keeps them so where the file lies below that folder;
media held in memory go to ``media/`` beside a JSONL or CSV manifest, and stay inside a Parquet one. Columns are those
of :mod:`affectrl.data.rows`.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affectrl import paths
from affectrl.data.clip import Blob, Clip
from affectrl.data.content import content_hash
from affectrl.data.hf import from_datasets, to_datasets, to_table
from affectrl.data.parts import Part
from affectrl.data.rows import FIELDS, KNOWN, MEDIA, RowError, json_reason, to_clip, to_row
from affectrl.errors import DataError

__all__ = ["BadRow", "from_datasets", "read_manifest", "scan_manifest", "to_datasets", "write_manifest"]

SUFFIXES = (".jsonl", ".csv", ".parquet")
_SHOWN = 5
MAX_CELL = 1 << 24
"""Characters in a cell of a CSV file."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot become a clip."""

    where: str
    """``line 3`` of a text file, ``row 3`` of a table; both count from 1."""
    message: str
    path: str
    """The manifest."""
    code: str = "bad_row"
    """``bad_row`` or ``duplicate_id``."""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


Cells = tuple[str, "Mapping[str, Any] | RowError"]


def _jsonl_rows(path: Path) -> Iterator[Cells]:
    for number, line in enumerate(io.StringIO(_text(path)), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if "\\ud" in line.lower():
                # Half of a surrogate pair can be written in JSON, but in no file and to no tokenizer.
                json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            row = RowError("half a surrogate pair (\\ud800 to \\udfff) is no text.")
        except (ValueError, RecursionError) as error:
            row = RowError(f"not valid JSON: {json_reason(error)}.")
        if not isinstance(row, Mapping | RowError):
            row = RowError(f"a row is a JSON object, not {type(row).__name__}.")
        yield f"line {number}", row


def _csv_rows(path: Path) -> Iterator[Cells]:
    csv.field_size_limit(MAX_CELL)
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        _check_header([column.strip().lower() for column in reader.fieldnames or []], path)
        for row in reader:
            where = f"line {reader.line_num}"
            if None in row:
                yield where, RowError("more cells than the header has columns; quote cells that hold a comma.")
            else:
                # An empty cell is no value: CSV cannot tell the two apart.
                yield where, {column: cell for column, cell in row.items() if cell}
    except csv.Error as error:
        raise DataError(
            f"after line {reader.line_num}: not valid CSV: {error}.", code="manifest_syntax", path=path
        ) from error


def _check_header(header: list[str], path: Path) -> None:
    twice = next((column for column in header if header.count(column) > 1), None)
    if twice is not None:
        raise DataError(f"two columns are called {twice!r}.", code="manifest_columns", path=path)
    if header and not KNOWN & set(header):
        hint = "The first line of a CSV file names its columns, such as id,audio,text,labels,speaker,split."
        raise DataError("line 1 names no column that we know.", code="manifest_columns", path=path, hint=hint)


def _parquet_rows(path: Path) -> Iterator[Cells]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=256):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"not a readable Parquet file: {reason}", code="manifest_syntax", path=path) from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(
            f"line {line}: not UTF-8 text.", code="manifest_encoding", path=path, hint="Save the file as UTF-8."
        ) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}.", code="manifest_unreadable", path=path) from error


_READERS: dict[str, Callable[[Path], Iterator[Cells]]] = {
    ".jsonl": _jsonl_rows,
    ".csv": _csv_rows,
    ".parquet": _parquet_rows,
}


def _checked_suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(
            f"a manifest ends in {', '.join(SUFFIXES)}, not in {path.suffix!r}.", code="manifest_suffix", path=path
        )
    return suffix


def scan_manifest(path: str | Path) -> tuple[list[Clip], list[BadRow]]:
    """Read what can be read: the clips, and the rows that cannot become one (each duplicate id among them).

    Raises:
        DataError: The file as a whole is missing, of another kind, not UTF-8, or not CSV or Parquet at all.
    """
    path = Path(path)
    # pathlib's own question would raise for a name that is too long.
    if not os.path.isfile(path):
        what = "is a folder, not a manifest." if os.path.isdir(path) else "there is no such file."
        raise DataError(what, code="manifest_missing", path=path)
    suffix = _checked_suffix(path)
    return collect((path, where, cells) for where, cells in _READERS[suffix](path))


def collect(rows: Iterable[tuple[Path, str, Mapping[str, Any] | RowError]]) -> tuple[list[Clip], list[BadRow]]:
    """The clips of rows, each with its file and place, and the rows that cannot become one."""
    clips: dict[str, Clip] = {}
    bad: list[BadRow] = []
    for path, where, cells in rows:
        try:
            if isinstance(cells, RowError):
                raise cells
            clip = to_clip(cells, folder=path.parent)
        except RowError as error:
            bad.append(BadRow(where, str(error), str(path)))
            continue
        if clips.setdefault(clip.id, clip) is not clip:
            bad.append(BadRow(where, f"id: another row is called {clip.id!r} already.", str(path), "duplicate_id"))
    return list(clips.values()), bad


def read_manifest(path: str | Path) -> list[Clip]:
    """The clips of a JSONL, CSV or Parquet manifest. Media files are not opened and need not exist.

    Raises:
        DataError: The file cannot be read (see :func:`scan_manifest`), is empty (``manifest_empty``), or has rows that
            cannot become clips (``manifest_rows``): the message shows the first five and says how many there are.
    """
    return settled(*scan_manifest(path), path)


def settled(clips: list[Clip], bad: Sequence[BadRow], path: str | Path) -> list[Clip]:
    """The clips of a source whose rows all became one.

    Raises:
        DataError: ``manifest_rows``, some did not; ``manifest_empty``, there were none.
    """
    if bad:
        shown = " ".join(str(row) for row in bad[:_SHOWN])
        more = f" And {len(bad) - _SHOWN} more." if len(bad) > _SHOWN else ""
        total = len(clips) + len(bad)
        raise DataError(f"{len(bad)} of {total} rows cannot be used. {shown}{more}", code="manifest_rows", path=path)
    if not clips:
        raise DataError("the manifest has no rows.", code="manifest_empty", path=path)
    return clips


def _beside(media: Path, folder: Path) -> str:
    absolute, folder = Path(os.path.abspath(media)), Path(os.path.abspath(folder))
    return str(absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute)


def _unpack(blob: Blob | Part, folder: Path) -> str:
    """Write a blob under a name that follows from its content, so that writing twice changes nothing."""
    given = Path(blob.name)
    stem = re.sub(r"[^\w.-]+", "_", given.stem)[:60]
    target = folder / "media" / f"{stem}-{content_hash(blob)[:12]}{given.suffix.lower()}"
    if not target.exists():
        _replace(target, blob.data)
    return str(target.relative_to(folder))


def _replace(path: Path, content: bytes) -> None:
    with paths.atomic(path) as scratch:
        scratch.write_bytes(content)


def _plain_row(clip: Clip, folder: Path) -> dict[str, Any]:
    row = to_row(clip)
    for name in MEDIA:
        if name in row:
            media = row[name]
            row[name] = _beside(media, folder) if isinstance(media, Path) else _unpack(media, folder)
    return row


def _json(value: Any, clip_id: str) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
        text.encode()
        return text
    except (TypeError, ValueError) as error:
        raise DataError(f"clip {clip_id!r} cannot be written as JSON: {error}.", code="manifest_extras") from None


def _labels_cell(labels: Sequence[str]) -> str:
    awkward = any(";" in word or word.startswith("[") for word in labels)
    return json.dumps(labels, ensure_ascii=False) if awkward else ";".join(labels)


def _jsonl(clips: Iterable[Clip], folder: Path) -> bytes:
    lines = [_json(_plain_row(clip, folder), clip.id) for clip in clips]
    return "".join(f"{line}\n" for line in lines).encode()


def _csv(clips: Iterable[Clip], folder: Path) -> bytes:
    rows = []
    for clip in clips:
        row = _plain_row(clip, folder)
        if "labels" in row:
            row["labels"] = _labels_cell(row["labels"])
        if "extras" in row:
            row["extras"] = _json(row["extras"], clip.id)
        rows.append(row)
    used = [name for name in FIELDS if any(name in row for row in rows)]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, used, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _parquet(clips: Iterable[Clip], folder: Path) -> bytes:
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(to_table(clips, lambda media: _beside(media, folder)), out)
    return out.getvalue()


_WRITERS: dict[str, Callable[[Iterable[Clip], Path], bytes]] = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}


def write_manifest(clips: Iterable[Clip], path: str | Path) -> None:
    """Write a manifest in the form that the suffix names (``.jsonl``, ``.csv``, ``.parquet``), whole or not at all.

    Raises:
        DataError: Another suffix, two clips with one id, extras that are not JSON, or a folder that cannot be written.
    """
    path = Path(path)
    suffix = _checked_suffix(path)
    clips = list(clips)
    ids = {clip.id for clip in clips}
    if len(ids) != len(clips):
        raise DataError(f"{len(clips) - len(ids)} ids stand there twice.", code="duplicate_ids", path=path)
    try:
        _replace(path, _WRITERS[suffix](clips, path.parent))
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}.", code="manifest_unwritable", path=path) from error
