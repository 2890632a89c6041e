"""``affectrl recipes``: what can be trained as it is."""

from __future__ import annotations


def recipes() -> None:
    """List the packaged recipes, and the presets of models that a recipe may name."""
    from rich.console import Console
    from rich.table import Table

    from affectrl.recipes import presets
    from affectrl.recipes.load import load_recipe, packaged

    table = Table("recipe", "what it does")
    for name in packaged():
        table.add_row(name, load_recipe(name).about)
    models = Table("model.preset", "what it is")
    for name in presets.known():
        models.add_row(name, presets.read(name)["about"])
    Console().print(table)
    Console().print(models)
