"""``affectrl score --task TASK --pred FILE --ref FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from affectrl.scoring.result import Result

STDOUT = "-"
_SAID_ELSEWHERE = ("intervals", "by", "against")


def score(
    task: Annotated[str, typer.Option(help="ov, hitrate, sentiment, basic or prefer.", show_default=False)],
    pred: Annotated[
        Path, typer.Option(help="Predictions: CSV, JSONL (as predict writes), Parquet or npz.", show_default=False)
    ],
    ref: Annotated[Path, typer.Option(help="The reference, likewise.", show_default=False)],
    wheels: Annotated[str, typer.Option(help="builtin, or the folder of a challenge's word tables.")] = "builtin",
    mode: Annotated[
        str | None,
        typer.Option(
            help="mer2025, mer2026 or affectrl; default: that of the tables, affectrl for builtin, and mer2026 for "
            "sentiment and prefer.",
            show_default=False,
        ),
    ] = None,
    json_file: Annotated[
        str | None, typer.Option("--json", help="Write everything as JSON; - prints it.", show_default=False)
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Also by groups: speaker, group or any other column.", show_default=False)
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Another prediction file: how much better is --pred?", show_default=False)
    ] = None,
    explain: Annotated[
        list[str] | None, typer.Option(help="Explain the score of this clip; may be repeated.", show_default=False)
    ] = None,
    label_set: Annotated[
        str | None,
        typer.Option(help="basic: map labels to this set (a name, or a .yaml of yours).", show_default=False),
    ] = None,
    strict: Annotated[
        bool | None,
        typer.Option(
            "--strict-lists/--tolerant",
            help="Read as the official code does and refuse strange labels, or read what can be read.",
            show_default=False,
        ),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            help="Change one rule of the mode, such as unknown=wrong or neutral=off; may be repeated.",
            show_default=False,
        ),
    ] = None,
    missing: Annotated[str, typer.Option(help="Clips without a prediction: error, wrong or skip.")] = "error",
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap resamples of each interval; 0 for none.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of intervals and tests.")] = 0,
    pred_column: Annotated[
        str | None, typer.Option(help="Column of the predictions, where it is none of the usual.", show_default=False)
    ] = None,
    ref_column: Annotated[
        str | None, typer.Option(help="Column of the reference, likewise.", show_default=False)
    ] = None,
) -> None:
    """Score predictions against a reference, with intervals, the answer of a constant, and what to be wary of."""
    from affectrl.cli.output import checked
    from affectrl.scoring.score import score as scored

    place = None if json_file in (None, STDOUT) else checked(Path(str(json_file)))
    result = scored(
        task,
        pred,
        ref,
        wheels=wheels,
        mode=mode,
        by=by,
        against=against,
        explain=explain or (),
        label_set=label_set,
        strict_lists=strict,
        switches=_switches(rule or []),
        missing=missing,  # type: ignore[arg-type]  # score() checks it
        resamples=resamples,
        seed=seed,
        pred_column=pred_column,
        ref_column=ref_column,
    )
    if json_file is not None:
        _write_json(result, place)
    if json_file != STDOUT:
        show(result)
    for note in result.warnings:
        typer.echo(f"warning: {note.message} [{note.code}]", err=True)


def _switches(given: list[str]) -> dict[str, str]:
    from affectrl.errors import UsageError

    if odd := next((rule for rule in given if "=" not in rule), None):
        raise UsageError(f"--rule {odd!r} has no =.", code="score_option", hint="Write for example unknown=wrong.")
    return {name.strip(): setting.strip() for name, _, setting in (rule.partition("=") for rule in given)}


def _write_json(result: Result, place: Path | None) -> None:
    import json

    from affectrl import paths

    text = json.dumps(result.to_json(), ensure_ascii=False, allow_nan=False, indent=1)
    if place is None:
        # ASCII, so that no terminal's encoding can refuse it.
        typer.echo(json.dumps(result.to_json(), allow_nan=False, indent=1))
        return
    with paths.atomic(place) as scratch:
        scratch.write_bytes(text.encode("utf-8", "backslashreplace") + b"\n")


def show(result: Result) -> None:
    """Print a result for people."""
    from rich.console import Console
    from rich.table import Table

    console = Console(soft_wrap=True, highlight=False)
    whole = result.to_json()
    about = whole["provenance"]
    tables = f", {about['tables']['name']} tables" if about["tables"] else ""
    constant = whole["baseline"]
    table = Table("", "score", "95 % interval", "constant answer", title=f"{result.task}: {about['mode']}{tables}")
    for name, estimate in result.metrics.items():
        if not name.startswith("per_wheel."):
            table.add_row(name, _number(estimate.value), _interval(estimate), _number(constant["scores"].get(name)))
    console.print(table)
    for more in (_wheel_table(whole), _class_table(whole), _group_table(whole), _against_table(whole)):
        if more is not None:
            console.print(more)
    for line in _remarks(whole):
        console.print(_printable(line), markup=False)
    for told in result.explanations:
        from affectrl.scoring.explain import lines

        for line in lines(told):
            console.print(_printable(line), markup=False)


def _safe(text: str) -> str:
    """Text of a file as a cell: no markup, and nothing that a terminal's encoding refuses."""
    from rich.markup import escape

    return escape(_printable(text))


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _number(value: Any) -> str:
    return "-" if value is None or value != value else f"{value:.4f}"


def _interval(estimate: Any) -> str:
    return "-" if estimate.low != estimate.low else f"[{estimate.low:.4f}, {estimate.high:.4f}]"


def _wheel_table(whole: dict[str, Any]) -> Any:
    from rich.table import Table

    if "per_wheel" not in whole:
        return None
    wheels, kept = whole["per_wheel"], whole["kept"]
    if whole["task"] == "hitrate":
        table = Table("wheel", "hitrate", "clips kept")
        for name, value in wheels.items():
            table.add_row(name, _number(value), str(kept[name]))
        return table
    table = Table("wheel", "f1", "precision", "recall", "level 2 f1", "clips kept")
    for name, found in wheels.items():
        scores = [found["f1"], found["precision"], found["recall"], found["level2"]["f1"]]
        table.add_row(name, *map(_number, scores), str(kept[name]))
    return table


def _class_table(whole: dict[str, Any]) -> Any:
    from rich.table import Table

    if "per_class" not in whole:
        return None
    table = Table("class", "precision", "recall", "f1", "clips", "answered")
    for name, row in whole["per_class"].items():
        scores = (_number(row[key]) for key in ("precision", "recall", "f1"))
        table.add_row(_safe(name), *scores, str(row["n"]), str(row["n_predicted"]))
    return table


def _group_table(whole: dict[str, Any]) -> Any:
    from rich.table import Table

    if "by" not in whole:
        return None
    by = whole["by"]
    main = next(iter(whole["baseline"]["scores"]))
    lowest = f"lowest: {_safe(str(by['worst']))}"
    if (gap := by["gap"]) is not None:
        interval = "" if gap["low"] is None else f" [{gap['low']:+.4f}, {gap['high']:+.4f}]"
        lowest += (
            f"; {_safe(gap['best'])} is better by {gap['difference']:.4f}{interval}; as large a gap between groups by "
            f"luck: p = {gap['p_value']:.3g} ({gap['units']} dealt anew)"
        )
    table = Table(_safe(by["column"]), main, "95 % interval", "clips", caption=lowest)
    for name, group in by["groups"].items():
        interval = group["intervals"][main]
        told = "-" if interval["low"] is None else f"[{interval['low']:.4f}, {interval['high']:.4f}]"
        table.add_row(_safe(name), _number(group["scores"][main]), told, str(group["n"]))
    return table


def _against_table(whole: dict[str, Any]) -> Any:
    from rich.table import Table

    if "against" not in whole:
        return None
    table = Table("", "other", "difference", "95 % interval", "p", title=f"against {_safe(whole['against']['file'])}")
    for name, row in whole["against"]["scores"].items():
        told = "-" if row["low"] is None else f"[{row['low']:+.4f}, {row['high']:+.4f}]"
        gap = "-" if row["difference"] is None else f"{row['difference']:+.4f}"
        table.add_row(name, _number(row["other"]), gap, told, _number(row["p_value"]))
    return table


def _remarks(whole: dict[str, Any]) -> list[str]:
    drawn = whole["provenance"]["intervals"]
    constant = whole["baseline"]["answer"]
    told = ", ".join(constant) if isinstance(constant, list) else constant
    lines = [
        f"clips: {whole['n']}; intervals draw {drawn['units']} {drawn['drawn']}; the constant answer is: {told}",
    ]
    if "labels_per_sample" in whole:
        lines += [
            f"{side}: {_number(whole['labels_per_sample'][side])} labels a clip, "
            f"{_number(whole['unknown_words'][side]['share'])} of them on no wheel"
            for side in ("prediction", "reference")
        ]
        lines.append(f"clips that no wheel keeps: {whole['n_skipped']}")
    if whole["provenance"]["tables"]:
        lines.append(f"tables: {whole['provenance']['tables']['sha256']}")
    # The tables show a missing interval as -; only a missing score needs a word.
    scores = {place: why for place, why in whole["nulls"].items() if place.split(".")[0] not in _SAID_ELSEWHERE}
    lines += [f"{place}: no number, as {why}" for place, why in scores.items()]
    return lines
