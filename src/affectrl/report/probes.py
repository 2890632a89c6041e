"""``STUDY.html`` of any study that gives :class:`~affectrl.attribution.findings.Findings`: charts, then tables."""

from __future__ import annotations

from pathlib import Path

from affectrl import paths
from affectrl.attribution.findings import Bars, Curves, Findings
from affectrl.report.plots import Chart, bars, curves

_HERE = Path(__file__).parent


def write(found: Findings, folder: Path) -> Path:
    """Write the page into the study's folder, and give its path."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("probes.html").render(
        found=found,
        charts=[_chart(each) for each in found.charts],
        style=(_HERE / "style.css").read_text(encoding="utf-8"),
    )
    with paths.atomic(folder / f"{found.study}.html") as scratch:
        scratch.write_text(page, encoding="utf-8")
    return folder / f"{found.study}.html"


def _chart(each: Bars | Curves) -> Chart:
    if isinstance(each, Bars):
        return bars(each.title, each.values, each.remark, signed=False)
    return curves(each.title, each.series, each.scale, each.remark)
