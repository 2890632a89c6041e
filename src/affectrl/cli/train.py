"""``affectrl train RECIPE [key=value ...]``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[str, typer.Argument(help="A YAML file, or a packaged recipe's name (see: affectrl recipes).")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="Fields to change: rl.steps=80 optim.lr=5e-5 name=try2", show_default=False),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder of run folders.")] = Path("runs"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Replace an earlier run instead of going on with it.")] = False,
    paper_scale: Annotated[
        bool, typer.Option("--paper-scale", help="With the paper's settings, as far as the recipe knows them.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and print the resolved recipe, then stop.")] = False,
) -> None:
    """Train a model: cold start, then RL. Interrupted or killed, the same command goes on where it was."""
    from affectrl.recipes.load import dump, load_recipe
    from affectrl.training.preflight import check_clips, check_names, check_parts

    resolved = load_recipe(recipe, overrides or (), paper_scale=paper_scale)
    check_names(resolved)
    if dry_run:
        check_parts(resolved)
        typer.echo(dump(resolved), nl=False)
        return
    from affectrl.cli.output import checked_folder

    checked_folder(runs)
    check_clips(resolved)
    typer.echo(
        f"recipe {resolved.name} -> {runs / resolved.name} (affectrl train {recipe} --dry-run shows it)", err=True
    )
    from affectrl.rl import processes
    from affectrl.training.session import Interrupted
    from affectrl.training.train import train as run

    try:
        folder = run(resolved, runs=runs, fresh=fresh)
    except Interrupted:
        typer.echo("Stopped at a checkpoint. The same command goes on from there.", err=True)
        raise typer.Exit(130) from None
    if processes.rank():
        return
    show(folder, open_vocabulary=resolved.answers.labels is None)


def show(folder: Path, *, open_vocabulary: bool) -> None:
    """Before and after, in a table, and where to look next."""
    from affectrl import jsonl
    from affectrl.cli.evaluate import score_table

    files = sorted((folder / "eval").glob("*.jsonl"), key=lambda file: (file.stem.partition("@")[2], file.stem))
    score_table({file.stem: jsonl.read_rows(file) for file in files}, open_vocabulary=open_vocabulary)
    typer.echo(f"Report: {folder / 'report.html'}   Model: {folder / 'model'}")
