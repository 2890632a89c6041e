"""What can be known to go wrong before anything slow begins: names, labels, and data that are there already.

Nothing here waits for torch, so that the command line may look first and load later.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from affectrl import shelves
from affectrl.answers.choice import check_labels
from affectrl.data.load import reader_of
from affectrl.emotions import label_set
from affectrl.errors import AffectError, RecipeError, UsageError
from affectrl.recipes.schema import ModelSpec, Recipe
from affectrl.rl import algorithm, processes
from affectrl.training.clips import clips_of, labels_of, sandboxes_of, specs_of


def check_names(recipe: Recipe) -> None:
    """Refuse names that lead nowhere.

    Raises:
        RecipeError: ``unknown_name``, ``label_set``, ``labels_invalid``, ``weights_unknown`` or ``weights_missing``, or
            as :func:`affectrl.rl.algorithm.resolve`; the message names the field.
    """
    for field, look in _looks(recipe):
        try:
            look()
        except AffectError as error:
            raise RecipeError(f"{field}: {error.message}", code=error.code, path=error.path, hint=error.hint) from error
    algorithm.resolve(recipe.rl)


def check_clips(recipe: Recipe) -> None:
    """Refuse sources without the clips that are asked of them; those that the sandbox has still to make are believed.

    Raises:
        DataError: As :func:`affectrl.training.clips.clips_of`.
        RecipeError: Likewise.
        UsageError: Likewise.
    """
    boxes = [box.out for box in sandboxes_of(recipe)]
    for role, spec in specs_of(recipe).items():
        if not any(_lies_in(spec.source, box) for box in boxes):
            clips_of(recipe, role)


def check_parts(recipe: Recipe) -> None:
    """Refuse what only the parts themselves know to be wrong. The one check here that waits for torch.

    Raises:
        ModelError: As :func:`check_start`.
        RecipeError: As :func:`check_rewards`, :func:`check_start` and the sampler's own ``check``.
    """
    if recipe.rl.restandardize is not None:
        check_scales(recipe)
    if recipe.rl.steps:
        check_stops(recipe)
        check_rewards(recipe)
        sampler = shelves.load("affectrl.rl.samplers", recipe.rl.sampler)
        if check := getattr(sampler, "check", None):
            check(recipe.model, critic=algorithm.resolve(recipe.rl)[1].critic is not None)
    check_start(recipe)


def check_shares(recipe: Recipe) -> None:
    """Refuse a batch that the processes at work cannot share out; says nothing about one process.

    Raises:
        RecipeError: As :func:`affectrl.rl.processes.share`.
    """
    # A stream's last batch may have any number of clips.
    if recipe.rl.steps:
        processes.share(recipe.rl.batch_size if recipe.rl.order == "shuffled" else 1, recipe.rl.num_generations)


def check_scales(recipe: Recipe) -> None:
    """Refuse to move what a native model does not have.

    Raises:
        RecipeError: ``recipe_invalid``, with the field.
    """
    if recipe.model.family == "native":
        raise RecipeError(
            "rl.restandardize: a native model's towers take media as they are; nothing of theirs is standardized.",
            hint="Leave it out.",
        )


def check_stops(recipe: Recipe) -> None:
    """Refuse stops and choices of weights that could never act, or that would peek at labels.

    Raises:
        RecipeError: ``recipe_invalid``, with the field.
    """
    wanted = {"eval.keep_best": recipe.eval.keep_best, "rl.stop.patience": recipe.rl.stop.patience is not None}
    chooses = next((field for field, is_set in wanted.items() if is_set), None)
    if chooses and recipe.data.train.unlabelled and recipe.data.dev is None:
        raise RecipeError(
            f"{chooses}: it would choose weights by the labels of the clips that are adapted to.",
            hint="Name labelled clips of another kind as data.dev.source=..., or leave it out.",
        )
    if chooses and recipe.eval.metric == "ew" and recipe.answers.labels is not None:
        raise RecipeError(
            "eval.metric: EW is of open vocabulary, and answers.labels names a closed choice.",
            hint="Take war, uar or macro_f1.",
        )
    names = {name.replace("_", "-") for name in recipe.rl.reward_funcs}
    if recipe.rl.stop.collapse is not None and "majority-vote" not in names:
        raise RecipeError(
            "rl.stop.collapse: it watches votes, and majority-vote is none of rl.reward_funcs.",
            hint="Leave it out, or take rl.stop.patience.",
        )


def check_rewards(recipe: Recipe) -> None:
    """Refuse settings that a reward does not have, cannot take, or that make no sense for the recipe's labels.

    Raises:
        RecipeError: As :class:`affectrl.rl.rubric.Rubric` and its ``check``, or ``recipe_invalid`` for a reward that
            reads labels when ``data.train`` hides them.
    """
    from affectrl import judges
    from affectrl.rl.rubric import Rubric

    rl = recipe.rl
    try:
        rubric = Rubric(rl.reward_funcs, rl.reward_weights, settings=rl.reward_settings)
        rubric.check(labels_of(recipe))
        if rubric.needs_judge:
            judges.check(rl.judge)
    except AffectError as error:
        raise RecipeError(f"rl: {error.message}", code=error.code, path=error.path, hint=error.hint) from error
    for name in rl.reward_funcs:
        reads = inspect.signature(shelves.load("affectrl.rewards", name).reward).parameters
        if recipe.data.train.unlabelled and "labels" in reads:
            raise RecipeError(
                f"rl.reward_funcs: {name} reads labels, which data.train.unlabelled hides.",
                hint="Take majority-vote, or train on labelled clips.",
            )


def check_start(recipe: Recipe) -> None:
    """Refuse to start from a model that is another than the recipe's.

    Shares that are left out at random while training may differ.

    Raises:
        ModelError: ``model_missing`` or ``model_invalid``.
        RecipeError: ``start_differs``, with the fields.
    """
    if recipe.start is None:
        return
    from affectrl.models import checkpoint

    spec, task = checkpoint.read_card(folder := checkpoint.fetch(recipe.start))
    theirs = {"model": spec.model_dump(), "answers": {"format": task.format, "labels": task.labels}}
    ours = {
        "model": recipe.model.model_dump(),
        "answers": {"format": recipe.answers.format, "labels": labels_of(recipe)},
    }
    if changed := sorted(_differences("", theirs, ours)):
        raise RecipeError(
            f"start: the model there was made with another {', '.join(changed)}.",
            code="start_differs",
            path=folder,
            hint=f"Its {checkpoint.CARD} says what to write.",
        )


def _differences(name: str, a: object, b: object) -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in a.keys() | b.keys():
            yield from _differences(f"{name}.{key}" if name else key, a.get(key), b.get(key))
    elif a != b and not name.endswith("dropout"):
        yield name


def _looks(recipe: Recipe) -> Iterator[tuple[str, Callable[[], object]]]:
    from affectrl.models import weights

    yield "answers.format", lambda: _on_shelf("affectrl.answers.formats", recipe.answers.format, "question")
    for name in recipe.rl.reward_funcs:
        yield "rl.reward_funcs", partial(_on_shelf, "affectrl.rewards", name, "reward")
    yield "rl.judge.kind", partial(_on_shelf, "affectrl.judges", recipe.rl.judge.kind, "build")
    yield "rl.sampler", partial(_on_shelf, "affectrl.rl.samplers", recipe.rl.sampler, "build")
    if isinstance(recipe.model, ModelSpec):
        for stream, spec in recipe.model.streams.items():
            yield f"model.{stream}.encoder", partial(_on_shelf, "affectrl.models.encoders", spec.encoder, "build")
            yield f"model.{stream}.fusion", partial(_on_shelf, "affectrl.models.fusion", spec.fusion, "build")
        if (first := recipe.model.pre_fusion) is not None:
            yield "model.pre_fusion.kind", partial(_on_shelf, "affectrl.models.pre_fusion", first.kind, "build")
    for role, data in specs_of(recipe).items():
        if data.map_to is not None:
            yield f"data.{role.replace('/', '.')}.map_to", partial(label_set, data.map_to)
    if isinstance(recipe.answers.labels, str):
        yield "answers.labels", partial(label_set, recipe.answers.labels)
    if recipe.answers.labels is not None:
        yield "answers.labels", lambda: check_labels(labels_of(recipe) or ())
    yield "model.backbone", partial(weights.resolve, recipe.model.backbone)


def _on_shelf(shelf: str, name: str, part: str) -> None:
    # What is on the shelf need not be imported yet, which would take seconds; a module of the user's own is.
    if not shelves.has(shelf, name) and not hasattr(shelves.load(shelf, name), part):
        raise UsageError(f"the module {name!r} defines no {part}().", code="unknown_name")


def _lies_in(source: str, folder: str) -> bool:
    found = reader_of(source)
    place = found[1] if found else Path(source)
    return place.resolve().is_relative_to(Path(folder).resolve())
