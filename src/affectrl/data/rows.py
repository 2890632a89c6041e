"""Rows and clips: one mapping of column names to a :class:`Clip` and back, whatever file the row came from.

Column names are matched without regard to case. Besides the clip's own fields these are known, in order of preference:
``file_name``, ``path`` (a media file, whose suffix says what it is); ``label``, ``emotion``, ``emotions``; ``name``
(the id); ``transcript``, ``utterance``, ``sentence``, ``subtitle`` (the text); ``start_s``, ``end_s``. Anything else
goes to ``extras``, unless it looks like a misspelt field that the row would otherwise lack.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from affectrl.data.clip import Blob, Clip, Media, modality_of_suffix
from affectrl.data.parts import Part

FIELDS = tuple(Clip.model_fields)
MEDIA = ("video", "audio", "image")
ALIASES: dict[str, tuple[str, ...]] = {
    "id": ("name",),
    "text": ("transcript", "utterance", "sentence", "subtitle"),
    "labels": ("label", "emotion", "emotions"),
    "start": ("start_s",),
    "end": ("end_s",),
}
ANY_MEDIA = ("file_name", "path")
_WORDS = ("id", "speaker", "group", "split")
KNOWN = {*FIELDS, *ANY_MEDIA, *(alias for aliases in ALIASES.values() for alias in aliases)}
"""Every column name that means something, in lower case."""
_EXPECTED = {
    "string_type": "text",
    "string_too_short": "some text",
    "float_type": "a number of seconds",
    "float_parsing": "a number of seconds",
    "finite_number": "a finite number of seconds",
    "greater_than": "a number of seconds above 0",
    "greater_than_equal": "a number of seconds from 0 on",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_unicode": "well-formed text",
}
"""What a field takes, by pydantic's name for the mistake."""
_MAGIC = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG", ".png"),
    (b"GIF8", ".gif"),
    (b"fLaC", ".flac"),
    (b"OggS", ".ogg"),
    (b"ID3", ".mp3"),
    (b"\xff\xfb", ".mp3"),
    (b"\x1aE\xdf\xa3", ".mkv"),
)


class RowError(ValueError):
    """One row cannot become a clip; ``field`` names the column that is to blame."""

    def __init__(self, message: str, field: str | None = None) -> None:
        self.field = field
        super().__init__(f"{field}: {message}" if field else message)


def _is_empty(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _sort_columns(row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split a row into known columns (lower case) and the rest, dropping empty cells."""
    known: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for column, value in row.items():
        name = column.strip().lower()
        if name in KNOWN and name not in known:
            known[name] = value
        elif not _is_empty(value):
            rest[column] = value
    return known, rest


def _refuse_misspelt(known: Mapping[str, Any], rest: Mapping[str, Any]) -> None:
    for column in rest:
        near = difflib.get_close_matches(column.strip().lower(), KNOWN, n=1, cutoff=0.8)
        if near and near[0] not in known:
            raise RowError(f"unknown column. Did you mean {near[0]!r}? Otherwise put it under extras.", column)


def _labels(value: Any, field: str) -> tuple[str, ...]:
    if isinstance(value, str):
        value = _json(value, field) if value.lstrip().startswith("[") else value.split(";")
    if not isinstance(value, list | tuple):
        value = [value]
    strange = next((word for word in value if not isinstance(word, str)), None)
    if strange is not None:
        raise RowError(f"labels are words, not {strange!r}.", field)
    return tuple(word.strip() for word in value if word and word.strip())


def json_reason(error: ValueError | RecursionError) -> str:
    """Why a text is not JSON that we take."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg[:1].lower()}{error.msg[1:]}, character {error.pos + 1}"
    return "nested too deeply" if isinstance(error, RecursionError) else "a number with too many digits"


def _json(value: str, field: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise RowError(f"not valid JSON: {json_reason(error)}.", field) from None


def _extras(value: Any) -> dict[str, Any]:
    content = _json(value, "extras") if isinstance(value, str) else value
    if not isinstance(content, Mapping):
        raise RowError("extras is a mapping of names to values.", "extras")
    return {str(key): item for key, item in content.items()}


def _suffix_of(data: bytes) -> str:
    if data[:4] == b"RIFF":
        return {b"WAVE": ".wav", b"WEBP": ".webp", b"AVI ": ".avi"}.get(data[8:12], "")
    if data[4:8] == b"ftyp":
        return ".mp4"
    return next((suffix for magic, suffix in _MAGIC if data.startswith(magic)), "")


def _media_path(value: str, field: str, folder: Path) -> Path:
    if "://" in value:
        raise RowError(f"{value} is an address; download the file and give its path.", field)
    if "\0" in value:
        raise RowError("a path cannot hold a zero character.", field)
    # Unlike pathlib's, this leaves a name such as ~nobody as it is.
    return folder / os.path.expanduser(value)


def _media(value: Any, field: str, folder: Path) -> Media:
    if isinstance(value, str):
        return _media_path(value, field, folder)
    if isinstance(value, Path | Blob | Part):
        return value
    if isinstance(value, bytes):
        value = {"bytes": value}
    if isinstance(value, Mapping) and isinstance(value.get("bytes"), bytes):
        data = value["bytes"]
        return Blob(data, value.get("path") or f"{field}{_suffix_of(data)}")
    if isinstance(value, Mapping) and isinstance(value.get("path"), str):
        return _media_path(value["path"], field, folder)
    raise RowError(f"expected a file path or {{'bytes', 'path'}}, not {type(value).__name__}.", field)


def _place_any_media(known: dict[str, Any], folder: Path) -> None:
    """Put ``file_name`` or ``path`` where its suffix says, unless the row says so itself."""
    for alias in ANY_MEDIA:
        value = known.pop(alias, None)
        if _is_empty(value) or any(not _is_empty(known.get(name)) for name in MEDIA):
            continue
        media = _media(value, alias, folder)
        name = media.name
        kind = modality_of_suffix(name)
        if kind is None:
            message = f"{name!r} has no suffix that tells what it is; call the column video, audio or image instead."
            raise RowError(message, alias)
        known[kind] = media
        known.setdefault("id", str(value if isinstance(value, str) else name))


def _resolve_aliases(known: dict[str, Any], rest: dict[str, Any]) -> None:
    """Fill each field from its first alias that the row has; aliases that are not needed are kept as extras."""
    for field, aliases in ALIASES.items():
        for alias in aliases:
            value = known.pop(alias, None)
            if value is None:
                continue
            if _is_empty(known.get(field)):
                known[field] = value
            elif not _is_empty(value):
                rest[alias] = value


def _convert(known: dict[str, Any], folder: Path) -> dict[str, Any]:
    # A text that is there but blank is worth a finding of `check`, so the clip must know that it was given.
    fields = {name: value for name, value in known.items() if not _is_empty(value) or (name, value) == ("text", "")}
    for name in MEDIA:
        if name in fields:
            fields[name] = _media(fields[name], name, folder)
    for name in _WORDS:
        if isinstance(fields.get(name), int) and not isinstance(fields[name], bool):
            fields[name] = str(fields[name])
    if "labels" in fields:
        fields["labels"] = _labels(fields["labels"], "labels")
    return fields


def _default_id(fields: Mapping[str, Any], number: int | None) -> str:
    media = next((fields[name] for name in MEDIA if isinstance(fields.get(name), str)), None)
    if media is None and number is None:
        raise RowError("is missing; only a row with a media file can do without, and is then called after it.", "id")
    return media or f"row-{number:06d}"


def _reason(error: ValidationError) -> RowError:
    """What was wrong first, in our words."""
    first = error.errors(include_url=False)[0]
    kind, given = first["type"], reprlib.repr(first["input"])
    field = str(first["loc"][0]) if first["loc"] else None
    if kind == "value_error":
        return RowError(f"{first['msg'].removeprefix('Value error, ')}.", field)
    if expected := _EXPECTED.get(kind):
        return RowError(f"expected {expected}, not {given}.", field)
    return RowError(f"{given} is not allowed: {first['msg'][:1].lower()}{first['msg'][1:]}.", field)


def to_clip(row: Mapping[str, Any], *, folder: Path, number: int | None = None) -> Clip:
    """The clip of one row.

    Args:
        row: Column name -> cell; cells are plain values, or ``{"bytes", "path"}`` for media.
        folder: What relative media paths are relative to.
        number: The row's place, from 1. A row without an id is called after its media file, or else after this; where
            it is not given, a row with neither is refused.

    Raises:
        RowError: The row cannot become a clip; the message names the column.
    """
    known, rest = _sort_columns(row)
    _refuse_misspelt(known, rest)
    _resolve_aliases(known, rest)
    _place_any_media(known, folder)
    extras = known.pop("extras", None)
    if not _is_empty(extras):
        rest.update(_extras(extras))
    if known.get("id") == "":
        raise RowError("is empty.", "id")
    if _is_empty(known.get("id")):
        known["id"] = _default_id(known, number)
    try:
        return Clip(**_convert(known, folder), extras=rest)
    except ValidationError as error:
        raise _reason(error) from None


def to_row(clip: Clip) -> dict[str, Any]:
    """The fields that a clip sets, by name; media as :class:`Path` or :class:`Blob`, labels as a list."""
    row: dict[str, Any] = {name: getattr(clip, name) for name in FIELDS}
    row["labels"] = list(clip.labels)
    if clip.video is None or clip.use_video_audio:
        del row["use_video_audio"]
    return {name: value for name, value in row.items() if value is not None and value not in ([], {})}
