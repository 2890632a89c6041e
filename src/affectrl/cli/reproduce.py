"""``affectrl reproduce [TABLE]``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def reproduce(
    table: Annotated[
        str | None, typer.Argument(help="A table's name; without one, list them.", show_default=False)
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each variant: seeds 0, 1, ...")] = 3,
    out: Annotated[Path | None, typer.Option(help="Folder; default: reproductions/TABLE.", show_default=False)] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A sixth of the steps and few clips: to see that it runs.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this variant (may be repeated), and those it starts from.")
    ] = None,
) -> None:
    """Run an ablation of a paper at nano scale and print it beside the paper's. Killed, the same command goes on."""
    from affectrl.reproduce.table import load_table

    if table is None:
        _list()
        return
    chosen = load_table(table)
    name = Path(table).stem if table.endswith((".yaml", ".yml")) else table
    from affectrl.cli.output import checked_folder

    folder = checked_folder(out or Path("reproductions") / (f"{name}-quick" if quick else name))
    from affectrl.reproduce.page import markdown, write
    from affectrl.reproduce.run import reproduce as run
    from affectrl.reproduce.summary import summarize
    from affectrl.training.session import Interrupted

    try:
        results = run(name, chosen, seeds=seeds, out=folder, quick=quick, only=only or (), after=write)
    except Interrupted:
        typer.echo(f"Stopped at a checkpoint. The same command goes on from there. So far: {folder}", err=True)
        raise typer.Exit(130) from None
    page = write(results)
    typer.echo(markdown(summarize(results)), nl=False)
    typer.echo(f"\nPage: {page}   Runs: {folder / 'runs'}")


def _list() -> None:
    from rich.console import Console
    from rich.table import Table

    from affectrl.reproduce.table import load_table, packaged

    shown = Table("table", "paper", "variants", "what it compares")
    for name in packaged():
        table = load_table(name)
        runs = f"{len(table.variants)} ({len(table.runs_for(()))} runs a seed)"
        shown.add_row(name, table.paper.where, runs, table.title)
    Console().print(shown)
