"""Shapes of published models that are not on this machine, so that a plan of a preset asks for no network."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from affectrl.models import weights
from affectrl.paths import atomic, home
from affectrl.recipes.schema import ModelSpec, NativeSpec
from affectrl.yaml_file import read_yaml

COUNTS_FOR_THEM = "smollm2-135m-instruct"
"""Whose tokenizer counts a prompt where a language model's own is not here."""


@cache
def table() -> dict[str, dict[str, Any]]:
    """What ``shapes.yaml`` holds: the fields of a ``config.json`` by Hugging Face id."""
    file = Path(str(resources.files("affectrl.planning").joinpath("shapes.yaml")))
    return dict(read_yaml(file, code="data_invalid", what="table of shapes"))


def known(name: str) -> dict[str, Any] | None:
    """The fields of a published model that is not on this machine; ``None`` where the model itself can be asked.

    One that the hub's cache holds is asked, though it may still miss a file there.
    """
    if name not in table() or weights.resolve(name).origin != "hub" or weights.in_hub_cache(name):
        return None
    return {field: value for field, value in table()[name].items() if field != "weights"}


def gates_here(spec: ModelSpec) -> ModelSpec:
    """The same model, where a fusion asks for a published BERT with a folder that holds no more than its shapes."""
    changed = spec.model_copy(deep=True)
    for part in changed.streams.values():
        if fields := known(str(part.fusion_settings.get("gate", ""))):
            part.fusion_settings["gate"] = str(_folder(part.fusion_settings["gate"], fields))
    return changed


def taken_for_granted(spec: ModelSpec | NativeSpec) -> list[str]:
    """The models of a spec whose shapes come from the table, in the order of the recipe."""
    names = [spec.backbone]
    for part in spec.streams.values() if isinstance(spec, ModelSpec) else ():
        names += [str(part.settings.get("weights_name", "")), str(part.fusion_settings.get("gate", ""))]
    return [name for name in dict.fromkeys(names) if known(name)]


def _folder(name: str, fields: dict[str, Any]) -> Path:
    folder = home() / "shapes" / name.replace("/", "--")
    with atomic(folder / "config.json") as scratch:
        scratch.write_text(json.dumps(fields))
    return folder
