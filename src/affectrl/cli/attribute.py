"""``affectrl attribute MODEL --data MANIFEST``: what each modality gave, and what the model makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from affectrl.attribution.contributions import Contributions
    from affectrl.attribution.findings import Findings
    from affectrl.data.clip import Clip

What = Literal["shares", "grounding", "conflict", "sensitivity"]


def attribute(
    model: Annotated[
        str,
        typer.Argument(
            help="A run folder (runs/NAME), a model folder, or for grounding a predictions file.", show_default=False
        ),
    ],
    data: Annotated[str, typer.Option(help="A manifest, a folder that holds one, or READER:FOLDER.")],
    study: Annotated[
        What,
        typer.Option(
            help="shares: of the score. grounding: is the reasoning true. conflict: who wins when voice, face and "
            "words disagree. sensitivity: noise, missing frames, wrong words."
        ),
    ] = "shares",
    split: Annotated[str | None, typer.Option(help="Only this split.")] = None,
    speakers: Annotated[str | None, typer.Option(help="Only these speakers: names or ranges such as 16-18.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first so many clips.")] = None,
    faces: Annotated[str | None, typer.Option(help="conflict: take faces from here, such as fer2013:FOLDER.")] = None,
    n: Annotated[int, typer.Option(min=2, help="conflict: clips that are composed.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="conflict: of the composition.")] = 0,
    usual: Annotated[
        str, typer.Option(help="grounding: what voices are compared with: sandbox, ravdess, or a file.")
    ] = "sandbox",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the study; default: RUN/attribution[/STUDY].")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Clips in one forward pass.")] = 16,
    fresh: Annotated[bool, typer.Option("--fresh", help="Replace a study of another model or set.")] = False,
) -> None:
    """Say what each modality gives to a model's score: exact Shapley values over sound, pictures and words.

    Every clip is answered with each part of its modalities. Stopped, it goes on where it was. Other studies: --study.
    """
    from rich.console import Console

    from affectrl import progress
    from affectrl.attribution.grounding import is_predictions
    from affectrl.cli.output import SOME_FAILED, checked_folder
    from affectrl.data.load import load_clips
    from affectrl.errors import UsageError
    from affectrl.report import attribution as page_of_shares
    from affectrl.report import probes

    place = Path(model)
    told_already = is_predictions(place)
    if told_already and study != "grounding":
        raise UsageError(
            "is a file of predictions, and this study asks the model itself.",
            code="attribution_file",
            path=place,
            hint="Give the model, or --study grounding.",
        )
    clips = load_clips(data, split=split, speakers=speakers, limit=limit)
    folder = (place.parent if told_already else place) / "attribution"
    folder = checked_folder(output or (folder if study == "shares" else folder / study))
    console = Console()
    if study == "shares":
        from affectrl.attribution.study import attribute as run

        done = run(model, clips, folder, progress.bar, fresh=fresh, batch_size=batch_size)
        for told in done.scores.values():
            show(told, console)
        page, skipped = page_of_shares.write(done, folder), done.skipped
    else:
        found = _study(study, model, clips, folder, faces, n, seed, usual, batch_size, fresh=fresh)
        found.save(folder)
        show_findings(found, console)
        page, skipped = probes.write(found, folder), found.skipped
    typer.echo(f"Report: {page}")
    if skipped:
        typer.echo(f"{skipped} clips could not be read: {folder / 'skipped.jsonl'}", err=True)
        raise typer.Exit(SOME_FAILED)


def _study(
    study: What,
    model: str,
    clips: list[Clip],
    folder: Path,
    faces: str | None,
    n: int,
    seed: int,
    usual: str,
    batch_size: int,
    *,
    fresh: bool,
) -> Findings:
    from affectrl import progress
    from affectrl.data.load import load_clips

    if study == "grounding":
        from affectrl.attribution.grounding import grounding
        from affectrl.cues.reference import reference

        against = reference(usual)
        return grounding(model, clips, folder, progress.bar, usual=against, fresh=fresh, batch_size=batch_size)
    if study == "conflict":
        from affectrl.attribution.conflict import conflict

        others = load_clips(faces) if faces else None
        return conflict(
            model, clips, folder, progress.bar, faces=others, n=n, seed=seed, fresh=fresh, batch_size=batch_size
        )
    from affectrl.attribution.sensitivity import sensitivity

    return sensitivity(model, clips, folder, progress.bar, fresh=fresh, batch_size=batch_size)


def show_findings(found: Findings, console: Console) -> None:
    """Print the tables of a study that hold no long texts."""
    from rich.markup import escape
    from rich.table import Table

    console.print(escape(found.lead))
    for each in found.tables:
        if "reasoning" in each.header:
            continue
        table = Table(*map(escape, each.header), title=escape(each.title), caption=escape(each.note))
        for row in each.rows:
            table.add_row(*map(escape, row))
        console.print(table)
    for note in found.notes:
        console.print(escape(note))


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
