"""Media files that lie inside a larger file: a member of a tar shard, a cell of a Parquet file.

Only where they lie is held in memory; the bytes are read whenever somebody opens one, and not kept.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from affectrl.errors import MediaError

_ROW_GROUPS = 2
"""Row groups whose media column is kept at a time, since neighbours are read one after the other."""


@dataclass(frozen=True, slots=True)
class Part:
    """A media file inside a shard. As small as its path, and equal to another of the same place."""

    shard: Path
    name: str
    """File name to show and to take the suffix from."""
    first: int
    """Offset in bytes of a tar member; number of a Parquet row group."""
    second: int
    """Size in bytes of a tar member; row within the row group."""
    column: str | None = None
    """Column of a Parquet file, such as ``audio.bytes``; ``None`` in a tar shard."""

    def __str__(self) -> str:
        return f"{self.shard}/{self.name}"

    @property
    def data(self) -> bytes:
        """The bytes, read anew.

        Raises:
            MediaError: ``media_missing``, the shard is gone; ``media_unreadable``, it cannot be read, or has changed.
        """
        size, modified_ns = _status(self)
        return _member(self) if self.column is None else _cell(self, size, modified_ns)

    def content_hash(self) -> str:
        """SHA-256 of the bytes, as 64 hex digits; not computed again in a process while the shard is as it was.

        Raises:
            MediaError: As :attr:`data`.
        """
        return _hash(self, *_status(self))


def _status(part: Part) -> tuple[int, int]:
    try:
        status = os.stat(part.shard)
    except OSError as error:
        hint = "Shards are read while training: leave them where they are."
        raise MediaError("its shard is not there.", code="media_missing", path=str(part), hint=hint) from error
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=200_000)
def _hash(part: Part, size: int, modified_ns: int) -> str:
    del size, modified_ns  # only there to make a changed shard a new entry
    return hashlib.sha256(part.data).hexdigest()


def _unreadable(part: Part, reason: str) -> MediaError:
    hint = "The shard is cut short, or was changed since it was listed."
    return MediaError(f"cannot be read ({reason}).", code="media_unreadable", path=str(part), hint=hint)


def _member(part: Part) -> bytes:
    try:
        with open(part.shard, "rb") as file:
            file.seek(part.first)
            data = file.read(part.second)
    except OSError as error:
        raise _unreadable(part, error.strerror or type(error).__name__) from error
    if len(data) < part.second:
        raise _unreadable(part, f"{len(data)} of {part.second} bytes are there")
    return data


def _cell(part: Part, size: int, modified_ns: int) -> bytes:
    import pyarrow as pa

    try:
        cell = _group(str(part.shard), size, modified_ns, part.first, part.column or "")[part.second].as_py()
    except (pa.ArrowException, OSError, IndexError, KeyError) as error:
        raise _unreadable(part, " ".join(str(error).split())) from error
    if not isinstance(cell, bytes):
        raise _unreadable(part, "the cell holds no bytes")
    return cell


@lru_cache(maxsize=_ROW_GROUPS)
def _group(shard: str, size: int, modified_ns: int, group: int, column: str) -> Any:
    import pyarrow.parquet as pq

    del size, modified_ns
    with pq.ParquetFile(shard) as file:
        chunks = file.read_row_group(group, columns=[column]).column(0).combine_chunks()
    return chunks.field(column.rpartition(".")[2]) if "." in column else chunks
