"""``affectrl share RUN --to FOLDER`` and ``affectrl card RUN``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def share(
    run: Annotated[Path, typer.Argument(help="A run folder (runs/NAME), or a model folder.", show_default=False)],
    to: Annotated[str, typer.Option(help="A folder, or hub:ORG/NAME.", show_default=False)],
    merge: Annotated[
        bool, typer.Option("--merge", help="With the adapter merged into the language model, whole.")
    ] = False,
    private: Annotated[bool, typer.Option("--private", help="A new repository of the hub is private.")] = False,
) -> None:
    """Put a model where others can load it, with a card that says what it is."""
    from affectrl.sharing.share import share as run_share

    place = run_share(run, to, merge=merge, private=private)
    typer.echo(f"Shared: {place}\nLoad it: affectrl.load({to!r})")


def card(
    run: Annotated[Path, typer.Argument(help="A run folder (runs/NAME), or a model folder.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file; default: standard output.", show_default=False)
    ] = None,
) -> None:
    """Write a run's model card."""
    from affectrl import paths
    from affectrl.cli.output import checked
    from affectrl.sharing.card import write_card

    file = None if output is None else checked(output)
    text = write_card(run)
    if file is None:
        typer.echo(text, nl=False)
        return
    with paths.atomic(file) as scratch:
        scratch.write_text(text, "utf-8")
