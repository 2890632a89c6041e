"""``affectrl nano``: how the packaged model was made, step by step; docs/nano.md walks through it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Make the packaged model again: face, clips, check, ship.", no_args_is_help=True)

Ravdess = Annotated[Path | None, typer.Option(help="RAVDESS's folder.", show_default=False)]
Emodb = Annotated[Path | None, typer.Option(help="EMO-DB's folder.", show_default=False)]
Fer2013 = Annotated[Path | None, typer.Option(help="FER2013's folder.", show_default=False)]
Meld = Annotated[Path | None, typer.Option(help="MELD's folder.", show_default=False)]
FACE = "affectrl-nano-face"


@app.command()
def face(
    source: Annotated[str, typer.Argument(help="Such as fer2013:data/fer2013.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder.")] = Path("runs/nano-face"),
    epochs: Annotated[int | None, typer.Option(help="Instead of the packaged encoder's.", min=1)] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of torch.", min=1)] = None,
) -> None:
    """Train the face encoder, or go on training it: 35 to 70 minutes on two cores."""
    import torch

    from affectrl.nano.face import Settings, train

    if threads:
        torch.set_num_threads(threads)
    place = train(source, output, Settings() if epochs is None else Settings(epochs=epochs))
    typer.echo(f"Written: {place}")


@app.command()
def clips(
    ravdess: Ravdess = None,
    emodb: Emodb = None,
    fer2013: Fer2013 = None,
    meld: Meld = None,
    face: Annotated[str, typer.Option(help="The face encoder: a folder, or the packaged one.")] = FACE,
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder.")] = Path("sandbox/nano"),
    faces: Annotated[int, typer.Option(help="Pictures of FER2013 that were kept from the encoder.", min=0)] = 2870,
    words: Annotated[int, typer.Option(help="Training utterances of MELD.", min=0)] = 9989,
    composed: Annotated[int, typer.Option(help="Clips put together from three.", min=0)] = 600,
    practice: Annotated[int, typer.Option(help="Faces, and sentences, for reinforcement learning.", min=0)] = 600,
    seed: int = 0,
) -> None:
    """Write the manifest that the recipe affectrl-nano trains on, with measured reasons."""
    from affectrl.cli.output import checked_folder
    from affectrl.nano import mixture

    sizes = mixture.Sizes(faces, words, composed, practice)
    folders = _given(ravdess=ravdess, emodb=emodb, fer2013=fer2013, meld=meld)
    place = mixture.write(folders, checked_folder(output), face_weights=face, sizes=sizes, seed=seed)
    typer.echo(f"Written: {place}")


@app.command()
def check(
    model: Annotated[str, typer.Option(help="A run folder or model folder.")] = "affectrl-nano",
    ravdess: Ravdess = None,
    emodb: Emodb = None,
    fer2013: Fer2013 = None,
    meld: Meld = None,
    limit: Annotated[int | None, typer.Option(help="At most so many clips of each set.", min=1)] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A folder for rows and scores.")] = None,
) -> None:
    """Score a model on people it never met, each set as its closed choice."""
    import json

    from rich.console import Console
    from rich.table import Table

    from affectrl import jsonl, progress
    from affectrl.cli.output import checked_folder
    from affectrl.inference.model import load
    from affectrl.nano import check as checks

    place = None if output is None else checked_folder(output)
    loaded = load(model)
    sets = checks.held_out(_given(ravdess=ravdess, emodb=emodb, fer2013=fer2013, meld=meld), limit)
    scores, counts = {}, {}
    for name, held in sets.items():
        with progress.bar(name, len(held)) as advance:
            rows = list(checks.answers(loaded, held, checks.choice_of(name), advance))
        scores[name], counts[name] = checks.scores_of(rows), len(rows)
        if place is not None:
            jsonl.write_rows(place / f"{name}.jsonl", rows)
    if place is not None:
        (place / "scores.json").write_text(json.dumps(checks.as_json(scores, counts), indent=1))
    shown = Table("set", "clips", *checks.COLUMNS)
    for cells in checks.table(scores, counts):
        shown.add_row(*cells)
    Console().print(shown)


@app.command()
def ship(
    run: Annotated[Path, typer.Argument(help="A run of affectrl-nano.", show_default=False)],
    face: Annotated[Path, typer.Option(help="The face encoder's folder.")] = Path("runs/nano-face"),
    scores: Annotated[Path | None, typer.Option(help="scores.json of `nano check`.", show_default=False)] = None,
) -> None:
    """Put a run's model and face encoder into this installation of the package."""
    from affectrl.nano.ship import PACKAGE
    from affectrl.nano.ship import ship as run_ship

    total = run_ship(run, face, scores=scores)
    typer.echo(f"Shipped: {PACKAGE} ({total / 1e6:.1f} MB with the face encoder)")


def _given(**folders: Path | None) -> dict[str, Path]:
    from affectrl.errors import UsageError

    found = {name: place for name, place in folders.items() if place is not None}
    if not found:
        raise UsageError("no set is given.", code="no_input", hint="Name at least one, such as --ravdess data/ravdess.")
    return found
