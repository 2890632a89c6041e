"""Read a recipe: YAML, then ``key=value`` overrides, then the schema; errors name the field, the reason, the remedy."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from affectrl.errors import RecipeError
from affectrl.recipes.schema import FAMILIES, Recipe
from affectrl.shelves import nearest


def packaged() -> dict[str, Path]:
    """Recipes that come with the package, by name."""
    folder = Path(str(resources.files("affectrl.recipes")))
    return {f.stem: f for f in sorted(folder.glob("*.yaml"))}


def find(name: str) -> Path:
    """A recipe file: a path, or the name of a packaged recipe (``first-light`` or ``recipes/first-light.yaml``).

    Raises:
        RecipeError: ``recipe_missing``.
    """
    path = Path(name)
    if os.path.isfile(path):  # unlike pathlib's question, this one raises for no name, however long or odd
        return path
    stem = str(path.with_suffix("") if path.suffix in (".yaml", ".yml") else path)
    stem = stem.removeprefix("recipes/")
    if stem in packaged():
        return packaged()[stem]
    raise RecipeError(
        f"there is no recipe {name!r}.", code="recipe_missing", hint=f"Give a YAML file. {nearest(stem, packaged())}"
    )


def load_recipe(name: str, overrides: Sequence[str] = (), *, paper_scale: bool = False) -> Recipe:
    """Read and check a recipe.

    Args:
        name: What :func:`find` understands.
        overrides: ``dotted.key=value``, the value in YAML. ``model.preset=NAME``, or a ``model.family`` that is not the
            file's, takes the place of all that the file says of the model; other overrides of it go before a preset.
        paper_scale: With the paper's settings below the overrides, as far as the recipe knows them; a preset on the
            command line goes before what the paper's say of the model.

    Raises:
        RecipeError: The file, an override or a field is wrong; all wrong fields are listed.
    """
    path = find(name)
    if paper_scale:
        preset = any(text.startswith(("model.preset=", "model.family=")) for text in overrides)
        paper = [text for text in load_recipe(name).paper_overrides if not (preset and text.startswith("model."))]
        overrides = [*paper, *overrides]
    parts = [_override(text) for text in overrides]
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error
    try:
        merged = _merged(text, parts)
    except _yaml_errors() as error:
        key = getattr(error, "full_key", None)
        for override in overrides:
            if override.partition("=")[0] == key:
                raise _wrong_override(override, error) from error
        raise _unreadable(path, error) from error
    if not isinstance(merged, dict):
        raise RecipeError("holds no mapping of fields.", code="recipe_yaml", path=path)
    merged.setdefault("name", path.stem)
    return check(merged, path)


def _yaml_errors() -> tuple[type[Exception], ...]:
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    return YAMLError, OmegaConfBaseException, TypeError, ValueError


def _merged(text: str, overrides: Sequence[Any]) -> Any:
    from omegaconf import DictConfig, OmegaConf

    below = OmegaConf.create(text)
    # Packaged recipes say how many positions the small model's voices and faces take: no other model wants those.
    if isinstance(below, DictConfig) and any(_another_model(part, below) for part in overrides):
        below.pop("model", None)
    return OmegaConf.to_container(OmegaConf.merge(below, *overrides), resolve=True)


def _another_model(part: Any, below: Any) -> bool:
    from omegaconf import OmegaConf

    family = OmegaConf.select(part, "model.family")
    other = family is not None and family != (OmegaConf.select(below, "model.family") or "fused")
    return other or OmegaConf.select(part, "model.preset") is not None


def _override(text: str) -> Any:
    from omegaconf import OmegaConf

    if "=" not in text or text.startswith("="):
        raise RecipeError(f"override {text!r} is not of the form key=value.", code="recipe_override")
    try:
        return OmegaConf.from_dotlist([text])
    except _yaml_errors() as error:
        raise _wrong_override(text, error) from error


def _unreadable(path: Path, error: Exception) -> RecipeError:
    return RecipeError(f"is not readable as YAML: {' '.join(str(error).split())}", code="recipe_yaml", path=path)


def _wrong_override(text: str, error: Exception) -> RecipeError:
    return RecipeError(f"override {text!r} is not readable: {' '.join(str(error).split())}", code="recipe_override")


def check(fields: dict[Any, Any], path: Path | str) -> Recipe:
    """Validate fields against the schema.

    Raises:
        RecipeError: Lists every wrong field, why, and the nearest valid name.
    """
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        lines = "; ".join(_explain(problem) for problem in error.errors())
        raise RecipeError(lines, path=path) from error


def dump(recipe: Recipe) -> str:
    """The recipe with every default written out, as YAML that :func:`load_recipe` reads back."""
    import yaml

    return str(yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True))


def _explain(problem: Any) -> str:
    # pydantic names the family as if it were a field: the part after ``model``.
    field = ".".join(str(part) for i, part in enumerate(problem["loc"]) if i != 1 or not _is_family(problem["loc"]))
    field = field or "recipe"
    if problem["type"] == "extra_forbidden":
        section, key = problem["loc"][:-1], str(problem["loc"][-1])
        return f"{field}: there is no such field. {nearest(key, _fields_at(section))}"
    reason = problem["msg"].removeprefix("Value error, ")
    told = problem["type"] != "missing" and not isinstance(problem.get("input"), dict)
    given = f" (got {problem['input']!r})" if told else ""
    return f"{field}: {reason}{given}"


def _is_family(loc: tuple[Any, ...]) -> bool:
    return loc[:1] == ("model",) and loc[1:2] != () and loc[1] in FAMILIES


def _fields_at(loc: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = Recipe
    if _is_family(loc):
        model, loc = FAMILIES[loc[1]], loc[2:]
    for part in loc:
        if str(part) in model.model_fields:
            model = next(_models_in(model.model_fields[str(part)].annotation), model)
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind
