"""A model on disk: a PEFT adapter, the fusion weights, and one JSON that says how to rebuild the rest.

``adapter/`` is what PEFT writes and plain PEFT can load; ``fusion.safetensors`` holds projections and feature
statistics; ``affectrl.json`` names the encoders, the backbone, the answer format and the labels.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from affectrl import paths
from affectrl.errors import ModelError
from affectrl.models import hub, weights
from affectrl.models.family import Extractor, extractor_of, policy_of
from affectrl.models.language import Policy
from affectrl.models.task import Task
from affectrl.recipes.schema import AnyModel, ModelSpec, NativeSpec
from affectrl.version import __version__

CARD = "affectrl.json"
FORMAT_VERSION = 1
MERGED_VERSION = 2
"""Of a folder whose adapter is merged into its own backbone; what an earlier affectrl cannot load says so."""
FLOATS = ("float32", "float16", "bfloat16")
"""Types that an adapter's tensors may have."""


def write(policy: Policy, task: Task, folder: Path) -> None:
    """Write the model's files into a folder that exists; the caller makes it atomic."""
    write_adapter(policy, folder / "adapter")
    write_fusion(policy, folder)
    card = {
        "format_version": FORMAT_VERSION,
        "affectrl": __version__,
        "model": policy.spec.model_dump(mode="json"),
        "task": task_card(task),
    }
    (folder / CARD).write_text(json.dumps(card, indent=1))


def task_card(task: Task) -> dict[str, Any]:
    """What a model folder says of how it is asked."""
    return {"format": task.format, "labels": task.labels}


def write_fusion(policy: Policy, folder: Path) -> None:
    """Write all that is not the language model's."""
    from safetensors.torch import save_file

    fusion = {n: t.detach().cpu().contiguous() for n, t in policy.state_dict().items() if not n.startswith("lm.")}
    save_file(fusion, folder / "fusion.safetensors")


def base_name(backbone: str) -> str:
    """What the hub calls a backbone, where we know that."""
    known = weights.known().get(backbone)
    return known.hub if known else backbone


def check_portable(spec: ModelSpec | NativeSpec) -> None:
    """Refuse a model that only this machine can load: its folder names the backbone and does not hold it.

    Raises:
        ModelError: ``backbone_local``.
    """
    if weights.resolve(spec.backbone).origin == "folder" and spec.backbone not in weights.known():
        raise ModelError(
            "the backbone is a folder of this machine, which others do not have.",
            code="backbone_local",
            path=spec.backbone,
            hint="Share the merged model, or train on a backbone from the hub.",
        )


def write_adapter(policy: Policy, folder: Path) -> None:
    """Write the adapter as PEFT does, into a folder that does not exist yet."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    folder.mkdir()
    config = policy.lm.peft_config["default"]
    config.base_model_name_or_path = base_name(policy.spec.backbone)
    config.save_pretrained(folder)
    state = get_peft_model_state_dict(policy.lm, save_embedding_layers=False)
    save_file({name: t.detach().cpu().contiguous() for name, t in state.items()}, folder / "adapter_model.safetensors")


def save(policy: Policy, task: Task, folder: Path) -> None:
    """Write a model folder, all or nothing."""
    with paths.atomic(folder) as scratch:
        scratch.mkdir()
        write(policy, task, scratch)


def find(place: str | Path) -> Path:
    """The model folder that a name means: the folder itself, a run folder's final or latest model, or our packaged one.

    Raises:
        ModelError: ``model_missing``, with what was looked for.
    """
    folder = Path(os.path.expanduser(place))
    # Unlike pathlib's, these questions of os.path raise for no name, however long or odd.
    there = os.path.isdir(folder)
    newest = sorted((folder / "checkpoints").glob("step-*"), reverse=True) if there else []
    for candidate in (folder, folder / "model", *newest, weights.own(place)):
        if candidate is not None and os.path.isfile(candidate / CARD):
            return candidate
    what = "is no model: it holds no affectrl.json" if there else "is not a folder"
    raise ModelError(
        f"{what}.", code="model_missing", path=folder, hint="Give a run folder (runs/NAME) or a model folder."
    )


def fetch(name: str | Path) -> Path:
    """The model folder that a name means, as :func:`find`, or one of the Hugging Face hub, which is fetched first.

    Raises:
        ModelError: As :func:`find` and :func:`affectrl.models.hub.fetched`.
    """
    return find(hub.fetched(name))


def read_card(folder: Path) -> tuple[ModelSpec | NativeSpec, Task]:
    """What ``affectrl.json`` says.

    Raises:
        ModelError: ``model_invalid``: it is half-written, or of a later version.
    """
    try:
        card: dict[str, Any] = json.loads((folder / CARD).read_text("utf-8"))
        if card["format_version"] > MERGED_VERSION:
            raise ModelError(
                f"was written by affectrl {card['affectrl']}, which is newer.", path=folder, hint="Upgrade affectrl."
            )
        task = card["task"]
        labels = None if task["labels"] is None else tuple(task["labels"])
        if not all(isinstance(word, str) for word in (task["format"], *(labels or ()))):
            raise TypeError("format and labels are words")
        spec: ModelSpec | NativeSpec = TypeAdapter(AnyModel).validate_python(card["model"])
        if card["format_version"] == MERGED_VERSION:
            spec = spec.model_copy(update={"backbone": str(folder.resolve())})
        return spec, Task(task["format"], labels)
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError, ValidationError) as error:
        raise ModelError(
            f"is not readable ({type(error).__name__}).", path=folder / CARD, hint="The model is incomplete or damaged."
        ) from error


def load(place: str | Path, extractor: Extractor | None = None) -> tuple[Policy, Task, Extractor]:
    """Rebuild a model, in evaluation mode.

    Raises:
        ModelError: Nothing is there, or a file is missing, cut short or does not fit the others.
    """
    folder = find(place)
    spec, task = read_card(folder)
    extractor = extractor or extractor_of(spec)
    policy = policy_of(spec, extractor)
    load_weights(policy, folder)
    return policy.eval(), task, extractor


def load_weights(policy: Policy, folder: Path) -> None:
    """Put a folder's adapter and fusion weights into a policy of the same spec.

    Raises:
        ModelError: A file is missing, cut short or does not fit.
    """
    from peft import set_peft_model_state_dict

    adapter = _adapter(folder)
    fusion = tensors(folder / "fusion.safetensors")
    expected = {name for name in policy.state_dict() if not name.startswith("lm.")}
    if missing := expected ^ set(fusion):
        raise ModelError(f"does not fit its affectrl.json: {sorted(missing)[:3]}.", path=folder / "fusion.safetensors")
    ours = policy.state_dict()
    _check_types(fusion, {name: (str(ours[name].dtype).removeprefix("torch."),) for name in fusion}, folder)
    try:
        problems = None if adapter is None else set_peft_model_state_dict(policy.lm, adapter)
        policy.load_state_dict(fusion, strict=False)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"does not fit its affectrl.json: {reason}", path=folder) from error
    if problems is None:
        return
    if absent := [k for k in problems.missing_keys if "lora_" in k] + list(problems.unexpected_keys):
        raise ModelError(f"does not fit its affectrl.json: {absent[:3]}.", path=folder / "adapter")


def is_merged(folder: Path) -> bool:
    """Whether a model folder holds its own language model in place of an adapter."""
    return (folder / "config.json").is_file() and not (folder / "adapter").exists()


def _adapter(folder: Path) -> dict[str, Any] | None:
    """The adapter's tensors; ``None`` where it is merged, so that a new one, which adds nothing, stays as it is."""
    if is_merged(folder):
        return None
    adapter = tensors(folder / "adapter" / "adapter_model.safetensors")
    _check_types(adapter, dict.fromkeys(adapter, FLOATS), folder / "adapter")
    return adapter


def _check_types(found: dict[str, Any], allowed: dict[str, tuple[str, ...]], path: Path) -> None:
    # torch would convert what comes without a word.
    for name, tensor in found.items():
        if (kind := str(tensor.dtype).removeprefix("torch.")) not in allowed[name]:
            raise ModelError(
                f"{name!r} is {kind}, and should be {' or '.join(allowed[name])}.",
                path=path,
                hint="Something else has written it; take the folder that was saved.",
            )


def tensors(
    file: Path, *, code: str = ModelError.default_code, hint: str | None = "Copy the folder again."
) -> dict[str, Any]:
    """The tensors of a safetensors file by name, on the CPU.

    Args:
        file: What :func:`write` or a training's checkpoint left there.
        code: Of the error.
        hint: Likewise.

    Raises:
        ModelError: ``code``: the file is missing, cut short or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(file))
    except FileNotFoundError as error:
        raise ModelError("is missing.", code=code, path=file, hint=hint) from error
    except SafetensorError as error:
        raise ModelError("is cut short or damaged.", code=code, path=file, hint=hint) from error
