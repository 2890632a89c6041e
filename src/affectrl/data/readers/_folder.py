"""What readers share: looking for files of a published layout, and saying so when they are not there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from affectrl.errors import DataError


def files_below(root: Path, suffixes: Iterable[str]) -> list[Path]:
    """Files of these suffixes (lower case) in a folder and all below it, in the order of their paths.

    Raises:
        DataError: The folder is missing.
    """
    if not os.path.isdir(root):
        raise DataError("there is no such folder.", code="folder_missing", path=root)
    wanted = set(suffixes)
    return sorted(path for path in root.rglob("*") if path.suffix.lower() in wanted and path.is_file())


def nothing_found(root: Path, expected: str, how_to_get: str) -> DataError:
    """The error for a folder that is not the dataset."""
    return DataError(
        f"none of the expected files are here; expected {expected}.", code="dataset_layout", path=root, hint=how_to_get
    )
