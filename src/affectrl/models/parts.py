"""Build a part from its shelf with a recipe's settings, and name the recipe's field when they are wrong."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError, validate_call

from affectrl import shelves
from affectrl.errors import RecipeError


def build(shelf: str, name: str, field: str, settings: dict[str, Any], *given: Any, **also: Any) -> Any:
    """What ``build(*given, **also, **settings)`` of a shelf's module makes.

    Args:
        shelf: The package, such as ``affectrl.models.encoders``.
        name: A file there, or a module of the user's own.
        field: Where the settings stand in a recipe, for the error.
        settings: Keyword arguments from there, checked against the types that ``build`` declares.
        *given: What does not come from ``field``.
        **also: Likewise.

    Raises:
        RecipeError: The settings are none of the part's, or of a wrong type.
        UsageError: Nothing of that name is on the shelf.
    """
    make = validate_call(shelves.load(shelf, name).build)
    if taken := sorted(set(settings) & set(also)):
        raise RecipeError(f"{field}: {taken[0]} has a field of its own beside {field}.")
    try:
        return make(*given, **also, **settings)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RecipeError(f"{field}, {shelf.rsplit('.', 1)[-1].rstrip('s')} {name!r}: {told}.") from error
