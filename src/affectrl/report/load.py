"""A run folder, read into typed records. Whatever is absent or unreadable becomes a note, never a crash."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from affectrl import jsonl
from affectrl.answers.parser import plain
from affectrl.errors import DataError, Note, UsageError

HALF = 0.5
"""EW F of one answer from which on it is called right in the gallery; scores know no such border."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answered clip of an evaluation."""

    id: str
    answer: str | None
    """The first emotion named; ``None`` when the answer could not be read or the clip failed."""
    reference: str | None
    """The first reference label; ``None`` when the clip has none."""
    labels: tuple[str, ...]
    confidence: float | None
    reasoning: str | None
    raw: str
    """What the model wrote, word for word."""
    path: str | None
    said: str | None
    """The clip's own text, such as a subtitle, when the row carries it."""
    modalities: tuple[str, ...]
    speaker: str | None
    error: str | None
    """``code: message`` when the clip could not be answered."""
    fallbacks: tuple[str, ...]
    """What did not go quite as asked, such as ``no_face: ...``."""
    emotions: tuple[str, ...] = ()
    """All emotions named, in order."""
    ew: float | None = None
    """With an open vocabulary: EW F of this answer alone; ``None`` where no wheel knows the reference."""

    @property
    def correct(self) -> bool:
        """Whether the answer is the reference, or agrees with half of it and more in an open vocabulary."""
        if self.ew is not None:
            return self.ew >= HALF
        return self.answer is not None and self.answer == self.reference


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled answer of a rollout group."""

    text: str
    reward: float
    rewards: dict[str, float]
    advantage: float


@dataclass(frozen=True, slots=True)
class Group:
    """The answers sampled for one clip at one step."""

    step: int
    id: str
    labels: tuple[str, ...]
    completions: tuple[Completion, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """A warning that was raised while training."""

    step: int
    code: str
    component: str
    """The reward or figure that it is about."""
    message: str


@dataclass(frozen=True, slots=True)
class Run:
    """All that a report is made of."""

    path: Path
    manifest: dict[str, Any]
    recipe: str
    """The resolved recipe as it stands in the file; empty when there is none."""
    settings: dict[str, Any]
    """The same, parsed; empty when it cannot be."""
    metrics: list[dict[str, Any]]
    groups: list[Group]
    before: list[Prediction]
    """Held-out answers after the cold start; empty when that evaluation was not made."""
    after: list[Prediction]
    """Held-out answers at the end; empty when that evaluation was not made."""
    notes: tuple[Note, ...]
    also: dict[str, tuple[list[Prediction], list[Prediction]]] = field(default_factory=dict)
    """Before and after on the further sets of ``data.also``, by name."""
    open_vocabulary: bool = False
    """Whether answers are lists without a closed choice."""

    @property
    def alarms(self) -> list[Alarm]:
        """What the run was warned of, in order of steps."""
        rows = (r for r in self.metrics if r.get("kind") == "alarm")
        return [
            Alarm(_int(r.get("step")), str(r.get("code", "?")), str(r.get("component", "?")), str(r.get("message", "")))
            for r in rows
        ]

    def series(self, stage: str, kind: str, key: str) -> list[tuple[int, float]]:
        """``(step, value)`` of one logged scalar in order of steps; rows that lack it are passed over."""
        chosen = (r for r in self.metrics if r.get("stage") == stage and r.get("kind", "train") == kind)
        points = ((_int(r.get("step")), number(r.get(key))) for r in chosen)
        return [(step, value) for step, value in points if value is not None]

    def keys(self, stage: str, kind: str) -> list[str]:
        """Names of the scalars logged in a stage, sorted."""
        return sorted(
            {k for r in self.metrics if r.get("stage") == stage and r.get("kind", "train") == kind for k in r}
        )


def load_run(path: Path) -> Run:
    """Read ``runs/NAME``.

    Raises:
        UsageError: ``path`` is not a folder, or holds nothing that a run writes.
    """
    path = Path(path)
    known = ("manifest.json", "recipe.yaml", "metrics.jsonl", "predictions.jsonl", "eval")
    if not path.is_dir() or not any((path / name).exists() for name in known):
        raise UsageError("this is not a run folder.", code="run_missing", path=path, hint="Give runs/NAME.")
    notes: list[Note] = []
    metrics, rollouts = (_rows(path / name, notes) for name in ("metrics.jsonl", "rollouts.jsonl"))
    before = _predictions(path / "eval" / "cold-start.jsonl", notes)
    after = _predictions(path / "eval" / "final.jsonl", notes)
    if not after and (path / "predictions.jsonl").is_file():
        after = _predictions(path / "predictions.jsonl", notes)
    also = {
        name: tuple(_predictions(path / "eval" / f"{when}@{name}.jsonl", notes) for when in ("cold-start", "final"))
        for name in sorted({file.stem.split("@", 1)[1] for file in path.glob("eval/*@*.jsonl")})
    }
    recipe = _text(path / "recipe.yaml")
    settings = _settings(recipe)
    is_open = _is_open(settings, [*before, *after])
    weigh = _weigh if is_open else list
    return Run(
        path=path,
        manifest=_manifest(path / "manifest.json", notes),
        recipe=recipe,
        settings=settings,
        metrics=_latest(metrics, ("stage", "kind", "step", "code", "component")),
        groups=[_group(r) for r in _latest(rollouts, ("step", "id"))],
        before=weigh(before),
        after=weigh(after),
        notes=tuple(notes),
        also={name: (weigh(old), weigh(new)) for name, (old, new) in also.items()},
        open_vocabulary=is_open,
    )


def _is_open(settings: dict[str, Any], predictions: Sequence[Prediction]) -> bool:
    """As the recipe says, or, where it says nothing, whether clips have several labels."""
    answers = settings.get("answers")
    if isinstance(answers, dict) and "labels" in answers:
        return answers["labels"] is None
    return any(len(set(p.labels)) > 1 for p in predictions)


def _weigh(predictions: Sequence[Prediction]) -> list[Prediction]:
    """The same with the EW F of each answer."""
    from affectrl.emotions.space import WheelSpace
    from affectrl.metrics.emotion_wheel import one

    space = WheelSpace.builtin()
    return [replace(p, ew=one(p.labels, p.emotions, space)) for p in predictions]


def number(value: object) -> float | None:
    """``value`` as a finite float, or ``None``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def ends(values: Sequence[float]) -> tuple[float, float]:
    """Mean of the first and of the last tenth of ``values`` (at least one of each), which must not be empty."""
    tenth = max(1, len(values) // 10)
    return sum(values[:tenth]) / tenth, sum(values[-tenth:]) / tenth


def _rows(path: Path, notes: list[Note]) -> list[dict[str, Any]]:
    try:
        rows = jsonl.read_rows(path)
    except (OSError, DataError) as error:
        notes.append(Note("rows_unreadable", f"{path.name} is damaged, so nothing of it is shown ({error})."))
        return []
    return [r for r in rows if isinstance(r, dict)]


def _latest(rows: list[dict[str, Any]], key: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows by step, one a key: a resumed run logs the steps after its checkpoint again, and the later row counts."""
    last = {tuple(str(r.get(k)) for k in key): r for r in rows}
    return sorted(last.values(), key=lambda r: _int(r.get("step")))


def _manifest(path: Path, notes: list[Note]) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        value = None
    if not isinstance(value, dict):
        notes.append(Note("manifest_missing", "manifest.json is absent or unreadable: versions and data are unknown."))
        return {}
    return value


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _settings(recipe: str) -> dict[str, Any]:
    import yaml

    try:
        value = yaml.safe_load(recipe)
    except yaml.YAMLError:
        return {}
    return value if isinstance(value, dict) else {}


def _predictions(path: Path, notes: list[Note]) -> list[Prediction]:
    rows = _rows(path, notes)
    unnamed = sum("id" not in r for r in rows)
    if unnamed:
        notes.append(Note("rows_unnamed", f"{unnamed} rows of {path.name} have no id and were left out."))
    return list({str(r["id"]): _prediction(r) for r in rows if "id" in r}.values())


def _prediction(row: dict[str, Any]) -> Prediction:
    error = _remark(row.get("error"))
    labels = _words(row.get("labels"))
    fallbacks, top = row.get("notes"), None if error else _label(row.get("top"))
    # A row with the probability of each label of a choice names them all, and means the first.
    emotions = () if error or row.get("scores") else _words(row.get("emotions"))
    return Prediction(
        id=str(row["id"]),
        answer=top,
        reference=_label(labels[0]) if labels else None,
        labels=labels,
        confidence=number(row.get("confidence")),
        reasoning=_maybe(row.get("reasoning")),
        raw=str(row.get("text") or ""),
        path=_maybe(row.get("path")),
        said=_maybe(row.get("input_text")),
        modalities=_words(row.get("modalities")),
        speaker=_maybe(row.get("speaker")),
        error=error,
        fallbacks=tuple(filter(None, map(_remark, fallbacks))) if isinstance(fallbacks, list) else (),
        emotions=emotions or ((top,) if top else ()),
    )


def _remark(value: object) -> str | None:
    """An error or a note of a row, as ``code: message``."""
    return f"{value.get('code', 'error')}: {value.get('message', '')}" if isinstance(value, dict) else _maybe(value)


def _label(value: object) -> str | None:
    """Labels are compared without regard to case and blanks."""
    word = _maybe(value)
    return None if word is None else plain(word)


def _group(row: dict[str, Any]) -> Group:
    listed = row.get("completions")
    found = [c for c in listed if isinstance(c, dict)] if isinstance(listed, list) else []
    return Group(
        _int(row.get("step")), str(row.get("id", "?")), _words(row.get("labels")), tuple(_completion(c) for c in found)
    )


def _completion(row: dict[str, Any]) -> Completion:
    parts = row.get("rewards")
    named = ((str(k), number(v)) for k, v in parts.items()) if isinstance(parts, dict) else ()
    return Completion(
        text=str(row.get("text") or ""),
        reward=number(row.get("reward")) or 0.0,
        rewards={k: v for k, v in named if v is not None},
        advantage=number(row.get("advantage")) or 0.0,
    )


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(v) for v in value) if isinstance(value, Iterable) else ()


def _maybe(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _int(value: object) -> int:
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else 0
