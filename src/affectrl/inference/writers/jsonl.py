"""A JSON object a line, with all that is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from affectrl import jsonl


def render(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as they are."""
    return "".join(jsonl.encode(row).decode() + "\n" for row in rows)
