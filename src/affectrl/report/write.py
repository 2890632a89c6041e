"""The report: one HTML file that explains a run, with everything inside it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affectrl.metrics.intervals import Estimate
from affectrl.report import story
from affectrl.report.gallery import gallery
from affectrl.report.load import Prediction, Run, load_run
from affectrl.report.plots import calibration, early_and_late, learning_curves, reward_distribution
from affectrl.report.scores import compare

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Failure:
    """A clip without a usable answer."""

    id: str
    when: str
    reason: str


def write_report(run: Path) -> Path:
    """Build ``run/report.html`` from what the run folder holds, replacing an older one.

    The file is self-contained: it makes no request. What the folder lacks is said in the report.

    Raises:
        UsageError: ``run`` is not a run folder (``run_missing``).
    """
    page = render(load_run(Path(run)))
    target = Path(run) / "report.html"
    draft = target.with_name("report.html.tmp")
    draft.write_text(page, encoding="utf-8")
    os.replace(draft, target)
    return target


def render(run: Run) -> str:
    """The whole page as text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": percent, "points": points, "interval": interval}
    comparison = compare(run.before, run.after)
    early, late = early_and_late(run.groups)
    return environment.get_template("template.html").render(
        run=run,
        name=run.path.resolve().name,
        style=(_HERE / "style.css").read_text(encoding="utf-8"),
        head=story.header(run),
        story=story.paragraphs(run),
        after_name="After GRPO" if run.keys("grpo", "train") else "At the end",
        comparison=comparison,
        curves=learning_curves(run),
        rewards=reward_distribution(run.groups),
        samples=[g for g in (early[:1] + late[-1:]) if g.completions],
        calibration=calibration(run.before, run.after),
        cards=gallery(run.before, run.after, run.path),
        failures=failures(run),
        notes=(*run.notes, *story.gaps(run), *(comparison.notes if comparison else ())),
        versions=story.versions(run),
        glossary=story.GLOSSARY,
    )


def failures(run: Run) -> list[Failure]:
    """Every clip that could not be answered, and every answer that could not be read."""
    found = []
    for when, side in (("cold start", run.before), ("at the end", run.after)):
        found += [Failure(p.id, when, _reason(p)) for p in side if p.answer is None]
    return found


def _reason(prediction: Prediction) -> str:
    if prediction.error:
        return prediction.error
    return f"unparsed answer: {prediction.raw[:200]!r}" if prediction.raw else "the model wrote nothing"


def percent(value: Any) -> str:
    """A share as ``61.3 %``; a dash for what does not exist."""
    if value is None or math.isnan(value):
        return "–"
    return f"{100 * value:.1f} %"


def points(value: float) -> str:
    """A difference of shares as ``+4.2``, in percentage points."""
    return "–" if math.isnan(value) else f"{100 * value:+.1f}"


def interval(estimate: Estimate, *, signed: bool = False) -> str:
    """The bounds of an estimate in percent, or a word on why there are none."""
    if math.isnan(estimate.low):
        return "too few to say"
    sign = "+" if signed else ""
    return f"{100 * estimate.low:{sign}.1f} to {100 * estimate.high:{sign}.1f}"
