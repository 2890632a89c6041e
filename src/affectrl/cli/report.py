"""``affectrl report runs/NAME``: rebuild the report of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(help="The run folder, such as runs/first-light.")],
    open_browser: Annotated[bool, typer.Option("--open", help="Show it in the web browser.")] = False,
) -> None:
    """Rebuild runs/NAME/report.html from what the run folder holds."""
    from affectrl.report.write import write_report

    page = write_report(run)
    typer.echo(str(page))
    if open_browser:
        typer.launch(page.resolve().as_uri())
