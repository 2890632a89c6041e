"""``affectrl recipes``: what can be trained as it is."""

from __future__ import annotations


def recipes() -> None:
    """List the packaged recipes."""
    from rich.console import Console
    from rich.table import Table

    from affectrl.recipes.load import load_recipe, packaged

    table = Table("recipe", "what it does")
    for name in packaged():
        table.add_row(name, load_recipe(name).about)
    Console().print(table)
