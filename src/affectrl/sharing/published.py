"""A published checkpoint as it lies on disk, and what a layout makes of it.

Safetensors are read, and nothing else unless asked for: a pickle can run any program when it is opened. Even then
torch's restricted unpickler reads it (``weights_only``), which takes tensors and plain containers and refuses the rest.
"""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from affectrl.errors import ModelError, UsageError
from affectrl.models.checkpoint import FLOATS
from affectrl.models.task import Task
from affectrl.recipes.schema import ModelSpec

if TYPE_CHECKING:
    from torch import Tensor

PICKLES = (".pth", ".pt", ".bin", ".ckpt")
PICKLE_HINT = (
    "Convert it to safetensors once, on a machine that may be lost (docs/convert.md), or say --unsafe-pickle if you "
    "trust whoever wrote it."
)


@dataclass(slots=True)
class Published:
    """Tensors by their publisher's names."""

    place: Path
    tensors: Mapping[str, Tensor]
    config: dict[str, Any] = field(default_factory=dict)
    """The folder's ``config.json``, or what a pickled training checkpoint holds as ``config``."""

    def shape(self, name: str) -> tuple[int, ...]:
        """Of a tensor.

        Raises:
            ModelError: ``layout_mismatch``: there is none of that name.
        """
        if name not in self.tensors:
            raise mismatch(self.place, f"{name!r} is missing")
        return tuple(self.tensors[name].shape)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person who converts says."""

    base: str | None = None
    """The language model, by id or folder."""
    settings: dict[str, Any] = field(default_factory=dict)
    """The training configuration that goes with the checkpoint, as its publisher wrote it."""
    encoders: dict[str, str] = field(default_factory=dict)
    """Folders or ids of encoders, by the name of the stream."""
    prompt: str | None = None
    """The publisher's own prompt, with places; see :class:`affectrl.recipes.streams.Prompt`."""
    answers: str | None = None
    """A file of ``answers/formats``."""
    lora_alpha: int | None = None


@dataclass(slots=True)
class Plan:
    """What a checkpoint is in our words."""

    spec: ModelSpec
    task: Task
    dims: dict[str, int]
    """Feature width of each stream, as the checkpoint's own tensors say."""
    renamed: dict[str, tuple[str, ...]]
    """Their name of a tensor, and ours: of a weight that they share between streams, several."""
    unused: dict[str, str] = field(default_factory=dict)
    """Their tensors that have no place here, and why."""
    begun: dict[str, str] = field(default_factory=dict)
    """Tensors of ours that theirs have no counterpart of, and what stands there."""
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Each setting's ``value`` and where it is ``from``."""
    differs: list[str] = field(default_factory=list)
    """Where the converted model departs from the published one."""
    whole_model: dict[str, Any] | None = None
    """The language model's ``config.json`` where its own weights are in the checkpoint."""

    def setting(self, name: str, value: Any, source: str) -> Any:
        """Note a setting, and give its value."""
        self.settings[name] = {"value": value, "from": source}
        return value


def mismatch(place: Path, what: str) -> ModelError:
    """The checkpoint is not of this layout."""
    return ModelError(
        f"is not as the layout has it: {what}.",
        code="layout_mismatch",
        path=place,
        hint="Look with --check; is it another --layout, or another training configuration?",
    )


def unsupported(place: Path, what: str) -> ModelError:
    """It is, and we have no such part."""
    return ModelError(f"{what}.", code="layout_unsupported", path=place, hint="docs/convert.md lists what can be read.")


def spec_of(fields: dict[str, Any]) -> ModelSpec:
    """The model that a layout has put together.

    Raises:
        UsageError: What was asked does not go with it, such as a prompt that lacks a stream.
    """
    try:
        return ModelSpec.model_validate(fields)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}".removeprefix(": ") for e in error.errors())
        raise UsageError(f"the converted model cannot be so: {told}.") from error


def read(source: Path, *, unsafe: bool = False) -> Published:
    """A checkpoint: a file, or a folder of transformers with all its shards.

    Args:
        source: ``.safetensors``, a folder with such, or with ``unsafe`` a pickled checkpoint.
        unsafe: Open pickles, with torch's restricted unpickler.

    Raises:
        ModelError: ``model_missing``; ``model_invalid``: damaged; ``pickle_refused``: pickled, and nobody said to open
            it, or it holds more than tensors.
    """
    if not source.exists():
        raise ModelError("there is no such file or folder.", code="model_missing", path=source)
    files = [source] if source.is_file() else sorted(source.glob("*.safetensors"))
    config = {} if source.is_file() else _config(source)
    if not files:
        files = sorted(p for p in source.iterdir() if p.suffix in PICKLES and p.name != "training_args.bin")
    if not files:
        raise ModelError("holds no weights.", code="model_missing", path=source)
    tensors: dict[str, Tensor] = {}
    for file in files:
        found, told = _safe(file) if file.suffix == ".safetensors" else _pickled(file, unsafe)
        if twice := sorted(set(found) & set(tensors)):
            raise ModelError(f"holds {twice[0]!r}, which another file holds as well.", path=file)
        tensors |= found
        config = config or told
    for name, tensor in tensors.items():
        kind = str(tensor.dtype).removeprefix("torch.")
        if kind not in FLOATS and tensor.is_floating_point():
            raise ModelError(f"{name!r} is {kind}, and should be {', '.join(FLOATS)}.", path=source)
    return Published(source, tensors, config)


def _config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    try:
        found = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise ModelError("is no JSON.", path=file) from error
    return found if isinstance(found, dict) else {}


def _safe(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(file)), {}
    except (SafetensorError, OSError) as error:
        raise ModelError("is cut short or damaged.", path=file, hint="Copy it again.") from error


def _pickled(file: Path, unsafe: bool) -> tuple[dict[str, Tensor], dict[str, Any]]:
    import torch

    if file.suffix not in PICKLES:
        raise ModelError("is no checkpoint that we know.", path=file, hint="Give .safetensors, or a folder of them.")
    if not unsafe:
        raise ModelError(
            "is pickled: opening it could run any program that its author, or whoever changed it, put there.",
            code="pickle_refused",
            path=file,
            hint=PICKLE_HINT,
        )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Detected pickle protocol")  # which only it is asked to judge
            held = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            "holds more than tensors and plain containers, which even --unsafe-pickle does not open.",
            code="pickle_refused",
            path=file,
            hint="Save its tensors as safetensors (docs/convert.md).",
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ModelError("is cut short, damaged, or no checkpoint of torch.", path=file) from error
    weights = held.get("model", held) if isinstance(held, dict) else None
    if not isinstance(weights, dict):
        raise ModelError("holds no tensors by name.", path=file)
    config = held.get("config") if weights is not held else None
    tensors = {str(name): tensor for name, tensor in weights.items() if isinstance(tensor, torch.Tensor)}
    return tensors, config if isinstance(config, dict) else {}
