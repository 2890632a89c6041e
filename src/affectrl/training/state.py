"""Checkpoints: the model, the optimizer and the place in the run, written all or nothing, without pickle.

There is no random state to keep: every step seeds itself from the run's seed, the stage and its number.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from affectrl import paths
from affectrl.errors import ModelError
from affectrl.models import checkpoint
from affectrl.models.policy import FusedPolicy
from affectrl.models.task import Task

STAGES = ("sft", "grpo")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a run stands: ``step`` steps of ``stage`` are done."""

    stage: str
    step: int

    def before(self, stage: str) -> bool:
        """Whether ``stage`` has still to begin."""
        return STAGES.index(self.stage) < STAGES.index(stage)


def seed_of(seed: int, *parts: str | int) -> int:
    """A seed for one step, from the run's seed and names; 63 bits."""
    digest = hashlib.sha256("|".join(map(str, (seed, *parts))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def save(
    folder: Path,
    place: Place,
    total_step: int,
    policy: FusedPolicy,
    task: Task,
    optimizer: torch.optim.Optimizer,
    keep: int,
) -> None:
    """Write ``step-NNNNNN`` under ``folder`` and remove all but the newest ``keep``."""
    from safetensors.torch import save_file

    with paths.atomic(folder / f"step-{total_step:06d}") as scratch:
        scratch.mkdir(parents=True)
        checkpoint.write(policy, task, scratch)
        tensors, rest = _flatten(optimizer.state_dict())
        save_file(tensors, scratch / "optimizer.safetensors")
        (scratch / "trainer.json").write_text(json.dumps({"place": asdict(place), "optimizer": rest}))
    for old in _all(folder)[:-keep]:
        paths.remove(old)


def newest(folder: Path) -> Path | None:
    """The latest whole checkpoint, if there is one."""
    return next(iter(reversed(_all(folder))), None)


def place_of(checkpoint_folder: Path) -> Place:
    """Where the run stood when it wrote this checkpoint."""
    return Place(**_read(checkpoint_folder)["place"])


def restore(checkpoint_folder: Path, policy: FusedPolicy, optimizer: torch.optim.Optimizer | None) -> None:
    """Put a checkpoint's weights into the policy and, unless ``None``, its moments into the optimizer.

    Raises:
        ModelError: The checkpoint is not whole.
    """
    from safetensors.torch import load_file

    checkpoint.load_weights(policy, checkpoint_folder)
    if optimizer is not None:
        state = _unflatten(
            load_file(checkpoint_folder / "optimizer.safetensors"), _read(checkpoint_folder)["optimizer"]
        )
        optimizer.load_state_dict(state)


def _all(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("step-*") if (p / "trainer.json").is_file())


def _read(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / "trainer.json").read_text("utf-8")))
    except (OSError, json.JSONDecodeError) as error:
        raise ModelError(
            "is not readable.", code="checkpoint_damaged", path=folder / "trainer.json", hint="Remove that folder."
        ) from error


def _flatten(state: dict[str, Any]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    tensors = {
        f"{index}.{name}": value.detach().cpu().contiguous()
        for index, entry in state["state"].items()
        for name, value in entry.items()
    }
    return tensors, {"param_groups": state["param_groups"]}


def _unflatten(tensors: dict[str, torch.Tensor], rest: dict[str, Any]) -> dict[str, Any]:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    return {"state": state, "param_groups": rest["param_groups"]}
