"""What a study found, as values for programs, tables and charts for people: one form for all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from affectrl import paths
from affectrl.metrics.intervals import Estimate


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of words; the first cell names the row."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bars:
    """Values with intervals side by side."""

    title: str
    values: Mapping[str, Estimate]
    remark: str


@dataclass(frozen=True, slots=True)
class Curves:
    """How values change along a scale."""

    title: str
    scale: str
    """What the scale is, with its unit."""
    series: Mapping[str, Sequence[tuple[float, Estimate]]]
    remark: str


@dataclass(frozen=True, slots=True)
class Findings:
    """Of one study."""

    study: str
    """``grounding``, ``conflict``, ``sensitivity``, ``people``."""
    title: str
    lead: str
    """One paragraph: what was done, and how to read it."""
    values: Mapping[str, Any]
    """What the JSON file holds; estimates are written as value, low and high."""
    tables: Sequence[Table] = ()
    charts: Sequence[Bars | Curves] = ()
    skipped: int = 0
    notes: Sequence[str] = field(default_factory=tuple)

    def save(self, folder: Path) -> Path:
        """Write ``STUDY.json`` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        with paths.atomic(folder / f"{self.study}.json") as scratch:
            told = {"study": self.study, "skipped": self.skipped, **_plain(self.values)}
            scratch.write_text(json.dumps(told, indent=1, ensure_ascii=False), "utf-8")
        return folder / f"{self.study}.json"


def _plain(value: Any) -> Any:
    if isinstance(value, Estimate):
        return asdict(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
