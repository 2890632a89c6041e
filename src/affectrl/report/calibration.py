"""``calibration.html``: whether stated probabilities are found, before and after scaling; one file, no request."""

from __future__ import annotations

import math
from pathlib import Path

from affectrl import paths
from affectrl.evaluation.calibrate import Outcome, Scores
from affectrl.report.plots import reliability_chart

_HERE = Path(__file__).parent


def write(outcome: Outcome, scores: Scores, folder: Path) -> Path:
    """Write the page into a folder, and give its path."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    sides = {
        name: list(zip(outcome.confidence[name].tolist(), outcome.correct[name].tolist(), strict=True))
        for name in ("before", "after")
    }
    page = environment.get_template("calibration.html").render(
        outcome=outcome,
        scaling=outcome.calibration.scaling,
        scores=scores,
        log_chance=math.log(len(scores.labels)),
        chart=reliability_chart("Are stated probabilities found?", sides),
        style=(_HERE / "style.css").read_text(encoding="utf-8"),
    )
    with paths.atomic(folder / "calibration.html") as scratch:
        scratch.write_text(page, encoding="utf-8")
    return folder / "calibration.html"
