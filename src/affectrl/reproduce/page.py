"""The results as one HTML page with plots, as Markdown, and as JSON, side by side in the output folder."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from statistics import fmean

from affectrl import paths
from affectrl.report.load import load_run
from affectrl.report.plots import Chart, Points, lines
from affectrl.reproduce.run import Results
from affectrl.reproduce.summary import MEANING, Cell, Summary, as_json, printed, shown, span, summarize

_HERE = Path(__file__).parent
_CURVES = 5
"""Curves that one chart can tell apart."""
_WIDTH = 100.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A row of a plot: places in [0, 100], ``None`` for what is not there."""

    title: str
    words: str
    at: float | None
    low: float | None
    high: float | None
    seeds: tuple[float, ...]
    paper: float | None


@dataclass(frozen=True, slots=True)
class Plot:
    """One column of the table, ours beside the paper's, each on its own axis."""

    title: str
    marks: tuple[Mark, ...]
    ours: tuple[str, str]
    """What the ends of our axis stand for."""
    paper: tuple[str, str] | None


def write(results: Results) -> Path:
    """Write ``index.html``, ``table.md`` and ``table.json`` into the folder of the results; gives the page."""
    summary = summarize(results)
    texts = {
        "table.json": json.dumps(as_json(summary), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "table.md": markdown(summary),
        "index.html": html(summary),
    }
    for name, text in texts.items():
        with paths.atomic(results.folder / name) as scratch:
            scratch.write_text(text, encoding="utf-8")
    return results.folder / "index.html"


def markdown(summary: Summary) -> str:
    """The table and the claims for people who read text."""
    table, columns = summary.results.table, summary.columns
    head = ["variant", *(f"{c.title} | paper" for c in columns.values())]
    rows = [
        f"| {_bars(line.title)} | "
        + " | ".join(f"{_cell(summary, cell)} | {printed(cell.printed)}" for cell in line.cells)
        + " |"
        for line in summary.lines
    ]
    out = [
        f"# {table.title}",
        "",
        f"{table.paper.citation}, {table.paper.where} ({table.paper.data}). {_how(summary)}",
        "",
        summary.verdict,
        "",
        f"| {' | '.join(head)} |",
        f"| --- |{' ---: | ---: |' * len(columns)}",
        *rows,
        "",
    ]
    if summary.judged:
        out += ["| claim | ours | 95 % interval | paper | verdict |", "| --- | ---: | --- | ---: | --- |"]
    for judged in summary.judged:
        column = columns[judged.claim.column]
        ours = shown(judged.difference.mean if judged.difference else None, column, signed=True)
        verdict = "–" if summary.results.quick else judged.verdict
        where = span(judged.difference, column, signed=True)
        out.append(
            f"| {_bars(judged.claim.say)} | {ours} | {where} | {printed(judged.printed, signed=True)} | {verdict} |"
        )
    remarks = [f"- {line.title}: {remark}." for line in summary.lines for remark in line.remarks]
    return "\n".join([*out, "", *(f"- {note}" for note in summary.notes), *remarks]) + "\n"


def html(summary: Summary) -> str:
    """The page, with everything inside it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {"shown": shown, "printed": printed, "span": span, "cell": _cell}
    return environment.get_template("template.html").render(
        summary=summary,
        table=summary.results.table,
        quick=summary.results.quick,
        how=_how(summary),
        plots=plots(summary),
        curves=curves(summary.results),
        meaning=MEANING,
        style=resources.files("affectrl.report").joinpath("style.css").read_text("utf-8"),
    )


def plots(summary: Summary) -> list[Plot]:
    """A plot for each column that has a figure of ours."""
    return [plot for at in range(len(summary.columns)) if (plot := _plot(summary, at)) is not None]


def _plot(summary: Summary, at: int) -> Plot | None:
    column = list(summary.columns.values())[at]
    cells = [line.cells[at] for line in summary.lines]
    ours = [x for c in cells if c.ours for x in (*c.ours.by_seed.values(), c.ours.low, c.ours.high) if math.isfinite(x)]
    if not ours:
        return None
    theirs = [c.printed for c in cells if c.printed is not None]
    low, high = _axis(ours)
    axis = _axis(theirs) if theirs else None

    def place(value: float) -> float | None:
        return _WIDTH * (value - low) / (high - low) if math.isfinite(value) else None

    marks = []
    for line, cell in zip(summary.lines, cells, strict=True):
        figure = cell.ours
        points = [place(v) for v in figure.by_seed.values()] if figure else []
        paper = _WIDTH * (cell.printed - axis[0]) / (axis[1] - axis[0]) if cell.printed is not None and axis else None
        marks.append(
            Mark(
                line.title,
                _cell(summary, cell),
                place(figure.mean) if figure else None,
                place(figure.low) if figure else None,
                place(figure.high) if figure else None,
                tuple(p for p in points if p is not None),
                paper,
            )
        )
    ends = shown(low, column), shown(high, column)
    return Plot(column.title, tuple(marks), ends, (printed(axis[0]), printed(axis[1])) if axis else None)


def _axis(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.01 * abs(high) or 0.01
    return low - room, high + room


def curves(results: Results) -> list[Chart]:
    """Scores on held-out clips while RL went on, mean over seeds, a few variants a chart."""
    column = next(iter(results.table.columns.values()))
    key = column.metric if column.metric != "labels" else "parse_rate"
    series = {v.title: points for name, v in results.table.variants.items() if (points := _looks(results, name, key))}
    names = list(series)
    charts = [
        lines(
            "On held-out clips while RL went on",
            {name: series[name] for name in names[at : at + _CURVES]},
            f"{key.upper().replace('_', ' ')} on some of the clips of data.dev or data.eval, mean over seeds.",
        )
        for at in range(0, len(names), _CURVES)
    ]
    return [chart for chart in charts if chart]


def _looks(results: Results, variant: str, key: str) -> Points:
    found: dict[int, list[float]] = {}
    runs = [run for (name, _), run in results.done.items() if name == variant]
    for run in runs:
        for step, value in dict(load_run(run.path).series("rl", "eval", key)).items():
            found.setdefault(step, []).append(value)
    return [(step, fmean(values)) for step, values in sorted(found.items()) if len(values) == len(runs)]


def _cell(summary: Summary, cell: Cell) -> str:
    """A figure of ours with its interval, in words: ``61.2 [58.0, 64.4]``."""
    column = summary.columns[cell.column]
    return f"{shown(cell.ours.mean if cell.ours else None, column)} {span(cell.ours, column)}".strip()


def _how(summary: Summary) -> str:
    results = summary.results
    seeds = "one seed" if results.seeds == 1 else f"{results.seeds} seeds"
    return f"Ours: recipe {results.table.base}, {seeds}, mean and 95 % interval over clips and seeds."


def _bars(text: str) -> str:
    return text.replace("|", "\\|")
