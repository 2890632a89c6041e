"""Clips and Arrow tables: the columns that ``datasets`` and Parquet files of the ecosystem use.

Media columns hold ``{"bytes", "path"}``, labels a list of words, extras one JSON text; a column that no clip uses is
left out, besides ``id`` and ``labels``. Nothing is decoded on the way.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affectrl.data.clip import Blob, Clip
from affectrl.data.parts import Part
from affectrl.data.rows import FIELDS, MEDIA, RowError, to_clip, to_row
from affectrl.errors import DataError

if TYPE_CHECKING:
    import datasets
    import pyarrow

_ALWAYS = ("id", "labels")


def _arrow_types() -> dict[str, Any]:
    import pyarrow as pa

    types: dict[str, Any] = dict.fromkeys(FIELDS, pa.string())
    types.update(dict.fromkeys(MEDIA, pa.struct({"bytes": pa.binary(), "path": pa.string()})))
    types.update(start=pa.float64(), end=pa.float64(), use_video_audio=pa.bool_(), labels=pa.list_(pa.string()))
    return types


def _arrow_row(clip: Clip, place: Callable[[Path], str]) -> dict[str, Any]:
    row: dict[str, Any] = {"labels": [], **to_row(clip)}
    for name in MEDIA:
        media = row.get(name)
        if isinstance(media, Blob | Part):
            row[name] = {"bytes": media.data, "path": media.name}
        elif media is not None:
            row[name] = {"bytes": None, "path": place(media)}
    if "extras" in row:
        try:
            row["extras"] = json.dumps(row["extras"], ensure_ascii=False)
        except (TypeError, ValueError) as error:
            message = f"clip {clip.id!r}: extras cannot be written as JSON: {error}."
            raise DataError(message, code="manifest_extras") from None
    return row


def to_table(clips: Iterable[Clip], place: Callable[[Path], str]) -> pyarrow.Table:
    """An Arrow table, one row a clip.

    Args:
        clips: What to write.
        place: How to write the path of a media file.
    """
    import pyarrow as pa

    rows = [_arrow_row(clip, place) for clip in clips]
    types = {name: kind for name, kind in _arrow_types().items() if name in _ALWAYS or any(name in row for row in rows)}
    return pa.Table.from_pylist(rows, schema=pa.schema(types))


def to_datasets(clips: Iterable[Clip]) -> datasets.Dataset:
    """A ``datasets.Dataset`` with Audio, Image and Video features that are not decoded (``decode=False``).

    Cast a column to ``Audio(decode=True)`` and so on to have ``datasets`` decode it. Paths are absolute.
    """
    from datasets import Audio, Dataset, DatasetInfo, Features, Image, Video

    table = to_table(clips, os.path.abspath)
    features = Features.from_arrow_schema(table.schema)
    for name, feature in (("video", Video), ("audio", Audio), ("image", Image)):
        if name in features:
            features[name] = feature(decode=False)
    return Dataset(table, info=DatasetInfo(features=features))


def _undecoded(ds: Any) -> Any:
    from datasets import Audio, Image, Video

    for name, feature in dict(ds.features or {}).items():
        if isinstance(feature, Audio | Image | Video) and feature.decode:
            ds = ds.cast_column(name, type(feature)(decode=False))
    return ds


def label_names(features: Mapping[str, Any]) -> dict[str, Callable[[Any], Any]]:
    """For columns of class numbers: how to turn a cell into words."""
    from datasets import ClassLabel

    found: dict[str, Callable[[Any], Any]] = {}
    for name, feature in features.items():
        inner = getattr(feature, "feature", feature)
        if isinstance(inner, ClassLabel):
            found[name] = inner.int2str
    return found


def _dataset_clips(ds: Any, split: str | None) -> list[Clip]:
    ds = _undecoded(ds)
    names = label_names(ds.features or {})
    clips: list[Clip] = []
    for number, row in enumerate(ds, start=1):
        for column, to_words in names.items():
            if row[column] is not None and row[column] != -1:
                row[column] = to_words(row[column])
            else:
                row[column] = None
        if split is not None and row.get("split") is None:
            row["split"] = split
        try:
            clips.append(to_clip(row, folder=Path(), number=number))
        except RowError as error:
            raise DataError(f"dataset row {number}: {error}", code="manifest_rows") from None
    return clips


def from_datasets(ds: datasets.Dataset | datasets.DatasetDict) -> list[Clip]:
    """Clips of a ``datasets.Dataset``, or of a dict of them, whose keys then become the clips' splits.

    Media stay undecoded: a path where the dataset has one, else the bytes. Class numbers become their names.

    Raises:
        DataError: A row cannot become a clip, or two have one id.
    """
    if isinstance(ds, Mapping):
        clips = [clip for split, part in ds.items() for clip in _dataset_clips(part, str(split))]
    else:
        clips = _dataset_clips(ds, None)
    if len({clip.id for clip in clips}) != len(clips):
        raise DataError("two rows of the dataset have one id.", code="duplicate_ids", hint="Give it an id column.")
    return clips
