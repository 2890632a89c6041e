"""``affectrl eval MODEL --data MANIFEST``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def evaluate(
    model: Annotated[
        str, typer.Argument(help="A run folder (runs/NAME), a model folder, or ORG/NAME (hub).", show_default=False)
    ],
    data: Annotated[str, typer.Option(help="A manifest, a folder that holds one, or READER:FOLDER.")],
    split: Annotated[str | None, typer.Option(help="Only this split.")] = None,
    speakers: Annotated[str | None, typer.Option(help="Only these speakers: names or ranges such as 16-18.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Rows as JSONL; default: eval/DATA.jsonl in RUN, or here.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Clips in one forward pass.")] = 16,
) -> None:
    """Score a model on labelled clips, with 95 % bootstrap intervals: WAR, UAR and macro-F1, or EW for open vocabulary.

    Exit status 3 when some clips could not be read; each has its row, and none of them counts.
    """
    from affectrl import jsonl, progress
    from affectrl.cli.output import SOME_FAILED, checked
    from affectrl.data.load import load_clips
    from affectrl.errors import DataError
    from affectrl.evaluation.evaluate import row, unread
    from affectrl.inference.model import load

    clips = [clip for clip in load_clips(data, split=split, speakers=speakers) if clip.labels]
    if not clips:
        raise DataError("holds no clip with labels.", code="no_clips", path=data)
    loaded = load(model)
    home = Path(model) if Path(model).is_dir() else Path()  # a name of the hub, or of our package, is no folder
    output = checked(output or home / "eval" / f"{_slug(data, split)}.jsonl")
    rows: list[dict[str, Any]] = []
    with progress.bar("evaluate", len(clips)) as advance:
        for clip, answers in zip(clips, loaded.stream(clips, batch_size=batch_size), strict=True):
            rows += [row(answer, clip) for answer in answers]
            advance("")
    jsonl.write_rows(output, rows)
    score_table({_slug(data, split): rows}, open_vocabulary=loaded.task.labels is None)
    typer.echo(f"Rows: {output}")
    if any(unread(entry) for entry in rows):
        raise typer.Exit(SOME_FAILED)


def score_table(evaluations: dict[str, list[dict[str, Any]]], *, open_vocabulary: bool | None = None) -> None:
    """Print scores with intervals, a row an evaluation.

    Args:
        evaluations: Rows by name.
        open_vocabulary: EW in place of the scores of classes; by default it depends on the references.
    """
    from rich.console import Console
    from rich.table import Table

    from affectrl.evaluation.evaluate import SCORES, estimates, names_lists, summary

    if open_vocabulary is None:
        open_vocabulary = any(names_lists(rows) for rows in evaluations.values())
    heads = tuple(_TITLES) if open_vocabulary else tuple(SCORES)  # a terminal has room for few
    beside = ("words", "unknown", "kept") if open_vocabulary else ()
    table = Table(
        "", *(_TITLES.get(name, name.upper().replace("_", "-")) for name in heads), "readable", *beside, "clips"
    )
    skipped = 0
    for name, rows in evaluations.items():
        totals = summary(rows, open_vocabulary=open_vocabulary)
        found = estimates(rows, open_vocabulary=open_vocabulary)
        cells = [str(found[name]) for name in heads]
        cells.append(f"{totals['parse_rate']:.0%}")
        if open_vocabulary:
            cells += [f"{totals['labels_per_answer']:.1f}", f"{totals['unknown_share']:.0%}", f"{totals['n_kept']:.0f}"]
        table.add_row(name, *cells, f"{totals['n']:.0f}")
        skipped = max(skipped, len(rows) - int(totals["n"]))
    remarks = []
    if open_vocabulary:
        remarks.append("EW with affectrl's rules; words: labels an answer; kept: clips whose reference a wheel knows.")
    if skipped:
        remarks.append(f"{skipped} clips could not be read, or have no label, and are not counted.")
    table.caption = " ".join(remarks) or None
    Console().print(table)


_TITLES = {"ew": "EW F", "ew_level2": "level 2 F"}


def _slug(data: str, split: str | None) -> str:
    name = data.split(":", 1)[0] if ":" in data and not Path(data).exists() else Path(data).stem
    if name == "manifest":
        name = Path(data).resolve().parent.name
    return f"{name}-{split}" if split else name
