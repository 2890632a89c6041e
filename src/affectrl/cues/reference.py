"""What is usual: quantiles of each measure of voices, so that a number can be called high or low.

``reference.yaml`` holds those of the sandbox's speech and of RAVDESS, measured by ``benchmarks/cue_reference.py``.
Level, brightness and pitch depend on microphones and people, so a set of your own is best compared with itself
(:func:`measured`), and a clip with other clips of its speaker (``within``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from affectrl import paths, shelves
from affectrl.cues.voice import VOICE_CUES, VoiceMeasures
from affectrl.errors import DataError, UsageError
from affectrl.yaml_file import read_yaml

BUILT_IN = Path(__file__).with_suffix(".yaml")
LEVELS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
"""Shares of the clips at or below each value of a row of quantiles."""
ENOUGH = 5
"""Clips of one speaker from which their median stands for their usual voice."""

Quantiles = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Reference:
    """What is usual in one set of clips; per cue the values at :data:`LEVELS`."""

    source: str
    """Where the clips come from."""
    n: int
    across: Quantiles
    """Of the measures themselves."""
    within: Quantiles
    """Of the measures minus the median of their speaker; empty where no speaker has :data:`ENOUGH` clips."""

    def place(self, cue: str, value: float, usual: float | None = None) -> float:
        """The share of clips in which a cue is lower, 0.01 to 0.99.

        Args:
            cue: One of :data:`~affectrl.cues.voice.VOICE_CUES`.
            value: What was measured.
            usual: The speaker's own median, if known; then what counts is the distance from it.
        """
        relative = usual is not None and cue in self.within
        row = np.maximum.accumulate(np.asarray((self.within if relative else self.across)[cue], float))
        seen = value - usual if relative and usual is not None else value
        if seen <= row[0]:
            return 0.01
        if seen >= row[-1]:
            return 0.99
        return float(np.interp(seen, row, LEVELS))


@cache
def references() -> dict[str, Reference]:
    """The built-in ones by name."""
    return {name: _reference(row, BUILT_IN) for name, row in _read(BUILT_IN).items()}


def reference(name: str | Path) -> Reference:
    """A built-in reference by name, or one of a file that :func:`save` wrote.

    Raises:
        UsageError: ``unknown_name``: neither.
        DataError: ``cue_reference``: the file is no reference.
    """
    known = references()
    if str(name) in known:
        return known[str(name)]
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        hint = shelves.nearest(str(name), known)
        raise UsageError(f"no reference of voices is called {str(name)!r}.", code="unknown_name", hint=hint)
    rows = _read(path)
    if len(rows) != 1:
        raise DataError("must hold one reference.", code="cue_reference", path=path)
    return _reference(next(iter(rows.values())), path)


def usual_of(measures: Iterable[VoiceMeasures]) -> dict[str, float]:
    """A speaker's median of each cue; nothing of a cue that fewer than :data:`ENOUGH` clips have."""
    found: dict[str, list[float]] = {cue: [] for cue in VOICE_CUES}
    for each in measures:
        for cue in VOICE_CUES:
            if (value := getattr(each, cue)) is not None:
                found[cue].append(value)
    return {cue: float(np.median(values)) for cue, values in found.items() if len(values) >= ENOUGH}


def measured(by_speaker: Mapping[str, Sequence[VoiceMeasures]], source: str) -> Reference:
    """What is usual in a set of your own.

    Args:
        by_speaker: All clips' measures, by speaker.
        source: Where they come from, for the record.

    Raises:
        DataError: ``cue_reference``: some cue could be measured in fewer than five clips.
    """
    usual = {name: usual_of(rows) for name, rows in by_speaker.items()}
    across: dict[str, list[float]] = {cue: [] for cue in VOICE_CUES}
    within: dict[str, list[float]] = {cue: [] for cue in VOICE_CUES}
    for name, rows in by_speaker.items():
        for row in rows:
            for cue in VOICE_CUES:
                value = getattr(row, cue)
                if value is not None:
                    across[cue].append(value)
                    within[cue] += [value - usual[name][cue]] if cue in usual[name] else []
    if short := [cue for cue, values in across.items() if len(values) < ENOUGH]:
        raise DataError(
            f"{short[0]} could be measured in {len(across[short[0]])} clips.",
            code="cue_reference",
            hint=f"A reference needs at least {ENOUGH} clips with speech.",
        )
    n = sum(map(len, by_speaker.values()))
    return Reference(source, n, _quantiles(across), _quantiles({c: v for c, v in within.items() if len(v) >= ENOUGH}))


def save(found: Mapping[str, Reference], path: Path) -> None:
    """Write references into a YAML file."""
    import yaml

    rows = {
        name: {
            "source": row.source,
            "n": row.n,
            "across": {cue: list(values) for cue, values in row.across.items()},
            "within": {cue: list(values) for cue, values in row.within.items()},
        }
        for name, row in found.items()
    }
    with paths.atomic(path) as scratch:
        text = yaml.safe_dump(rows, sort_keys=False, default_flow_style=None, width=120)
        scratch.write_text(f"# Values at shares {', '.join(map(str, LEVELS))}; units as in voice.py.\n{text}", "utf-8")


def _quantiles(values: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    return {cue: [round(float(q), 2) for q in np.quantile(row, LEVELS)] for cue, row in values.items()}


def _read(path: Path) -> dict[str, Any]:
    content = read_yaml(path, code="cue_reference", what="reference of voices")
    if not isinstance(content, dict) or not all(isinstance(row, dict) for row in content.values()):
        raise DataError("is no table of references.", code="cue_reference", path=path)
    return content


def _reference(row: dict[str, Any], path: Path) -> Reference:
    try:
        made = Reference(str(row["source"]), int(row["n"]), dict(row["across"]), dict(row["within"]))
        sizes = {len(values) for table in (made.across, made.within) for values in table.values()}
        complete = set(made.across) == set(VOICE_CUES) and sizes == {len(LEVELS)}
    except (KeyError, TypeError, ValueError):
        complete = False
    if not complete:
        raise DataError("is no reference of voices.", code="cue_reference", path=path, hint="Make it with save().")
    return made
