"""Where we keep what can be made again: converted weights and features. One home, moved with one variable."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EEXIST, ENOENT, ENOTEMPTY
from pathlib import Path
from stat import S_ISDIR
from uuid import uuid4

from affectrl.errors import UsageError

_ATTEMPTS = 100
_UMASK = os.umask(0o077)  # it can only be asked by setting it, so it is asked once, before there are threads
os.umask(_UMASK)
_LEFT = re.compile(r"\..+\.[0-9a-f]{8}\.(?:tmp|old)")


def home() -> Path:
    """``$AFFECTRL_HOME``, else ``$XDG_CACHE_HOME/affectrl``, else ``~/.cache/affectrl``."""
    if custom := os.environ.get("AFFECTRL_HOME"):
        return Path(custom).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "affectrl"


@contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """A scratch path beside ``target`` that takes its place when the block ends well, and is removed when it does not.

    Works for files and for folders; a folder that already stands at ``target`` is put aside first, so that at every
    moment either the old or the new one is whole. Whoever may read this process's files may read what appears.

    Raises:
        UsageError: ``output_unwritable``: a folder stands where a file should go, or the other way round.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.parent / f".{target.name}.{uuid4().hex[:8]}.tmp"
    try:
        yield scratch
        _same_kind(scratch, target)
        _finish(scratch)
        _take_place(scratch, target)
    finally:
        remove(scratch)


def sweep(folder: Path) -> None:
    """Remove what a killed process has left of :func:`atomic` anywhere under a folder that nobody else writes to."""
    for path in [p for p in folder.rglob(".*") if _LEFT.fullmatch(p.name)]:
        remove(path)


def remove(path: Path) -> None:
    """Remove a file or a whole folder, if it is there."""
    if path.is_dir():
        import shutil

        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _same_kind(scratch: Path, target: Path) -> None:
    # One look: another process may take the target away between two.
    try:
        is_folder = S_ISDIR(target.stat().st_mode)
    except FileNotFoundError:
        return
    if is_folder != scratch.is_dir():
        why = "is a folder, not a file" if is_folder else "is a file, not a folder"
        raise UsageError(f"{why}.", code="output_unwritable", path=target, hint="Choose another place.")


def _take_place(scratch: Path, target: Path) -> None:
    # Another process may put its folder there, or take the old one aside, between any two of these calls: try again.
    for attempt in range(_ATTEMPTS):
        aside = target.parent / f".{target.name}.{uuid4().hex[:8]}.old"
        try:
            if target.is_dir():
                target.rename(aside)
            scratch.replace(target)
        except OSError as error:
            raced = error.errno in (ENOENT, ENOTEMPTY, EEXIST) and scratch.exists()
            if not raced or attempt + 1 == _ATTEMPTS:
                raise
        remove(aside)
        if not scratch.exists():
            return


def _finish(path: Path) -> None:
    # A power cut must not leave a complete-looking name over unwritten data. And safetensors makes files for their
    # owner alone, which nobody could read whom a model or a cache is shared with.
    for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
        if file.stat().st_mode & 0o777 == 0o600:
            file.chmod(0o666 & ~_UMASK)
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
