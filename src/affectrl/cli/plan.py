"""``affectrl plan RECIPE [key=value ...] --gpu 80GB``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from affectrl.planning.plan import Change, Plan

DOES_NOT_FIT = 1


def plan(
    recipe: Annotated[str, typer.Argument(help="A YAML file, or a packaged recipe's name (see: affectrl recipes).")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Fields to change: rl.num_generations=16", show_default=False)
    ] = None,
    gpu: Annotated[
        str | None, typer.Option(help="A GPU's memory (80GB) or name (h100-80gb); default: this machine's CPU.")
    ] = None,
    prefix: Annotated[
        int | None, typer.Option(min=1, help="Positions of a clip's prefix; default: counted, with --words tokens.")
    ] = None,
    words: Annotated[int, typer.Option(min=0, help="Tokens of what is said in a clip.")] = 32,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of a clip, for a native model's sound.")] = 5.0,
    paper_scale: Annotated[
        bool, typer.Option("--paper-scale", help="With the paper's settings, as far as the recipe knows them.")
    ] = False,
    measure: Annotated[bool, typer.Option("--measure", help="Measure this CPU's speed, for times.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Predict a run's memory and time from shapes, and say what to change. Exit status 1 when it does not fit."""
    from affectrl.planning import devices
    from affectrl.planning.lengths import lengths_of
    from affectrl.planning.plan import advise, base_of
    from affectrl.planning.plan import plan as plan_of
    from affectrl.recipes.load import load_recipe

    resolved = load_recipe(recipe, overrides or (), paper_scale=paper_scale)
    device = devices.cpu(measure=measure) if gpu is None else devices.gpu(gpu)
    base = base_of(device)
    lengths = lengths_of(resolved, prefix=prefix, words=words, seconds=seconds)
    found = plan_of(resolved, device, base=base, lengths=lengths)
    changes, then = ([], found) if found.fits else advise(found)
    if as_json:
        told: dict[str, Any] = found.to_dict()
        told["changes"] = [{"field": c.field, "value": c.value, "saves_bytes": c.saves} for c in changes]
        told["then"] = then.to_dict() if changes else None
        typer.echo(json.dumps(told, indent=1))
    else:
        _show(found)
        _verdict(found, changes, then)
    if not found.fits:
        raise typer.Exit(DOES_NOT_FIT)


def _show(found: Plan) -> None:
    from rich.console import Console
    from rich.table import Table

    from affectrl.planning.shapes import COUNTS_FOR_THEM

    names = list(dict.fromkeys(name for phase in found.phases for name in phase.parts))
    table = Table("MiB", *[phase.name for phase in found.phases], title=f"{found.recipe.name} on {found.device.name}")
    for column in table.columns[1:]:
        column.justify = "right"
    static = {"process": found.base} | {name: size for name, size in found.static.items() if size}
    for name, size in static.items():
        table.add_row(name, *[_mib(size)] * len(found.phases))
    for name in names:
        table.add_row(name, *[_mib(phase.parts.get(name, 0)) for phase in found.phases])
    whole = found.base + sum(found.static.values())
    table.add_row("[bold]peak", *[f"[bold]{_mib(whole + phase.bytes)}" for phase in found.phases])
    table.add_row("TFLOP", *[f"{phase.flops / 1e12:.3g}" for phase in found.phases])
    if found.device.full_rate:
        table.add_row("seconds", *[_seconds(phase.seconds) for phase in found.phases])
        rates = [phase.tokens / phase.seconds for phase in found.phases]
        table.add_row("tokens/s", *[f"{rate:.0f}" for rate in rates])
    Console().print(table)
    if foreign := found.to_dict()["shapes_from_table"]:
        typer.echo(f"Not on this machine, so by the shapes that their publishers name: {', '.join(foreign)}.")
    if found.recipe.model.backbone in foreign and found.recipe.model.family == "fused":
        typer.echo(f"Prompts are counted with the tokenizer of {COUNTS_FOR_THEM}; --prefix says how long they are.")
    typer.echo(f"Prefixes of {found.lengths.prefix} positions, {found.lengths.shared} of them shared; {found.dtype}.")


def _verdict(found: Plan, changes: list[Change], then: Plan) -> None:
    held = f"{found.peak / 1e9:.2f} GB of {found.device.memory / 1e9:.1f} GB"
    if found.device.full_rate:
        typer.echo(f"A step of RL takes about {_seconds(found.step_seconds())} s.")
    if found.fits:
        typer.echo(f"It fits: {held}.")
        return
    typer.echo(f"It does not fit: {held}.")
    for change in changes:
        typer.echo(f"  {change.field}={json.dumps(change.value)}  saves {change.saves / 1e9:.2f} GB")
    if not changes:
        typer.echo("Nothing that we know to change would save memory: take a smaller backbone.")
        return
    end = "It then fits" if then.fits else "It still does not fit: take a smaller backbone"
    typer.echo(f"{end}: {then.peak / 1e9:.2f} GB.")


def _mib(size: float) -> str:
    return f"{size / 2**20:,.0f}"


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f}" if seconds >= 10 else f"{seconds:.2g}"
