"""The report: one HTML file that explains a run, with everything inside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from affectrl import paths
from affectrl.errors import Note, UsageError
from affectrl.metrics.intervals import MIN_CLUSTERS
from affectrl.report import story
from affectrl.report.curves import learning_curves
from affectrl.report.gallery import gallery
from affectrl.report.lists import compare_lists
from affectrl.report.load import Prediction, Run, load_run
from affectrl.report.plots import calibration, early_and_late, reward_course, reward_distribution
from affectrl.report.scores import compare, interval, percent, points

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
        UsageError: ``run`` is not a run folder (``run_missing``), or cannot be written to (``report_unwritable``).
    """
    page = render(load_run(Path(run)))
    target = Path(run) / "report.html"
    try:
        with paths.atomic(target) as draft:
            draft.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"the report cannot be written ({error.strerror}).", code="report_unwritable", path=target
        ) from error
    return target


def render(run: Run) -> str:
    """The whole page as text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": percent, "points": points, "interval": interval}
    algorithm = story.algorithm(run)
    weigh = compare_lists if run.open_vocabulary else compare
    comparison = weigh(run.before, run.after, algorithm=algorithm)
    also = {name: weigh(*sides, algorithm=algorithm) for name, sides in run.also.items()}
    early, late = early_and_late(run.groups)
    remarks: tuple[Note, ...] = (*run.notes, *story.gaps(run), *(comparison.notes if comparison else ()))
    return environment.get_template("template.html").render(
        run=run,
        name=run.path.resolve().name,
        style=(_HERE / "style.css").read_text(encoding="utf-8"),
        head=story.header(run),
        story=story.paragraphs(run),
        before_name=story.before_name(run),
        after_name=f"After {algorithm}" if run.keys("rl", "train") else "At the end",
        comparison=comparison,
        also={name: found for name, found in also.items() if found},
        curves=learning_curves(run, algorithm),
        rewards=[c for c in (reward_course(run.groups), reward_distribution(run.groups)) if c],
        samples=[g for g in (early[:1] + late[-1:]) if g.completions],
        calibration=None if run.open_vocabulary else calibration(run.before, run.after),
        cards=gallery(run.before, run.after, run.path),
        failures=failures(run),
        fallbacks=fallbacks(run),
        parts=story.data_parts(run),
        least_speakers=MIN_CLUSTERS,
        notes=remarks,
        versions=story.versions(run),
        glossary=story.glossary(run),
    )


def failures(run: Run) -> list[Failure]:
    """Every clip that could not be answered, and every answer that could not be read."""
    found = []
    for when, side in (("cold start", run.before), ("at the end", run.after)):
        found += [Failure(p.id, when, _reason(p)) for p in side if p.answer is None]
    return found


def fallbacks(run: Run) -> list[tuple[str, int]]:
    """What did not go quite as asked while clips were read, and for how many clips, the most frequent first."""
    found: Counter[str] = Counter()
    example: dict[str, str] = {}
    for clip in {p.id: p for p in (*run.before, *run.after)}.values():
        codes = {note.split(":")[0]: note for note in clip.fallbacks}
        found.update(codes.keys())
        example |= codes
    return [(example[code], n) for code, n in found.most_common()]


def _reason(prediction: Prediction) -> str:
    if prediction.error:
        return prediction.error
    return f"unparsed answer: {prediction.raw[:200]!r}" if prediction.raw else "the model wrote nothing"
