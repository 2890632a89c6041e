"""``affectrl fuse A=audio.csv V=face.csv T=words.csv``: late fusion of prediction files by weighted sums."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from affectrl.cli.vote import (
    COLUMN,
    FILES,
    FOLDS,
    JSON,
    LABEL_SET,
    MISMATCH,
    REF,
    REF_COLUMN,
    REPORT,
    RESAMPLES,
    SEED,
    agreement_table,
    check_places,
    say_notes,
    score_tables,
    write_json,
)

if TYPE_CHECKING:
    from affectrl.ensemble.fuse import Fusion


def fuse(
    files: Annotated[list[str], FILES],
    by: Annotated[
        list[str] | None,
        typer.Option(help="mean, confidence, validation, learned, head, or all; may be repeated.", show_default=False),
    ] = None,
    combine: Annotated[
        bool, typer.Option("--combine", help="Every combination of modalities: A, V, T, AV, AT, VT, AVT.")
    ] = False,
    top_n: Annotated[
        list[int] | None, typer.Option(help="Keep the n highest; may be repeated. Default: all.", show_default=False)
    ] = None,
    top_of: Annotated[
        str, typer.Option(help="What top-n counts: labels of a file, or files of a modality.")
    ] = "labels",
    out: Annotated[
        Path | None,
        typer.Option(help="Answers: a .jsonl, .csv or .parquet; of several fusions a folder.", show_default=False),
    ] = None,
    ref: Annotated[Path | None, REF] = None,
    task: Annotated[str, typer.Option(help="basic or sentiment.")] = "basic",
    label_set: Annotated[str | None, LABEL_SET] = None,
    on_mismatch: Annotated[str, MISMATCH] = "error",
    report: Annotated[Path | None, REPORT] = None,
    json_file: Annotated[str | None, JSON] = None,
    column: Annotated[str | None, COLUMN] = None,
    ref_column: Annotated[str | None, REF_COLUMN] = None,
    folds: Annotated[int, FOLDS] = 5,
    resamples: Annotated[int, RESAMPLES] = 2000,
    seed: Annotated[int, SEED] = 0,
) -> None:
    """Fuse prediction files of a closed set of labels; a name's part before the first dot is its modality."""
    from affectrl.cli.output import checked, checked_folder
    from affectrl.ensemble.fuse import fuse as fusing
    from affectrl.ensemble.reading import name_files
    from affectrl.ensemble.told import fusion_told
    from affectrl.ensemble.write import check_suffix

    ways = by or ["mean"]
    several = combine or len(ways) > 1 or ways == ["all"] or len(top_n or ()) > 1
    if out is not None:
        out = checked_folder(out) if several else checked(check_suffix(out))
    check_places(report, json_file)
    fusion = fusing(
        name_files(files),
        ways,
        combine=combine,
        top_n=top_n or (),
        top_of=top_of,  # type: ignore[arg-type]  # fuse() checks it
        ref=ref,
        task=task,
        label_set=label_set,
        on_mismatch=on_mismatch,  # type: ignore[arg-type]  # likewise
        column=column,
        ref_column=ref_column,
        n_folds=folds,
        resamples=resamples,
        seed=seed,
    )
    if out is not None:
        _write(fusion, out)
    whole = fusion_told(fusion)
    if report is not None:
        from affectrl.ensemble.page import write_fusion

        write_fusion(report, fusion, whole)
    write_json(whole, json_file)
    if json_file != "-":
        _show(whole)
    say_notes(whole)


def _write(fusion: Fusion, out: Path) -> None:
    from affectrl.ensemble.write import write_answers, write_columns

    for cell in fusion.cells:
        place = out / f"{cell.name}.csv" if out.is_dir() else out
        if place.suffix.lower() == ".jsonl":
            write_answers(place, cell.rows())
        else:
            write_columns(place, cell.columns())


def _show(whole: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    if "scores" in whole:
        for table in score_tables(whole["scores"]):
            console.print(table)
    console.print(agreement_table(whole["agreement"]))
    for name, cell in whole["cells"].items():
        if cell["weights"]:
            told = ", ".join(f"{voter} {weight:.2f}" for voter, weight in cell["weights"].items())
            console.print(f"weights of {name}: {told}", markup=False)
