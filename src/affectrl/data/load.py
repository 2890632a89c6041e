"""One way to clips: a manifest, a folder that holds one, shards, or a dataset as its owners publish it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from affectrl import shelves
from affectrl.data.clip import Clip
from affectrl.data.manifest import SUFFIXES, BadRow, read_manifest, scan_manifest, settled
from affectrl.data.shards import expand, is_shards, scan_shards, shards_in
from affectrl.errors import DataError, UsageError

READERS = "affectrl.data.readers"
MANIFEST_NAMES = tuple(f"manifest{suffix}" for suffix in SUFFIXES)


def manifest_in(folder: Path) -> Path:
    """The manifest of a folder.

    Raises:
        DataError: The folder is missing or holds none.
    """
    if not os.path.isdir(folder):
        raise DataError("there is no such folder.", code="folder_missing", path=folder)
    for name in MANIFEST_NAMES:
        if (folder / name).is_file():
            return folder / name
    readers = ", ".join(shelves.names(READERS))
    hint = f"For a published dataset write READER:FOLDER; readers: {readers}."
    raise DataError(f"the folder holds no {MANIFEST_NAMES[0]}.", code="manifest_missing", path=folder, hint=hint)


def reader_of(source: str | Path) -> tuple[str, Path] | None:
    """Reader and folder of ``READER:FOLDER``; ``None`` for anything else, and for a file or folder of that very name.

    A relative folder is relative to the working directory; ``~`` is one's home.
    """
    name, colon, root = str(source).partition(":")
    if not colon or not re.fullmatch(r"[A-Za-z][\w.-]*", name) or os.path.exists(source):
        return None
    return name, Path(os.path.expanduser(root))


def _manifest_of(source: str | Path) -> Path | None:
    """The manifest that a source names or holds; ``None`` when it is for a reader."""
    found = reader_of(source)
    if found is None:
        path = Path(os.path.expanduser(source))
        if not os.path.exists(path) and str(source) in shelves.names(READERS):
            raise UsageError(
                f"{source!r} is a reader and needs a folder.", code="source", hint=f"Write {source}:FOLDER."
            )
        return manifest_in(path) if os.path.isdir(path) else path
    # Sandbox folders are ours and hold a manifest; the prefix is there for people.
    return manifest_in(found[1]) if found[0] == "sandbox" else None


def shards_of(source: str | Path) -> list[Path]:
    """The shards that a source names, or that its folder holds in place of a manifest; none when it is otherwise.

    Raises:
        DataError: As :func:`affectrl.data.shards.expand`.
    """
    if reader_of(source) is not None:
        return []
    if is_shards(source):
        return expand(source)
    folder = Path(os.path.expanduser(source))
    bare = os.path.isdir(folder) and not any((folder / name).is_file() for name in MANIFEST_NAMES)
    return shards_in(folder) if bare else []


def scan_clips(source: str | Path) -> tuple[list[Clip], list[BadRow]]:
    """All clips of a source, and the rows of its manifest or shards that cannot become one.

    Raises:
        DataError: As :func:`affectrl.data.manifest.scan_manifest`, :func:`affectrl.data.shards.scan_shards`, or as the
            reader.
        UsageError: No such reader.
    """
    shards = shards_of(source)
    if shards:
        return scan_shards(shards)
    manifest = _manifest_of(source)
    return (_read(source), []) if manifest is None else scan_manifest(manifest)


def _read(source: str | Path) -> list[Clip]:
    shards = shards_of(source)
    if shards:
        return settled(*scan_shards(shards), source)
    manifest = _manifest_of(source)
    if manifest is not None:
        return read_manifest(manifest)
    name, folder = reader_of(source) or ("", Path())
    clips: list[Clip] = shelves.load(READERS, name).read(folder)
    return clips


def _same(speaker: str) -> str:
    """Numbers are compared as numbers: ``01``, ``1`` and ``Actor_01`` differ only by their padding and prefix."""
    digits = re.fullmatch(r"0*(\d+)", speaker)
    return digits.group(1) if digits else speaker


def _wanted_speakers(speakers: str | Iterable[str | int]) -> set[str]:
    parts = [speakers] if isinstance(speakers, str) else [str(part) for part in speakers]
    wanted: set[str] = set()
    for part in (piece.strip() for text in parts for piece in text.split(",")):
        span = re.fullmatch(r"(\d+)-(\d+)", part)
        if not span:
            wanted.add(_same(part))
        elif int(span[1]) > int(span[2]):
            raise UsageError(f"the speaker range {part} runs backwards.", code="speakers")
        else:
            wanted.update(str(number) for number in range(int(span[1]), int(span[2]) + 1))
    return wanted


def _splits_of(source: str | Path) -> Mapping[str, Sequence[str]]:
    """Further names of splits that a reader publishes, such as ``fold1-train``, and the splits each stands for."""
    found = reader_of(source)
    if found is None or found[0] == "sandbox":
        return {}
    named: Mapping[str, Sequence[str]] = getattr(shelves.load(READERS, found[0]), "SPLITS", {})
    return named


def _by_split(clips: Sequence[Clip], split: str | Iterable[str], source: str) -> list[Clip]:
    named = _splits_of(source)
    asked = {split} if isinstance(split, str) else set(split)
    there = {clip.split for clip in clips if clip.split is not None}
    wanted = {part for name in asked for part in (named.get(name, (name,)) if name not in there else (name,))}
    strange = sorted(wanted - there)
    if strange:
        hint = shelves.nearest(strange[0], there | set(named)) if there else "No clip of it has a split."
        raise UsageError(f"{source} has no split {strange[0]!r}.", code="unknown_split", hint=hint)
    return [clip for clip in clips if clip.split in wanted]


def _by_speaker(clips: Sequence[Clip], speakers: str | Iterable[str | int], source: str) -> list[Clip]:
    wanted = _wanted_speakers(speakers)
    chosen = [clip for clip in clips if clip.speaker is not None and _same(clip.speaker) in wanted]
    if not chosen:
        there = sorted({clip.speaker for clip in clips if clip.speaker is not None})
        shown = ", ".join(there[:10]) + (", ..." if len(there) > 10 else "")
        hint = f"Speakers: {shown}." if there else "No clip of it names its speaker."
        raise UsageError(f"{source} has none of the speakers {speakers!r}.", code="unknown_speaker", hint=hint)
    return chosen


def load_clips(
    source: str | Path,
    *,
    split: str | Sequence[str] | None = None,
    speakers: str | Sequence[str | int] | None = None,
    limit: int | None = None,
) -> list[Clip]:
    """Clips from wherever they are described.

    Args:
        source: A manifest file; a folder that holds ``manifest.jsonl`` (or ``.csv``, ``.parquet``); shards, as a
            pattern such as ``shards/{000..099}.tar`` or a folder of them (:mod:`affectrl.data.shards`); or
            ``READER:FOLDER`` for a dataset as published, such as ``ravdess:/data/RAVDESS``.
        split: Keep only this split, or these; sets with folds also take ``fold1-train`` and its like.
        speakers: Keep only these speakers: names, numbers, or ranges such as ``"1-15"``; padding does not matter.
        limit: Keep only the first so many, after the rest was chosen.

    Raises:
        DataError: The manifest or folder is not as it should be.
        UsageError: No such reader, split or speaker; the message names what there is.
    """
    clips = _read(source)
    if split is not None:
        clips = _by_split(clips, split, str(source))
    if speakers is not None:
        clips = _by_speaker(clips, speakers, str(source))
    if limit is not None and limit < 1:
        raise UsageError(f"limit is {limit}; it must be at least 1.", code="limit")
    return clips[:limit]
