"""Features are computed once: a folder of small files that many processes may read and write at the same time.

The key of an entry is made of the clip's content (SHA-256 of its media bytes), the window and preprocessing that were
asked for, and the encoder's own key, which holds its version. Entries are safetensors files that appear whole or not
at all, carry a checksum of their data, and are computed again when it does not match.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from affectrl import paths
from affectrl.errors import Note


@dataclass(slots=True)
class CacheCounts:
    """What a cache has done since it was opened."""

    hits: int = 0
    misses: int = 0
    repaired: int = 0
    """Entries that were found damaged and are computed again."""


@dataclass(slots=True)
class FeatureCache:
    """Arrays and the notes of their making, by key; kept in ``folder``, by default under ``paths.home()``."""

    folder: Path = field(default_factory=lambda: paths.home() / "features")
    counts: CacheCounts = field(default_factory=CacheCounts)

    def get(self, key: str) -> tuple[dict[str, np.ndarray], tuple[Note, ...]] | None:
        """The entry, or ``None`` when it is not there or not whole."""
        file = self._file(key)
        try:
            with safe_open(str(file), framework="np") as entry:
                arrays = {name: entry.get_tensor(name) for name in entry.keys()}  # noqa: SIM118
                about = entry.metadata() or {}
        except FileNotFoundError:
            self.counts.misses += 1
            return None
        except (SafetensorError, OSError):
            self._damaged(file)
            return None
        if about.get("key") != key or about.get("checksum") != _checksum(arrays):
            self._damaged(file)
            return None
        try:
            notes = tuple(Note(**row) for row in json.loads(about["notes"]))
        except (KeyError, TypeError, ValueError):  # the checksum does not cover them
            self._damaged(file)
            return None
        self.counts.hits += 1
        return arrays, notes

    def put(self, key: str, arrays: dict[str, np.ndarray], notes: tuple[Note, ...] = ()) -> None:
        """Store an entry; the last writer wins, and readers see the old or the new one, never a half."""
        arrays = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
        about = {
            "key": key,
            "checksum": _checksum(arrays),
            "notes": json.dumps([{"code": n.code, "message": n.message} for n in notes]),
        }
        with paths.atomic(self._file(key)) as scratch:
            save_file(arrays, scratch, metadata=about)

    def remember(
        self, key: str, compute: Callable[[], tuple[dict[str, np.ndarray], tuple[Note, ...]]]
    ) -> tuple[dict[str, np.ndarray], tuple[Note, ...]]:
        """The entry, made and stored where it is not there yet."""
        found = self.get(key)
        if found is None:
            found = compute()
            self.put(key, *found)
        return found

    def _file(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self.folder / digest[:2] / f"{digest[2:]}.safetensors"

    def _damaged(self, file: Path) -> None:
        self.counts.misses += 1
        self.counts.repaired += 1
        file.unlink(missing_ok=True)


def _checksum(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        value = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}{value.dtype}{value.shape}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
