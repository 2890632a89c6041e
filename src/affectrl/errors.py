"""Errors and notes for people: what was wrong, with which file or field, and what to do.

Every failure that a user can cause is an :class:`AffectError` with a stable ``code``; the CLI prints its one line and
``predict`` writes it into the clip's row. Anything else that escapes is a bug. A :class:`Note` is the softer sibling:
the work went on, but not quite as asked (no face found, so the whole frame was used).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


class AffectError(Exception):
    """A problem that the user can understand and mend.

    Args:
        message: One sentence that says what is wrong.
        code: Stable machine-readable name, ``snake_case``; the documented list is in ``docs/errors.md``.
        path: The file that is to blame, if one is.
        hint: What to do about it.
    """

    default_code = "error"
    exit_status = 1

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        path: str | Path | None = None,
        hint: str | None = None,
    ) -> None:
        self.message = message
        self.code = code or self.default_code
        self.path = None if path is None else str(path)
        self.hint = hint
        super().__init__(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors of worker processes come back whole.
        return _again, (type(self), self.message, self.code, self.path, self.hint)

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        what_to_do = f" {self.hint}" if self.hint else ""
        return f"{where}{self.message}{what_to_do}"


def _again(kind: type[AffectError], message: str, code: str, path: str | None, hint: str | None) -> AffectError:
    return kind(message, code=code, path=path, hint=hint)


class UsageError(AffectError):
    """The command or call itself was wrong (exit status 2)."""

    default_code = "usage"
    exit_status = 2


class MediaError(AffectError):
    """A media file cannot be read, or holds nothing to read."""

    default_code = "media_unreadable"


class DataError(AffectError):
    """A manifest, dataset folder or row is not as it should be."""

    default_code = "data_invalid"
    exit_status = 2


class RecipeError(AffectError):
    """A recipe has a wrong key, type or combination."""

    default_code = "recipe_invalid"
    exit_status = 2


class ModelError(AffectError):
    """Weights or a checkpoint cannot be found, trusted or rebuilt."""

    default_code = "model_invalid"
    exit_status = 2


@dataclass(frozen=True, slots=True)
class Note:
    """A reported fallback: the work went on, but not quite as asked."""

    code: str
    """Stable name, ``snake_case``, listed in ``docs/errors.md``."""
    message: str
    """One sentence for people."""
