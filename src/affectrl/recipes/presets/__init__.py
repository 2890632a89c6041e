"""Published models as the ``model`` section of a recipe: ``model: {preset: NAME}``, one YAML file each.

A file names the checkpoints as their publishers do. What a recipe writes beside ``preset`` goes before; another
encoder, fusion or pre-fusion than the preset's does not inherit the settings of the one that it replaces.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from affectrl.shelves import nearest

BOUND = {"encoder": "settings", "fusion": "fusion_settings", "kind": "settings"}
"""What names a part, and where the settings of that part stand."""


def known() -> dict[str, Path]:
    """Presets that come with the package, by name."""
    folder = Path(str(resources.files("affectrl.recipes.presets")))
    return {f.stem: f for f in sorted(folder.glob("*.yaml"))}


def read(name: str) -> dict[str, Any]:
    """A preset's fields.

    Raises:
        ValueError: There is none of that name; the message names the nearest that is.
    """
    if name not in known():
        raise ValueError(f"there is no preset {name!r}. {nearest(name, known())}")
    fields: dict[str, Any] = yaml.safe_load(known()[name].read_text("utf-8"))
    return fields


def applied(fields: dict[str, Any]) -> dict[str, Any]:
    """A ``model`` section that names a ``preset``, as the fields that it stands for.

    Raises:
        ValueError: There is no such preset.
    """
    if not isinstance(fields["preset"], str):
        raise ValueError("preset must be a name")
    return _over(read(fields["preset"])["model"], {k: v for k, v in fields.items() if k != "preset"})


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    below = dict(below)
    for part, settings in BOUND.items():
        if part in above and above[part] != below.get(part):
            below.pop(settings, None)
    for key, value in above.items():
        nested = isinstance(value, dict) and isinstance(below.get(key), dict)
        below[key] = _over(below[key], value) if nested else value
    return below
