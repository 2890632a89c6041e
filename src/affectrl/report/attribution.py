"""``attribution.html``: the shares of the modalities as bars and tables, in one file that makes no request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from affectrl import paths
from affectrl.attribution.contributions import Contributions
from affectrl.attribution.study import Study, name_of
from affectrl.report.plots import Chart, bars

_HERE = Path(__file__).parent


def write(study: Study, folder: Path) -> Path:
    """Write the page into the study's folder, and give its path."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("attribution.html").render(
        study=study,
        parts=[(told, _chart(told)) for told in study.scores.values()],
        name_of=name_of,
        style=(_HERE / "style.css").read_text(encoding="utf-8"),
    )
    with paths.atomic(folder / "attribution.html") as scratch:
        scratch.write_text(page, encoding="utf-8")
    return folder / "attribution.html"


def _chart(told: Contributions) -> Chart:
    marks: dict[str, Any] = {sense: each.value for sense, each in told.by_sense.items()}
    score = told.metric.upper()
    return bars(
        f"Shares of {score}", marks | {"sum": told.gain}, f"What each modality adds to {score} over a constant answer."
    )
