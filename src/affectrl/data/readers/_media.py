"""Finding the media that a dataset's table names, in whichever of the published folders they lie.

Folders are listed once, so a hundred thousand clips cost no hundred thousand look-ups. A file that the table names and
the folder lacks keeps the path where it should lie: ``affectrl data check`` lists it as ``media_missing``, and whoever
opens it says so. Nothing turns into a clip without its media unseen.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from affectrl.data.clip import SUFFIXES, Modality


class MediaFolder:
    """The files of one modality of a dataset, by name without suffix.

    Args:
        root: The dataset's folder.
        names: Folders below it, in order of preference; the first that is there holds the files.
        modality: What the files hold.
        suffix: Of a file that is missing, with the dot.
    """

    def __init__(self, root: Path, names: Sequence[str], modality: Modality, suffix: str) -> None:
        self.folder = next((root / name for name in names if (root / name).is_dir()), None)
        self._suffix = suffix
        self._files: dict[str, str] = {}
        for entry in sorted(os.listdir(self.folder)) if self.folder else ():
            stem, found = os.path.splitext(entry)
            # Names that start with a dot are leftovers of other file systems.
            if found.lower() in SUFFIXES[modality] and not entry.startswith("."):
                self._files.setdefault(stem, entry)

    def __bool__(self) -> bool:
        return self.folder is not None

    def paths(self) -> Iterator[tuple[str, Path]]:
        """Name without suffix and path of every file that is there."""
        for stem, name in self._files.items():
            yield stem, Path(self.folder or "") / name

    def path(self, stem: str) -> Path | None:
        """The file of that name, whether it is there or only should be; ``None`` when there is no such folder."""
        return None if self.folder is None else self.folder / self._files.get(stem, f"{stem}{self._suffix}")
