"""Read a recipe: YAML, then ``key=value`` overrides, then the schema; errors name the field, the reason, the remedy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from affectrl.errors import RecipeError
from affectrl.recipes.schema import Recipe
from affectrl.shelves import nearest


def packaged() -> dict[str, Path]:
    """Recipes that come with the package, by name."""
    folder = Path(str(resources.files("affectrl.recipes")))
    return {str(f.relative_to(folder).with_suffix("")): f for f in sorted(folder.rglob("*.yaml"))}


def find(name: str) -> Path:
    """A recipe file: a path, or the name of a packaged recipe (``first-light`` or ``recipes/first-light.yaml``).

    Raises:
        RecipeError: ``recipe_missing``.
    """
    path = Path(name)
    if path.is_file():
        return path
    stem = str(path.with_suffix("") if path.suffix in (".yaml", ".yml") else path)
    stem = stem.removeprefix("recipes/")
    if stem in packaged():
        return packaged()[stem]
    raise RecipeError(
        f"there is no recipe {name!r}.", code="recipe_missing", hint=f"Give a YAML file. {nearest(stem, packaged())}"
    )


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe.

    Args:
        name: What :func:`find` understands.
        overrides: ``dotted.key=value``, the value in YAML.

    Raises:
        RecipeError: The file, an override or a field is wrong; all wrong fields are listed.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    path = find(name)
    for override in overrides:
        if "=" not in override or override.startswith("="):
            raise RecipeError(f"override {override!r} is not of the form key=value.", code="recipe_override")
    try:
        base = OmegaConf.create(path.read_text("utf-8"))
        merged = OmegaConf.to_container(OmegaConf.merge(base, OmegaConf.from_dotlist(list(overrides))), resolve=True)
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError, TypeError, ValueError) as error:
        first = " ".join(str(error).split())
        raise RecipeError(f"is not readable as YAML: {first}", code="recipe_yaml", path=path) from error
    if not isinstance(merged, dict):
        raise RecipeError("holds no mapping of fields.", code="recipe_yaml", path=path)
    merged.setdefault("name", path.stem)
    return check(merged, path)


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
    field = ".".join(str(part) for part in problem["loc"]) or "recipe"
    if problem["type"] == "extra_forbidden":
        section, key = problem["loc"][:-1], str(problem["loc"][-1])
        return f"{field}: there is no such field. {nearest(key, _fields_at(section))}"
    reason = problem["msg"].removeprefix("Value error, ")
    told = problem["type"] != "missing" and not isinstance(problem.get("input"), dict)
    given = f" (got {problem['input']!r})" if told else ""
    return f"{field}: {reason}{given}"


def _fields_at(loc: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = Recipe
    for part in loc:
        if str(part) in model.model_fields:
            model = next(_models_in(model.model_fields[str(part)].annotation), model)
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind
