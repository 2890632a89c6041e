"""Where a command writes: looked at before the work begins, so that no result is lost for want of a place."""

from __future__ import annotations

import os
from pathlib import Path

from affectrl.errors import UsageError

SOME_FAILED = 3
"""Exit status when some clips failed and the others went through."""


def checked(file: Path) -> Path:
    """``file``, its folder made.

    Raises:
        UsageError: ``output_unwritable``: it is a folder, or cannot be written.
    """
    checked_folder(file.parent)
    if file.is_dir():
        raise _unwritable(file, "is a folder, not a file")
    return file


def checked_folder(folder: Path) -> Path:
    """``folder``, made if it is not there.

    Raises:
        UsageError: ``output_unwritable``: it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, f"the folder cannot be made ({error.strerror})") from error
    if not os.access(folder, os.W_OK):
        raise _unwritable(folder, "the folder cannot be written to")
    return folder


def _unwritable(place: Path, why: str) -> UsageError:
    return UsageError(f"{why}.", code="output_unwritable", path=place, hint="Choose another place.")
