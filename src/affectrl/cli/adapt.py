"""``affectrl adapt MODEL --data SOURCE [key=value ...]``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from affectrl.training.adapt import Outcome


def adapt(
    model: Annotated[
        str, typer.Argument(help="A run folder (runs/NAME), a model folder, or ORG/NAME (hub).", show_default=False)
    ],
    data: Annotated[str, typer.Option(help="The clips to adapt to, without labels or as if they had none.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="Recipe fields to change: rl.lr=1e-5 rl.batch_size=8", show_default=False),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only this split of them.")] = None,
    speakers: Annotated[str | None, typer.Option(help="Only these speakers: names or ranges such as 16-18.")] = None,
    held_out: Annotated[str | None, typer.Option(help="Clips that are evaluated, and not adapted to.")] = None,
    held_out_split: Annotated[str | None, typer.Option(help="Only this split of those.")] = None,
    held_out_speakers: Annotated[str | None, typer.Option(help="Only these speakers of those.")] = None,
    map_to: Annotated[str | None, typer.Option(help="Put the clips' labels into this label set, for scores.")] = None,
    name: Annotated[str | None, typer.Option(help="Of the run; default: MODEL-on-DATA.", show_default=False)] = None,
    votes: Annotated[int, typer.Option(min=2, help="Answers a clip that vote.")] = 8,
    train: Annotated[
        int | None, typer.Option(min=2, help="Of these that are trained on; default: all.", show_default=False)
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Times every clip is met; default: 3.")] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Meet every clip once, in order.")] = False,
    algorithm: Annotated[str, typer.Option(help="merit-grpo, merit-ppo, grpo, ...")] = "merit-grpo",
    kernel: Annotated[
        str | None,
        typer.Option(help="distance: 1 / (1 + alpha W); binary: 1 or 0; default: distance in a closed choice."),
    ] = None,
    alpha: Annotated[float, typer.Option(help="How much distance from the vote costs.")] = 1.0,
    distance: Annotated[str, typer.Option(help="W: plutchik, vad, embedding, ...")] = "plutchik",
    restandardize: Annotated[
        bool, typer.Option(help="First meet the clips' own scale: move the features' means and spreads to theirs.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Of samples and order.")] = 0,
    runs: Annotated[Path, typer.Option(help="Folder of run folders.")] = Path("runs"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Replace an earlier run instead of going on with it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and print the recipe, then stop.")] = False,
) -> None:
    """Adapt a model to clips without labels, by votes of its own answers (test-time RL).

    The model itself is never written to: the adapted one lies in runs/NAME/model, and going back is using MODEL.
    """
    from affectrl.errors import UsageError
    from affectrl.recipes.load import dump
    from affectrl.recipes.schema import DataSpec
    from affectrl.training.adapt import HELD_OUT, How, keep_apart, plan
    from affectrl.training.adapt import adapt as run
    from affectrl.training.preflight import check_names
    from affectrl.training.session import Interrupted

    if kernel not in (None, "distance", "binary"):
        raise UsageError(f"there is no kernel {kernel!r}.", hint="Give --kernel distance or --kernel binary.")
    if held_out is None and (held_out_split or held_out_speakers):
        held_out = data
    how = How(votes, train, epochs, stream, algorithm, kernel, alpha, distance, seed)  # type: ignore[arg-type]
    if not restandardize:
        how = replace(how, restandardize=None)

    def clips(source: str, split: str | None, speakers: str | None) -> DataSpec:
        return DataSpec(source=source, split=split, speakers=(speakers,) if speakers else None, map_to=map_to)

    recipe = plan(
        model,
        clips(data, split, speakers),
        held_out=clips(held_out, held_out_split, held_out_speakers) if held_out else None,
        how=how,
        name=name,
        overrides=overrides or [],
    )
    check_names(recipe)
    if dry_run:
        typer.echo(dump(recipe), nl=False)
        return
    from affectrl.cli.output import checked_folder

    checked_folder(runs)
    for place in (model, recipe.start or model):
        keep_apart(Path(place), runs / recipe.name)
    beside = f", {HELD_OUT} clips beside them" if held_out else ""
    typer.echo(
        f"{recipe.start} -> {runs / recipe.name}: {recipe.rl.steps} steps of {recipe.rl.batch_size} clips x "
        f"{recipe.rl.num_generations} votes{beside}",
        err=True,
    )
    try:
        outcome = run(recipe, runs=runs, fresh=fresh)
    except Interrupted:
        typer.echo("Stopped at a checkpoint. The same command goes on from there.", err=True)
        raise typer.Exit(130) from None
    show(outcome)


def show(outcome: Outcome) -> None:
    """Before and after, what the votes did, where the adapted model is, and the way back."""
    from affectrl.cli.evaluate import score_table

    labelled = outcome.labelled()
    if labelled:
        score_table(
            {
                f"{name}, {when}": rows
                for name, pair in labelled.items()
                for when, rows in zip(("before", "after"), pair, strict=True)
            },
            open_vocabulary=outcome.is_open,
        )
    for name in outcome.rows:
        changed, total = outcome.changed(name)
        line = f"{name} clips: {changed} of {total} answers changed"
        if name in labelled:
            score, gain, p_value = outcome.gain(name)
            line += f"; {score} {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
            line += "" if p_value is None else f", p = {p_value:.3f}"
        typer.echo(line)
    if "adapted" in labelled and "held-out" not in labelled:
        typer.echo("These clips were adapted to; --held-out tells what others gain.")
    for key, (first, last) in outcome.course().items():
        typer.echo(f"{key.replace('_', ' ')}: {first:.3f} -> {last:.3f}")
    if outcome.ended:
        typer.echo(f"Ended early: {outcome.ended}.")
    typer.echo(f"Adapted: {outcome.folder / 'model'}   As before: {outcome.base}")
