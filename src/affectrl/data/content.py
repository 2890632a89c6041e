"""What a file holds, as a number: SHA-256 of its bytes, and a short name for a whole set of clips."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from affectrl.data.clip import Clip, Media, Modality
from affectrl.data.parts import Part
from affectrl.errors import MediaError

_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
_MEDIA_FIELDS: tuple[Modality, ...] = ("video", "audio", "image")


def file_status(path: Path) -> os.stat_result:
    """What the system says of a media file: that it is there, and no folder, pipe or device. Opens nothing.

    Raises:
        MediaError: The file is missing, or its name is one that no file can have (``media_missing``); it is a folder
            (``media_directory``); it is no regular file, or may not be looked at (``media_unreadable``).
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if isinstance(error, OSError) and error.errno not in _NOWHERE:
            raise unreadable(path, error) from error
        hint = "Check the path." if path.is_absolute() else "Relative paths start at the current directory."
        raise MediaError("there is no such file.", code="media_missing", path=path, hint=hint) from error
    if stat.S_ISDIR(status.st_mode):
        hint = "Name a file inside it."
        raise MediaError("is a directory, not a media file.", code="media_directory", path=path, hint=hint)
    if not stat.S_ISREG(status.st_mode):
        # Opening a pipe would wait for whoever writes to it.
        hint = "Save it as a file first."
        raise MediaError("is not a regular file.", code="media_unreadable", path=path, hint=hint)
    return status


def unreadable(path: Path, error: OSError) -> MediaError:
    """The ``media_unreadable`` error for what the system says about a file."""
    reason = error.strerror or type(error).__name__
    hint = "Check its permissions."
    return MediaError(f"cannot be opened ({reason}).", code="media_unreadable", path=path, hint=hint)


@lru_cache(maxsize=200_000)
def _hash_file(path: str, size: int, modified_ns: int) -> str:
    del size, modified_ns  # only there to make a changed file a new entry
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(source: Media) -> str:
    """SHA-256 of the bytes, as 64 hex digits.

    Files are streamed, so memory stays flat whatever their size; within a process a file whose size and time of change
    are as before is not read again.

    Raises:
        MediaError: As :func:`file_status`, and ``media_unreadable`` when the bytes cannot be read.
    """
    if isinstance(source, Part):
        return source.content_hash()
    if not isinstance(source, Path):
        return hashlib.sha256(source.data).hexdigest()
    status = file_status(source)
    try:
        return _hash_file(os.path.abspath(source), status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise unreadable(source, error) from error


def media_hashes(clip: Clip) -> dict[Modality, str]:
    """Content hash by modality (video, audio, image) for the media that the clip has.

    Raises:
        MediaError: As :func:`content_hash`.
    """
    given = {name: getattr(clip, name) for name in _MEDIA_FIELDS}
    return {name: content_hash(media) for name, media in given.items() if media is not None}


def shares_time(a: Clip, b: Clip) -> bool:
    """Whether the windows of two clips overlap, should both be cut from one file."""
    infinity = float("inf")
    return (a.start or 0.0) < (b.end or infinity) and (b.start or 0.0) < (a.end or infinity)


def _row_digest(clip: Clip) -> bytes:
    try:
        media: dict[Modality, str] | None = media_hashes(clip)
    except MediaError:
        media = None
    row = [clip.id, media, clip.start, clip.end, clip.use_video_audio, clip.text, list(clip.labels)]
    return hashlib.sha256(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")).digest()


def fingerprint(clips: Iterable[Clip]) -> str:
    """16 hex digits that name a set of clips: ids, bytes of the media, cuts, texts and labels.

    Neither the order of the clips nor where their files lie counts. A missing file counts as missing, so that a run can
    be described even when its data has moved.
    """
    digest = hashlib.sha256()
    for row in sorted(_row_digest(clip) for clip in clips):
        digest.update(row)
    return digest.hexdigest()[:16]
