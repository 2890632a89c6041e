"""``affectrl compare FILES --ref FILE``: many systems on the same clips, each against one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from affectrl.cli.vote import (
    COLUMN,
    FILES,
    JSON,
    LABEL_SET,
    MISMATCH,
    REF_COLUMN,
    REPORT,
    RESAMPLES,
    SEED,
    TASK,
    WHEELS,
    agreement_table,
    check_places,
    interval,
    number,
    say_notes,
    write_json,
)


def compare(
    files: Annotated[list[str], FILES],
    ref: Annotated[Path, typer.Option(help="The reference.", show_default=False)],
    to: Annotated[
        str | None, typer.Option(help="Compare all with this one. Default: the first file.", show_default=False)
    ] = None,
    task: Annotated[str | None, TASK] = None,
    wheels: Annotated[list[str] | None, WHEELS] = None,
    label_set: Annotated[str | None, LABEL_SET] = None,
    on_mismatch: Annotated[str, MISMATCH] = "error",
    report: Annotated[Path | None, REPORT] = None,
    json_file: Annotated[str | None, JSON] = None,
    column: Annotated[str | None, COLUMN] = None,
    ref_column: Annotated[str | None, REF_COLUMN] = None,
    resamples: Annotated[int, RESAMPLES] = 2000,
    seed: Annotated[int, SEED] = 0,
) -> None:
    """Compare systems with one of them: paired differences, p-values corrected for their number, agreement."""
    from affectrl.ensemble.compare import compare as comparing
    from affectrl.ensemble.reading import name_files
    from affectrl.ensemble.told import compared_told

    check_places(report, json_file)
    compared = comparing(
        name_files(files),
        ref,
        to=to,
        task=task,
        wheels=wheels or ("builtin",),
        label_set=label_set,
        on_mismatch=on_mismatch,  # type: ignore[arg-type]  # compare() checks it
        column=column,
        ref_column=ref_column,
        resamples=resamples,
        seed=seed,
    )
    whole = compared_told(compared)
    if report is not None:
        from affectrl.ensemble.page import write_comparison

        write_comparison(report, compared, whole)
    write_json(whole, json_file)
    if json_file != "-":
        _show(whole)
    say_notes(whole)


def _show(whole: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(soft_wrap=True, highlight=False)
    for wheels, first in whole["systems"][whole["to"]].items():
        title = f"{whole['task']}: {first['mode']}{f', {wheels}' if wheels else ''}"
        table = Table("", first["score"], "95 % interval", *first["beside"], f"against {escape(whole['to'])}", "p",
                      "p, corrected", title=title)  # fmt: skip
        for name, results in whole["systems"].items():
            found = results[wheels]
            gap = found.get("difference")
            told = ["", "", ""] if gap is None else [
                f"{number(gap['difference'], '+')} {interval(gap, '+')}",
                number(gap["p_value"]),
                number(whole["corrected"][wheels][name]),
            ]  # fmt: skip
            beside = (number(value) for value in found["beside"].values())
            table.add_row(escape(name), number(found["value"]), interval(found), *beside, *told)
        console.print(table)
    console.print(agreement_table(whole["agreement"]))
