"""``affectrl predict FILE ... -o predictions.jsonl``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def predict(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Media files, folders, globs, a manifest (.jsonl, .csv, .parquet), shards (x.tar, x-{000..099}.tar, "
            "x*.parquet), or READER:FOLDER.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A run or model folder; default: $AFFECTRL_MODEL, else the newest in runs/.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="What was said, for a single clip or alone.")] = None,
    labels: Annotated[
        str | None, typer.Option(help="A closed choice, such as happy,sad,neutral; scored exactly.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="JSONL file, replaced, and filled row by row; default: standard output."),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Clips in one forward pass.")] = 8,
    explain: Annotated[
        bool, typer.Option("--explain", help="Add what each modality gave to each answer (shares).")
    ] = False,
) -> None:
    """Say what the person in each clip feels. Exit status 3 when some clips failed; each has its row."""
    from affectrl import jsonl, progress
    from affectrl.cli.output import SOME_FAILED, checked
    from affectrl.inference.inputs import collect

    output = None if output is None else checked(output)
    items = collect(inputs or [], text)
    from affectrl.inference.model import check_labels, default_model, load

    choice = check_labels(labels.split(",")) if labels is not None else None
    loaded = load(model or default_model())
    if output is not None:
        jsonl.write_rows(output, [])
    done, failures = 0, []
    with progress.bar("predict", len(items), quiet=len(items) < QUIET_BELOW) as advance:
        for answers in loaded.stream(items, labels=choice, batch_size=batch_size, explain=explain):
            rows = [answer.to_dict() for answer in answers]
            if output is not None:
                # Row by row, so that a kill loses none of the finished work.
                jsonl.append_rows(output, rows)
            else:
                for row in rows:
                    typer.echo(jsonl.encode(row))
            done += len(rows)
            failures += [row for row in rows if row["error"]]
            advance("")
    if output is not None or failures:
        where = f" -> {output}" if output else ""
        typer.echo(f"{done - len(failures)} of {done} clips answered{where}", err=True)
    for row in failures:
        typer.echo(f"  {row['id']}: {row['error']['message']} [{row['error']['code']}]", err=True)
    if failures:
        raise typer.Exit(SOME_FAILED)


QUIET_BELOW = 8
"""Few clips need no progress bar."""
