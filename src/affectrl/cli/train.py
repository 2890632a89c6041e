"""``affectrl train RECIPE [key=value ...]``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from affectrl.recipes.schema import Recipe


def train(
    recipe: Annotated[str, typer.Argument(help="A YAML file, or a packaged recipe's name (see: affectrl recipes).")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="Fields to change: rl.steps=80 optim.lr=5e-5 name=try2", show_default=False),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder of run folders.")] = Path("runs"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Replace an earlier run instead of going on with it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and print the resolved recipe, then stop.")] = False,
) -> None:
    """Train a model: cold start, then GRPO. Interrupted or killed, the same command goes on where it was."""
    from affectrl.recipes.load import dump, load_recipe

    resolved = load_recipe(recipe, overrides or [])
    check_names(resolved)
    if dry_run:
        typer.echo(dump(resolved), nl=False)
        return
    from affectrl.cli.output import checked_folder

    checked_folder(runs)
    typer.echo(
        f"recipe {resolved.name} -> {runs / resolved.name} (affectrl train {recipe} --dry-run shows it)", err=True
    )
    from affectrl.training.session import Interrupted
    from affectrl.training.train import train as run

    try:
        folder = run(resolved, runs=runs, fresh=fresh)
    except Interrupted:
        typer.echo("Stopped at a checkpoint. The same command goes on from there.", err=True)
        raise typer.Exit(130) from None
    show(folder)


def check_names(recipe: Recipe) -> None:
    """Refuse names that lead nowhere, before anything slow begins.

    Raises:
        RecipeError: ``unknown_name``, ``label_set``, ``weights_unknown`` or ``weights_missing``; the message names the
            field.
    """
    from affectrl.errors import AffectError, RecipeError

    for field, look in _looks(recipe):
        try:
            look()
        except AffectError as error:
            raise RecipeError(f"{field}: {error.message}", code=error.code, path=error.path, hint=error.hint) from error


def _looks(recipe: Recipe) -> Iterator[tuple[str, Callable[[], object]]]:
    from affectrl.emotions import label_set
    from affectrl.models import weights

    yield "answers.format", lambda: _on_shelf("affectrl.answers.formats", recipe.answers.format, "question")
    for name in recipe.rl.reward_funcs:
        yield "rl.reward_funcs", partial(_on_shelf, "affectrl.rewards", name, "reward")
    for stream, spec in (("voice", recipe.model.voice), ("face", recipe.model.face)):
        if spec is not None:
            yield f"model.{stream}.encoder", partial(_on_shelf, "affectrl.models.encoders", spec.encoder, "build")
            yield f"model.{stream}.fusion", partial(_on_shelf, "affectrl.models.fusion", spec.fusion, "build")
    if isinstance(recipe.answers.labels, str):
        yield "answers.labels", partial(label_set, recipe.answers.labels)
    yield "model.backbone", partial(weights.resolve, recipe.model.backbone)


def _on_shelf(shelf: str, name: str, part: str) -> None:
    from affectrl import shelves
    from affectrl.errors import UsageError

    # What is on the shelf need not be imported yet, which would take seconds; a module of the user's own is.
    if name.replace("_", "-") not in shelves.names(shelf) and not hasattr(shelves.load(shelf, name), part):
        raise UsageError(f"the module {name!r} defines no {part}().", code="unknown_name")


def show(folder: Path) -> None:
    """Before and after, in a table, and where to look next."""
    from affectrl import jsonl
    from affectrl.cli.evaluate import score_table

    names = [name for name in ("cold-start", "final") if (folder / "eval" / f"{name}.jsonl").is_file()]
    score_table({name: jsonl.read_rows(folder / "eval" / f"{name}.jsonl") for name in names})
    typer.echo(f"Report: {folder / 'report.html'}   Model: {folder / 'model'}")
