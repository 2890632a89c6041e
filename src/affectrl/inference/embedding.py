"""Clips in, vectors out, and the file that holds them: Parquet or safetensors, with a manifest beside it.

Work goes into small Parquet files in ``OUTPUT.parts`` and becomes the output when all is done, so that a kill loses one
batch at most and ``--resume`` goes on from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from affectrl import jsonl, paths
from affectrl.answers.prediction import Prediction
from affectrl.data.clip import Clip
from affectrl.errors import UsageError
from affectrl.inference.model import EmotionModel
from affectrl.models.features import ClipFeatures
from affectrl.models.representation import LEVELS, Level, Vectors, meaning, represent
from affectrl.version import __version__

SUFFIXES = (".parquet", ".safetensors")
KNOWN = {
    "id": "the clip's id",
    "path": "its media file",
    "start": "where in the file the clip begins, in seconds; none is the beginning",
    "end": "where it ends",
    "modalities": "what was really read, of video, audio, image, text",
}
"""Columns beside the vectors."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """One clip's vectors."""

    clip: ClipFeatures
    vectors: Vectors

    def row(self) -> dict[str, Any]:
        """As the files hold it."""
        about = self.clip.clip
        known = (self.clip.id, _readable(about.path), about.start, about.end, list(self.clip.used))
        return dict(zip(KNOWN, known, strict=True)) | self.vectors


def embeddings(
    model: EmotionModel, items: Sequence[Clip | Prediction], levels: Sequence[Level], *, batch_size: int = 8
) -> Iterator[list[Embedded | Prediction]]:
    """Vectors as they come, a list for each item; a clip that cannot be read is a failed :class:`Prediction`."""
    for start in range(0, len(items), batch_size):
        rows = [model.features(item) for item in items[start : start + batch_size]]
        ready = [row for group in rows for row in group if isinstance(row, ClipFeatures)]
        made = iter(represent(model.policy, ready, model.task, levels) if ready else [])
        for group in rows:
            yield [Embedded(row, next(made)) if isinstance(row, ClipFeatures) else row for row in group]


@dataclass(slots=True)
class VectorFile:
    """The output of one call of ``embed``, filled part by part."""

    output: Path
    about: dict[str, Any]
    """What made the vectors; parts that something else made are no part of it."""
    failed: list[dict[str, Any]] = field(default_factory=list)
    _parts: int = 0

    def __post_init__(self) -> None:
        if self.output.suffix.lower() not in SUFFIXES:
            raise UsageError(
                f"vectors are not written to {self.output.suffix!r} files.",
                code="embed_suffix",
                path=self.output,
                hint=f"Give {' or '.join(SUFFIXES)}.",
            )

    @property
    def folder(self) -> Path:
        """Where the parts lie."""
        return self.output.with_name(f"{self.output.name}.parts")

    @property
    def manifest(self) -> Path:
        """The file that says what the vectors are."""
        return self.output.with_name(f"{self.output.name}.json")

    def begin(self, *, resume: bool = False) -> None:
        """Begin anew, or go on with the parts that are there.

        Raises:
            UsageError: ``embed_differs``: another model or other levels made the parts.
        """
        told = self.folder / "about.json"
        if resume and told.is_file():
            if json.loads(told.read_text("utf-8")) != self.about:
                raise UsageError(
                    "holds vectors of another model, or of other levels.",
                    code="embed_differs",
                    path=self.folder,
                    hint="Choose another output, or leave --resume away.",
                )
            self._parts = len(self._files())
            return
        paths.remove(self.folder)
        self.folder.mkdir(parents=True)
        told.write_text(json.dumps(self.about), "utf-8")

    def left(self, items: Sequence[Clip | Prediction]) -> list[Clip | Prediction]:
        """The items that no part holds."""
        import pyarrow.parquet as pq

        done = set()
        for file in self._files():
            for row in pq.read_table(file, columns=["id", "path", "start", "end"]).to_pylist():
                done.add((row["id"].split("#face", 1)[0], row["path"], row["start"], row["end"]))
        return [item for item in items if (item.id, _readable(item.path), item.start, item.end) not in done]

    def add(self, found: Sequence[Embedded | Prediction]) -> None:
        """Keep vectors; those who failed are kept for the manifest."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = [each.row() for each in found if isinstance(each, Embedded)]
        self.failed += [
            {"id": each.id, "path": each.path, **(each.error or {})} for each in found if isinstance(each, Prediction)
        ]
        if not rows:
            return
        names = dict.fromkeys(name for row in rows for name in row if name not in KNOWN)
        columns = {name: [row.get(name) for row in rows] for name in (*KNOWN, *names)}
        sizes = {name: next(len(v) for v in columns[name] if v is not None) for name in names}
        table = pa.table(columns, schema=_schema(sizes))
        with paths.atomic(self.folder / f"{self._parts:06d}.parquet") as scratch:
            pq.write_table(table, scratch)
        self._parts += 1

    def close(self) -> int:
        """Write the output and its manifest, remove the parts, and say how many clips the output holds."""
        import pyarrow.parquet as pq

        files = self._files()
        sizes: dict[str, int] = {}
        for file in files:
            sizes |= {f.name: f.type.list_size for f in pq.read_schema(file) if f.name not in KNOWN}
        sizes = {name: sizes[name] for level in LEVELS for name in sorted(sizes) if name.split("_")[0] == level}
        write = _parquet if self.output.suffix.lower() == ".parquet" else _safetensors
        with paths.atomic(self.output) as scratch:
            count = write(files, sizes, scratch)
        told = self.about | {
            "affectrl": __version__,
            "rows": count,
            "columns": {name: {"meaning": text} for name, text in KNOWN.items()}
            | {name: {"meaning": meaning(name), "size": size, "type": "float32"} for name, size in sizes.items()},
            "failed": self.failed,
        }
        with paths.atomic(self.manifest) as scratch:
            scratch.write_bytes(json.dumps(told, indent=1).encode("utf-8", "backslashreplace"))
        paths.remove(self.folder)
        return count

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.parquet"))


def _readable(path: str | None) -> str | None:
    """A path as Parquet takes it: file names need not be text."""
    return None if path is None else path.encode("utf-8", "backslashreplace").decode()


def _schema(sizes: dict[str, int]) -> Any:
    import pyarrow as pa

    kinds = {"start": pa.float64(), "end": pa.float64(), "modalities": pa.list_(pa.string())}
    known = [pa.field(name, kinds.get(name, pa.string()), metadata={"description": t}) for name, t in KNOWN.items()]
    return pa.schema(
        known
        + [
            pa.field(name, pa.list_(pa.float32(), size), metadata={"description": meaning(name)})
            for name, size in sizes.items()
        ]
    )


def _parquet(files: Sequence[Path], sizes: dict[str, int], scratch: Path) -> int:
    """The parts as one file, a part at a time; a column that a part lacks is null there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, count = _schema(sizes), 0
    with pq.ParquetWriter(scratch, schema) as out:
        for file in files:
            part = pq.read_table(file)
            columns = [
                part[each.name] if each.name in part.column_names else pa.nulls(len(part), each.type) for each in schema
            ]
            out.write_table(pa.table(columns, schema=schema))
            count += len(part)
    return count


def _safetensors(files: Sequence[Path], sizes: dict[str, int], scratch: Path) -> int:
    """A tensor ``(N, D)`` a column, NaN where a clip has no such vector; what is known of the clips as JSON."""
    import pyarrow.parquet as pq
    from safetensors.numpy import save_file

    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    tensors = {}
    for name, size in sizes.items():
        tensors[name] = np.full((len(rows), size), np.nan, np.float32)
        for i, row in enumerate(rows):
            if row.get(name) is not None:
                tensors[name][i] = row[name]
    clips = [{name: row[name] for name in KNOWN} for row in rows]
    save_file(tensors, scratch, metadata={"clips": jsonl.encode({"clips": clips}).decode()})
    return len(rows)
