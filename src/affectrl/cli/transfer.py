"""``affectrl transfer A=SOURCE B=SOURCE --features voice=whisper``: learn on one population, test on another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from affectrl.data.clip import Clip


def transfer(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Populations: NAME=SOURCE, such as de=emodb:FOLDER; or one SOURCE and --by.", show_default=False
        ),
    ],
    features: Annotated[str, typer.Option(help="One feature, STREAM=ENCODER[:WEIGHTS], such as voice=whisper.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder for transfer.json and transfer.html.")],
    by: Annotated[
        str | None, typer.Option(help="Take a SOURCE apart by speaker, group, split or a column of its extras.")
    ] = None,
    head: Annotated[str, typer.Option(help="logistic, mlp or attention.")] = "logistic",
    folds: Annotated[int, typer.Option(min=2, help="Of the cross-validation on the diagonal.")] = 5,
    shots: Annotated[str, typer.Option(help="Clips a class of the new population to learn from.")] = "0,1,2,5,10",
    seed: Annotated[int, typer.Option(min=0, help="Of folds, draws and head.")] = 0,
) -> None:
    """Transfer between populations: a matrix of who learned where, and what a few clips of the other are worth.

    Clips whose features cannot be read are left out and told; the exit status is then 3.
    """
    from rich.console import Console

    from affectrl import jsonl, progress
    from affectrl.baselines.crossval import settings_of
    from affectrl.baselines.features import feature, rows
    from affectrl.baselines.transfer import common_labels, few_shots, findings, lost, matrix, population
    from affectrl.cli.attribute import show_findings
    from affectrl.cli.output import SOME_FAILED, checked_folder
    from affectrl.errors import UsageError
    from affectrl.models.cache import FeatureCache
    from affectrl.report import probes

    counts = [part.strip() for part in shots.split(",")]
    if not all(count.isdecimal() for count in counts):
        raise UsageError(f"--shots are numbers, not {shots!r}.", code="transfer_populations", hint="Such as 0,1,5.")
    wanted, _ = feature(features), settings_of(head, "fixed", seed, {})  # refused before hours of features
    sets = _sets(sources, by)
    if len(sets) < 2:
        there = f"there is only {', '.join(map(repr, sets))}" if sets else "there is none"
        raise UsageError(
            f"transfer needs two populations; {there}.", code="transfer_populations", hint="Name two, or use --by."
        )
    checked_folder(output)
    names, store = common_labels(sets), FeatureCache()
    with progress.bar("features", sum(map(len, sets.values()))) as advance:
        held = {name: rows(wanted, clips, store, advance) for name, clips in sets.items()}
    people = [population(name, clips, held[name].values, names[name]) for name, clips in sets.items()]
    unread = [row for name, clips in sets.items() for row in lost(name, clips, held[name].errors)]
    ways = {"standardized by what was learned": people, "each population standardized": [p.alone() for p in people]}
    pairs = [(a, b) for a in people for b in people if a is not b and len(set(b.speakers) - {None}) > 1]
    with progress.bar("heads", 2 * len(people) + len(pairs) * len(counts)) as advance:
        matrices = {way: matrix(each, head=head, folds=folds, seed=seed, advance=advance) for way, each in ways.items()}
        curves = {
            f"{a.name} to {b.name}": few_shots(
                a, b, shots=[int(count) for count in counts], head=head, seed=seed, advance=advance
            )
            for a, b in pairs
        }
    about = {
        "features": held[people[0].name].key, "head": head, "folds": folds, "seed": seed, "sources": sources,
        "given": {name: len(clips) for name, clips in sets.items()},
    }  # fmt: skip
    found = findings(matrices, curves, people, about, skipped=len(unread))
    found.save(output)
    jsonl.write_rows(output / "skipped.jsonl", unread)
    show_findings(found, Console())
    typer.echo(f"Report: {probes.write(found, output)}")
    if found.skipped:
        typer.echo(f"{found.skipped} clips could not be read: {output / 'skipped.jsonl'}", err=True)
        raise typer.Exit(SOME_FAILED)


def _sets(sources: list[str], by: str | None) -> dict[str, list[Clip]]:
    """Labelled clips of each population."""
    from affectrl.data.load import load_clips
    from affectrl.errors import DataError, UsageError

    found: dict[str, list[Clip]] = {}
    for text in sources:
        name, equals, source = text.partition("=")
        if by is None and not equals:
            raise UsageError(f"{text!r} has no name.", code="transfer_populations", hint=f"Write NAME={text}.")
        if by is None and not (name and source):
            raise UsageError(f"{text!r} lacks a part.", code="transfer_populations", hint="Write NAME=SOURCE.")
        if by is None and name in found:
            raise UsageError(
                f"two populations are called {name!r}.", code="transfer_populations", hint="Give each its own name."
            )
        place = source if equals else text
        clips = [clip for clip in load_clips(place) if clip.labels]
        if not clips:
            raise DataError("holds no clip with labels.", code="no_clips", path=place)
        if by is None:
            found[name] = clips
            continue
        values = [_value(clip, by) for clip in clips]
        if not any(value is not None for value in values):
            columns = sorted({"speaker", "group", "split"} | {key for clip in clips for key in clip.extras})
            raise UsageError(
                f"no clip of {place} has a {by!r}.", code="transfer_populations", hint=f"Columns: {', '.join(columns)}."
            )
        for clip, value in zip(clips, values, strict=True):
            if value is not None:
                found.setdefault(f"{name} {value}" if equals else str(value), []).append(clip)
    return found


def _value(clip: Clip, by: str) -> object:
    return getattr(clip, by) if by in ("speaker", "group", "split") else clip.extras.get(by)
