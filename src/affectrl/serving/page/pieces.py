"""What the tabs show, as escaped HTML."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from affectrl.answers.prediction import Prediction
from affectrl.errors import AffectError
from affectrl.scoring.result import Result
from affectrl.serving.adapting import Course
from affectrl.serving.page import drawing


@functools.cache
def _pieces() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("parts.html").module


def error(problem: AffectError) -> str:
    """A failure, without paths of the server."""
    return str(_pieces().error(problem.message, problem.hint or ""))


def answer(prediction: Prediction, title: str = "", player: str = "") -> str:
    """One answer: emotions, wheel, shares, reasoning.

    Args:
        prediction: The answer.
        title: Of several.
        player: What :func:`player` gave.
    """
    row = prediction.to_dict() | {
        "scores": dict(list(prediction.scores.items())[: drawing.MOST]),
        "shares": prediction.shares,
        "transcript": prediction.transcript,
        "notes": [{"message": note.message} for note in prediction.notes],
    }
    picture, told, off = drawing.wheel(drawing.strengths(row))
    return str(_pieces().answer(row, picture, told, off, title, Markup(player)))


def player(media: Path, kind: str, windows: Sequence[Prediction], address: str) -> str:
    """The recording with its emotions over time.

    Args:
        media: What is played.
        kind: ``video``, ``audio`` or ``image``.
        windows: Answers of its windows; none for no timeline.
        address: Where the browser gets files from.
    """
    length = max((row.end or 0.0 for row in windows), default=0.0)
    parts = []
    for row in windows:
        start, end = row.start or 0.0, row.end or 0.0
        top = row.top or "–"
        sure = 0.5 if row.confidence is None else row.confidence
        told = f"{start:.1f} to {end:.1f} seconds: {row.top or 'no answer'}"
        told += "" if row.top is None or row.confidence is None else f", {row.confidence:.0%} sure"
        parts.append(
            {
                "left": 100 * start / length,
                "width": 100 * (end - start) / length,
                "hue": drawing.colour(top),
                "sure": 0.35 + 0.65 * sure,
                "start": start,
                "end": end,
                "top": top,
                "told": told,
            }
        )
    return str(_pieces().player(kind, f"{address}{quote(str(media))}", parts, length))


def course(state: Course) -> str:
    """How far an adaptation is."""
    return str(_pieces().course(state, *drawing.curves(state.curves, state.steps)))


def scored(result: Result) -> str:
    """Scores with intervals, the constant answer, and what to be wary of."""
    whole = result.to_json()
    constant = whole["baseline"]
    rows = [
        (name, _number(each.value), _interval(each.low, each.high), _number(constant["scores"].get(name)))
        for name, each in result.metrics.items()
        if not name.startswith("per_wheel.")
    ]
    classes = [
        (name, _number(row["precision"]), _number(row["recall"]), _number(row["f1"]), row["n"])
        for name, row in whole.get("per_class", {}).items()
    ]
    said = constant["answer"]
    told = ", ".join(said) if isinstance(said, list) else str(said)
    about = f"{result.task}, {whole['n']} clips, rules {whole['provenance']['mode']}"
    return str(_pieces().scored(rows, told, about, [note.message for note in result.warnings], classes))


def _interval(low: float, high: float) -> str:
    return "–" if low != low else f"{low:.3f} to {high:.3f}"


def _number(value: Any) -> str:
    return "–" if value is None or value != value else f"{value:.3f}"
