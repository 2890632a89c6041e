"""What a table's runs came to: figures beside the paper's, and each claim with its verdict."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from affectrl.reproduce.figures import Figure, Scores, Verdict, score
from affectrl.reproduce.run import Results
from affectrl.reproduce.table import Claim, Column

SCALE = (
    "Nano scale: a language model of 135 million parameters and clips made by affectrl's sandbox, instead of the "
    "paper's models and data. Only orderings can be compared with the paper, not figures, and what holds or does not "
    "hold here is neither proof nor refutation of what the paper found at its scale."
)
QUICK = "Quick run: a sixth of the steps and few clips, to see that all of it works. It says nothing about any claim."
MEANING: dict[Verdict, str] = {
    "holds": "The 95 % interval of the difference lies above zero.",
    "does not hold": "The interval lies below zero: the ordering is the other way round here.",
    "within noise": "The interval includes zero: these clips and seeds do not tell.",
    "one seed": "One training each says nothing about the spread between trainings.",
    "not run": "A run that it needs is not there.",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure, ours and the paper's; both in the units of :func:`shown`."""

    column: str
    ours: Figure | None
    printed: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One variant."""

    variant: str
    title: str
    cells: tuple[Cell, ...]
    remarks: tuple[str, ...]
    minutes: float | None
    """Of training and evaluation, mean over seeds; ``None`` when it shares another's run."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One claim."""

    claim: Claim
    difference: Figure | None
    verdict: Verdict
    printed: float | None
    """The paper's difference, where it prints both figures."""


@dataclass(frozen=True, slots=True)
class Summary:
    """All that the page, the Markdown and the JSON say."""

    results: Results
    lines: tuple[Line, ...]
    judged: tuple[Judged, ...]
    notes: tuple[str, ...]

    @property
    def columns(self) -> dict[str, Column]:
        """By name."""
        return self.results.table.columns

    @property
    def verdict(self) -> str:
        """The claims in one sentence."""
        done, wanted = len(self.results.done), self.results.wanted
        sofar = "" if done == wanted else f" So far {done} of {wanted} runs are done."
        if self.results.quick:
            return f"{QUICK}{sofar}"
        counts = Counter(judged.verdict for judged in self.judged)
        words = ", ".join(f"{counts[v]} {v}" for v in MEANING if counts[v])
        return f"Claims: {words}.{sofar}" if self.judged else f"No claims to check.{sofar}"


def summarize(results: Results) -> Summary:
    """Score every finished run and judge every claim."""
    table = results.table
    scores: dict[str, Scores | None] = {
        name: score(results.answers(column.set), column.metric) for name, column in table.columns.items()
    }
    lines = tuple(_line(results, name, scores) for name in table.variants)
    judged = tuple(_judge(results, claim, scores[claim.column]) for claim in table.claims)
    return Summary(results, lines, judged, _notes(results, scores))


def _line(results: Results, name: str, scores: dict[str, Scores | None]) -> Line:
    variant, table = results.table.variants[name], results.table
    run = table.run_of(name)
    cells = tuple(Cell(c, s.figure(name) if s else None, variant.printed(c)) for c, s in scores.items())
    remarks = [f"seed {seed}: {why}" for (failed, seed), why in results.failed.items() if failed == run]
    done = [d for (other, _), d in results.done.items() if other == run]
    remarks += [f"seed {d.seed}: RL ended early ({d.ended})" for d in done if d.ended and run == name]
    own = [d.seconds / 60 for d in done] if run == name else []
    return Line(name, variant.title, cells, tuple(remarks), fmean(own) if own else None)


def _judge(results: Results, claim: Claim, scores: Scores | None) -> Judged:
    difference = scores.difference(claim.better, claim.than) if scores else None
    pair = [results.table.variants[name].printed(claim.column) for name in (claim.better, claim.than)]
    printed = pair[0] - pair[1] if pair[0] is not None and pair[1] is not None else None
    return Judged(claim, difference, difference.verdict if difference else "not run", printed)


def _notes(results: Results, scores: dict[str, Scores | None]) -> tuple[str, ...]:
    sizes = {column.set: scores[name] for name, column in results.table.columns.items()}
    clips = [
        f"{'data.eval' if at == 'eval' else f'data.also.{at}'}: {s.n} clips"
        + (f" of {s.groups} speakers, drawn whole" if s.groups else "")
        for at, s in sizes.items()
        if s
    ]
    claims = len(results.table.claims)
    chance = (
        f"Claims judged: {claims}, each at 95 %. At most one in twenty intervals misses zero by chance alone, on one "
        "side or the other."
    )
    return (SCALE, *results.table.notes, *(["; ".join(clips) + "."] if clips else []), *([chance] if claims else []))


def shown(value: float | None, column: Column, *, signed: bool = False) -> str:
    """A figure of ours as people read it: percent for shares, two digits for counts, a dash for none."""
    if value is None or math.isnan(value):
        return "–"
    return f"{100 * value:{'+' if signed else ''}.1f}" if column.is_share else f"{value:{'+' if signed else ''}.2f}"


def printed(value: float | None, *, signed: bool = False) -> str:
    """A figure of the paper's, as it prints it."""
    return "–" if value is None else f"{value:{'+' if signed else ''}.2f}"


def span(figure: Figure | None, column: Column, *, signed: bool = False) -> str:
    """The interval of a figure, or nothing."""
    if figure is None or math.isnan(figure.low):
        return ""
    return f"[{shown(figure.low, column, signed=signed)}, {shown(figure.high, column, signed=signed)}]"


def as_json(summary: Summary) -> dict[str, Any]:
    """Everything as plain values: shares of 1 for ours, the paper's as printed."""
    results, table = summary.results, summary.results.table
    return {
        "table": results.name,
        "title": table.title,
        "paper": table.paper.model_dump(),
        "base": table.base,
        "quick": results.quick,
        "seeds": results.seeds,
        "runs": {"done": len(results.done), "wanted": results.wanted},
        "columns": {name: column.model_dump() for name, column in table.columns.items()},
        "variants": {
            line.variant: {
                "title": line.title,
                "set": table.variants[line.variant].set,
                "figures": {c.column: {"ours": _plain(c.ours), "paper": c.printed} for c in line.cells},
                "remarks": list(line.remarks),
                "minutes": line.minutes,
            }
            for line in summary.lines
        },
        "claims": [
            j.claim.model_dump()
            | {"difference": _plain(j.difference), "paper": j.printed}
            | {"verdict": None if results.quick else j.verdict}
            for j in summary.judged
        ],
        "notes": list(summary.notes),
    }


def _plain(figure: Figure | None) -> dict[str, Any] | None:
    if figure is None:
        return None
    numbers = {"mean": figure.mean, "sd": figure.sd, "low": figure.low, "high": figure.high}
    finite = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
    return finite | {"by_seed": figure.by_seed, "clips": figure.n, "speakers": figure.groups}
