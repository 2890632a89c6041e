"""``affectrl report runs/NAME``: rebuild the report of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(run: Annotated[Path, typer.Argument(help="The run folder, such as runs/first-light.")]) -> None:
    """Rebuild runs/NAME/report.html from what the run folder holds."""
    from affectrl.report.write import write_report

    typer.echo(str(write_report(run)))
