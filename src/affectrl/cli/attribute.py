"""``affectrl attribute MODEL --data MANIFEST``: what each modality gave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from affectrl.attribution.contributions import Contributions


def attribute(
    model: Annotated[str, typer.Argument(help="A run folder (runs/NAME) or a model folder.", show_default=False)],
    data: Annotated[str, typer.Option(help="A manifest, a folder that holds one, or READER:FOLDER.")],
    split: Annotated[str | None, typer.Option(help="Only this split.")] = None,
    speakers: Annotated[str | None, typer.Option(help="Only these speakers: names or ranges such as 16-18.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first so many clips.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the study; default: RUN/attribution.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Clips in one forward pass.")] = 16,
    fresh: Annotated[bool, typer.Option("--fresh", help="Replace a study of another model or set.")] = False,
) -> None:
    """Say what each modality gives to a model's score: exact Shapley values over sound, pictures and words.

    Every clip is answered with each part of its modalities. Stopped, it goes on where it was.
    """
    from rich.console import Console

    from affectrl import progress
    from affectrl.attribution.study import attribute as run
    from affectrl.cli.output import SOME_FAILED, checked_folder
    from affectrl.data.load import load_clips
    from affectrl.report.attribution import write

    clips = load_clips(data, split=split, speakers=speakers, limit=limit)
    folder = checked_folder(output or Path(model) / "attribution")
    study = run(model, clips, folder, progress.bar, fresh=fresh, batch_size=batch_size)
    console = Console()
    for told in study.scores.values():
        show(told, console)
    typer.echo(f"Report: {write(study, folder)}")
    if study.skipped:
        typer.echo(f"{study.skipped} clips could not be read: {folder / 'skipped.jsonl'}", err=True)
        raise typer.Exit(SOME_FAILED)


def show(told: Contributions, console: Console) -> None:
    """Print one score's shares, and the score of every part of the modalities."""
    from rich.table import Table

    from affectrl.attribution.study import name_of

    score = told.metric.upper()
    shares = Table(score, "Shapley", "alone", "on top of the others", "answers that change", title=f"{told.n} clips")
    for sense, each in told.by_sense.items():
        cells = (each.value.signed, each.alone.signed, each.last.signed, f"{each.used.value:.0%}")
        shares.add_row(sense, *cells)
    shares.add_row("sum", told.gain.signed, "", "", "", style="bold")
    worth = Table("left of the clips", score)
    for kept, estimate in told.worth.items():
        worth.add_row(name_of(kept), str(estimate))
    worth.caption = "nothing: the constant answer"
    console.print(shares)
    console.print(worth)
