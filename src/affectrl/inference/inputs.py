"""What people put on a command line, as clips: files, folders, globs, whatever training reads, and a text."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from affectrl import shelves
from affectrl.answers.prediction import Prediction, failed
from affectrl.data.clip import Clip, modality_of_suffix
from affectrl.data.content import file_status
from affectrl.data.load import MANIFEST_NAMES, READERS, load_clips, reader_of
from affectrl.data.manifest import SUFFIXES as MANIFEST_SUFFIXES
from affectrl.data.manifest import read_manifest
from affectrl.data.shards import RANGE, is_shards, shards_in
from affectrl.data.shards import SUFFIXES as SHARD_SUFFIXES
from affectrl.errors import AffectError, UsageError


def collect(inputs: Sequence[str | Path | Clip], text: str | None = None) -> list[Clip | Prediction]:
    """Clips in the order given; what cannot become a clip is a failed :class:`Prediction` in its place.

    Args:
        inputs: Media files, folders (their manifest, or searched through), globs, manifests (.jsonl, .csv, .parquet),
            shards (``x.tar``, ``shards/{000..099}.tar``, ``data/*.parquet``, or a folder that holds nothing else),
            ``READER:FOLDER``, or clips.
        text: What was said, for a single file, or alone.

    Raises:
        UsageError: ``no_input``: nothing was given or found. ``text_for_many``: one text for several clips.
        DataError: A manifest, a shard or a dataset is not as it should be.
    """
    found: list[Clip | Prediction] = []
    for item in inputs:
        found += [item] if isinstance(item, Clip) else _from_name(str(item))
    if text is not None and text.strip():
        if len(found) > 1:
            raise UsageError(
                f"one text was given for {len(found)} clips.", code="text_for_many", hint="Use a manifest instead."
            )
        if not found:
            return [Clip(id="text", text=text)]
        only = found[0]
        found = [only.model_copy(update={"text": text}) if isinstance(only, Clip) else only]
    if not found:
        raise UsageError("no clip was given.", code="no_input", hint="Give files, folders, a manifest, or --text.")
    return found


def cut(items: Sequence[Clip | Prediction], seconds: float) -> list[Clip | Prediction]:
    """The same with recordings cut into windows; one that cannot be cut is a failed :class:`Prediction`."""
    from affectrl.inference.windows import windows

    found: list[Clip | Prediction] = []
    for item in items:
        try:
            found += windows(item, seconds) if isinstance(item, Clip) else [item]
        except AffectError as error:
            found.append(failed(item.id, item.path, error))
    return found


def _from_name(name: str) -> list[Clip | Prediction]:
    # Unlike pathlib's, these questions of os.path raise for no name, however long or odd.
    path = Path(os.path.expanduser(name))
    if _is_dataset(name):
        return list(load_clips(name))
    if os.path.isdir(path):
        return _from_folder(path)
    if os.path.isfile(path) and path.suffix.lower() in MANIFEST_SUFFIXES:
        return list(read_manifest(path))
    if not os.path.exists(path) and glob.has_magic(name):
        matches = sorted(glob.glob(str(path), recursive=True))
        if not matches:
            raise UsageError(f"no file matches {name!r}.", code="no_input")
        return [clip for match in matches for clip in _from_name(match)]
    return [_from_file(path)]


def _is_dataset(name: str) -> bool:
    """Whether a name means shards, or a dataset through its reader; other patterns are files for themselves."""
    found = reader_of(name)
    if found is not None:
        return found[0] == "sandbox" or shelves.has(READERS, found[0])
    plain = not glob.has_magic(name) or name.lower().endswith(SHARD_SUFFIXES) or RANGE.search(name) is not None
    return is_shards(name) and plain


def _from_folder(folder: Path) -> list[Clip | Prediction]:
    # Its manifest knows which files are one clip, what is said in it and what it is called.
    for name in MANIFEST_NAMES:
        if (folder / name).is_file():
            return list(read_manifest(folder / name))
    files = [f for f in sorted(folder.rglob("*")) if f.is_file() and modality_of_suffix(f) is not None]
    if not files and shards_in(folder):
        return list(load_clips(folder))
    if not files:
        raise UsageError("holds no media file.", code="no_input", path=folder)
    return [_from_file(file) for file in files]


def _from_file(file: Path) -> Clip | Prediction:
    from affectrl.data.media.probe import kind_of

    # A file name need not be text, but an id is.
    name = file.stem.encode("utf-8", "backslashreplace").decode()
    try:
        file_status(file)
        return Clip.model_validate({"id": name, kind_of(file): file})
    except AffectError as error:
        return failed(name, str(file), error)
