"""Clips of shards: WebDataset ``.tar`` files, or Parquet files with media in columns. Lists them, and reads no media.

A source is a pattern (``shards/*.tar``, ``shards/{000000..000099}.tar``, ``data/train-*.parquet``), one ``.tar`` file,
or a folder that holds such files and no manifest. What stays in memory is a clip's row: its words, and for each medium
the shard, the place in it and a name (:class:`~affectrl.data.parts.Part`).

WebDataset: files of one sample stand together in the shard and share their name up to the first dot. ``.json`` is the
row (the columns of a manifest), ``.txt`` the text, ``.cls`` a label in words; sound, pictures and films are told by
their suffix; other files are named in ``extras["members"]`` and otherwise left alone. Format:
https://github.com/webdataset/webdataset. Tar files are read by Python's ``tarfile``, Parquet files by ``pyarrow``.
"""

from __future__ import annotations

import glob
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from affectrl.data.clip import Clip, modality_of_suffix
from affectrl.data.hf import label_names
from affectrl.data.manifest import BadRow, Cells, collect
from affectrl.data.parts import Part
from affectrl.data.rows import MEDIA, RowError, json_reason
from affectrl.errors import DataError

SUFFIXES = (".tar", ".parquet")
_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_PATTERN = re.compile(r"[*?\[]|\{\d+\.\.\d+\}")
RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
"""Numbered shards in a pattern."""
_SPLIT = re.compile(r"(?:^|[-_.])(train|training|validation|valid|val|dev|test)(?=[-_.]|$)")
_SPLITS = {"training": "train", "valid": "validation", "val": "validation", "dev": "validation"}
_LARGEST_TEXT = 1 << 24
"""Bytes of a .json, .txt or .cls member."""


def is_shards(source: str | Path) -> bool:
    """Whether a source names shards: a pattern, or a tar file. A file of that very name is what it is."""
    name = os.path.expanduser(source)
    if os.path.exists(name):
        return name.lower().endswith((".tar", *_COMPRESSED))
    return bool(_PATTERN.search(name)) or name.lower().endswith((".tar", *_COMPRESSED))


def shards_in(folder: Path) -> list[Path]:
    """Shards that lie directly in a folder, by name; tar files where it has any, else Parquet files."""
    for suffix in SUFFIXES:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() == suffix and path.is_file())
        if found:
            return found
    return []


def expand(source: str | Path) -> list[Path]:
    """The shards of a pattern, by name: ``*``, ``?``, ``[...]`` as in a shell, and ranges such as ``{00..12}``.

    Raises:
        DataError: ``manifest_missing``, nothing matches, or a file of a range is not there; ``manifest_suffix``, a
            file is neither ``.tar`` nor ``.parquet``.
    """
    pattern = os.path.expanduser(source)
    if not _PATTERN.search(pattern) or os.path.exists(pattern):
        found = [pattern]
    else:
        names = list(_ranges(pattern))
        wild = any(re.search(r"[*?\[]", name) for name in names)
        found = sorted({path for name in names for path in glob.glob(name)}) if wild else names
    missing = next((name for name in found if not os.path.isfile(name)), None)
    if missing is not None or not found:
        what = "no file matches the pattern." if not found else "there is no such file."
        raise DataError(what, code="manifest_missing", path=missing or pattern)
    strange = next((name for name in found if not name.lower().endswith(SUFFIXES)), None)
    if strange is not None:
        packed = strange.lower().endswith(_COMPRESSED)
        hint = "Unpack it to a plain .tar: media in it are read where they lie." if packed else None
        message = f"a shard ends in {' or '.join(SUFFIXES)}."
        raise DataError(message, code="manifest_suffix", path=strange, hint=hint)
    return [Path(name) for name in found]


def _ranges(pattern: str) -> Iterator[str]:
    parts = RANGE.split(pattern)
    spans = [
        [f"{number:0{len(low)}d}" for number in range(int(low), int(high) + 1)]
        for low, high in zip(parts[1::3], parts[2::3], strict=True)
    ]
    for chosen in itertools.product(*spans):
        yield "".join(itertools.chain.from_iterable(itertools.zip_longest(parts[::3], chosen, fillvalue="")))


def scan_shards(paths: Sequence[Path]) -> tuple[list[Clip], list[BadRow]]:
    """List the clips of shards, in the order of the shards and of what stands in them.

    A clip's split is its row's own, or else the word in the shard's name (``train-000001.tar``), as ``datasets`` does.

    Raises:
        DataError: A shard cannot be read.
    """
    rows = ((path, where, cells) for path in paths for where, cells in _rows(path))
    return collect(_with_split(rows))


def _with_split(rows: Iterable[tuple[Path, str, Mapping[str, Any] | RowError]]) -> Iterator[tuple[Path, str, Any]]:
    for path, where, cells in rows:
        match = _SPLIT.search(path.stem.lower())
        if match and not isinstance(cells, RowError) and cells.get("split") is None:
            cells = {**cells, "split": _SPLITS.get(match[1], match[1])}
        yield path, where, cells


def _rows(path: Path) -> Iterator[Cells]:
    return _tar_rows(path) if path.suffix.lower() == ".tar" else _parquet_rows(path)


def _tar_rows(path: Path) -> Iterator[Cells]:
    import tarfile

    try:
        with tarfile.open(path, "r:") as tar:
            files = (member for member in tar if member.isreg() and not os.path.basename(member.name).startswith("."))
            for key, members in itertools.groupby(files, key=lambda member: _key(member.name)):
                try:
                    yield f"sample {key}", _sample(path, tar, key, list(members))
                except RowError as error:
                    yield f"sample {key}", error
    except (tarfile.TarError, OSError) as error:
        message = f"not a readable tar file, or one that breaks off: {error}."
        raise DataError(message, code="manifest_syntax", path=path) from error


def _key(name: str) -> str:
    folder, base = os.path.split(name.removeprefix("./"))
    return os.path.join(folder, base.partition(".")[0])


def _sample(path: Path, tar: Any, key: str, members: list[Any]) -> Mapping[str, Any]:
    row: dict[str, Any] = {}
    media: dict[str, Any] = {}
    others: list[str] = []
    for member in members:
        base = os.path.basename(member.name)
        suffix = base[base.rindex(".") :].lower() if "." in base else ""
        kind = modality_of_suffix(base)
        if kind is not None:
            if kind in media:
                raise RowError(f"two files of it hold {kind}: {media[kind].name} and {member.name}.")
            if member.issparse():
                raise RowError(f"{member.name} is stored with holes; pack it anew.")
            media[kind] = Part(path, member.name, member.offset_data, member.size)
        elif suffix == ".json":
            row.update(_json_row(_text(tar, member), member.name))
        elif suffix == ".txt":
            row["text"] = _text(tar, member)
        elif suffix == ".cls":
            row["labels"] = _label(_text(tar, member).strip(), member.name)
        else:
            others.append(base.partition(".")[2])
    if not ({"id", "name"} & row.keys()):
        row["id"] = key
    return {**row, **media, **({"members": others} if others else {})}


def _text(tar: Any, member: Any) -> str:
    if member.size > _LARGEST_TEXT:
        raise RowError(f"{member.name} has {member.size} bytes, which is no text.")
    try:
        content: bytes = tar.extractfile(member).read()
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RowError(f"{member.name} is not UTF-8 text.") from None


def _json_row(text: str, name: str) -> Mapping[str, Any]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RowError(f"{name} is not valid JSON: {json_reason(error)}.") from None
    if not isinstance(row, Mapping):
        raise RowError(f"{name}: a row is a JSON object, not {type(row).__name__}.")
    # Media stand in the shard; a path beside them would lead out of it.
    strange = next((column for column in row if column.lower() in MEDIA), None)
    if strange is not None:
        raise RowError(f"{name}: media stand in the shard, so the row has no {strange!r}.")
    return row


def _label(word: str, name: str) -> str:
    if re.fullmatch(r"-?\d+", word):
        raise RowError(f"{name} is the number {word}, and a tar shard does not say what it means; write the word.")
    return word


def _parquet_rows(path: Path) -> Iterator[Cells]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            media = {name: name.strip().lower() for name in schema.names if name.strip().lower() in MEDIA}
            leaves = {name: f"{name}.bytes" for name in media if pa.types.is_struct(schema.field(name).type)}
            leaves.update({name: name for name in media if pa.types.is_binary(schema.field(name).type)})
            plain = [name for name in schema.names if name not in leaves]
            words = _words(schema)
            paths = [f"{name}.path" for name, leaf in leaves.items() if leaf != name]
            for group in range(file.num_row_groups):
                nulls = {name: _nulls(file, group, leaf) for name, leaf in leaves.items()}
                for at, row in enumerate(file.read_row_group(group, columns=[*plain, *paths]).to_pylist()):
                    number += 1
                    for name, leaf in leaves.items():
                        given = row.get(name) if leaf != name else None
                        row[name] = _cell(path, media[name], given, leaf, (group, at), nulls[name])
                    for name, to_word in words.items():
                        row[name] = None if row[name] in (None, -1) else to_word(row[name])
                    if not any(key.strip().lower() in ("id", "name") and row[key] for key in row):
                        row["id"] = f"{path.stem}-{number:06d}"
                    yield f"row {number}", row
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"not a readable Parquet file: {reason}", code="manifest_syntax", path=path) from error


def _words(schema: Any) -> dict[str, Any]:
    """For columns of class numbers, as ``datasets`` writes them: how to turn a cell into words."""
    if b"huggingface" not in (schema.metadata or {}):
        return {}
    from datasets import Features

    return dict(label_names(Features.from_arrow_schema(schema)))


def _nulls(file: Any, group: int, leaf: str) -> set[int]:
    """Rows of a group whose cell has no bytes; read from the statistics where those settle it."""
    chunks = file.metadata.row_group(group)
    columns = (chunks.column(i) for i in range(chunks.num_columns))
    found = next((column for column in columns if column.path_in_schema == leaf), None)
    statistics = found.statistics if found is not None else None
    if statistics is not None and statistics.has_null_count and statistics.null_count in (0, chunks.num_rows):
        return set() if statistics.null_count == 0 else set(range(chunks.num_rows))
    column = file.read_row_group(group, columns=[leaf]).column(0).combine_chunks()
    cells = column.field("bytes") if "." in leaf else column
    return {at for at in range(len(cells)) if not cells[at].is_valid}


def _cell(path: Path, kind: str, given: Any, leaf: str, place: tuple[int, int], nulls: set[int]) -> Any:
    name = given.get("path") if isinstance(given, Mapping) else None
    if place[1] not in nulls:
        return Part(path, name or f"{kind}-{place[0]}-{place[1]}", *place, column=leaf)
    return {"path": name} if name else None
