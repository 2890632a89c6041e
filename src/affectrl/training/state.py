"""Checkpoints: the model, the optimizer and the place in the run, written all or nothing, without pickle.

There is no random state to keep: every step seeds itself from the run's seed, the stage and its number.
"""

from __future__ import annotations

import hashlib
import json
import sys
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
    """The latest checkpoint, if there is one."""
    return next(iter(reversed(_all(folder))), None)


def resume(folder: Path, policy: FusedPolicy) -> tuple[Place, dict[str, Any]] | None:
    """Take up the newest whole checkpoint: its weights go into the policy, a damaged one is told of and passed over.

    Returns:
        Where the run stood and its optimizer's state; ``None`` when there is no checkpoint at all.

    Raises:
        ModelError: ``checkpoint_damaged``: there are checkpoints, and none is whole.
    """
    found = _all(folder)
    for place in reversed(found):
        try:
            return _take_up(place, policy)
        except ModelError as error:
            print(f"affectrl: {error} [{error.code}] This checkpoint is passed over.", file=sys.stderr)
    if found:
        raise ModelError(
            "holds no whole checkpoint.", code="checkpoint_damaged", path=folder, hint="Start anew with --fresh."
        )
    return None


def _take_up(folder: Path, policy: FusedPolicy) -> tuple[Place, dict[str, Any]]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        about = json.loads((folder / "trainer.json").read_text("utf-8"))
        place = Place(**about["place"])
        moments = _unflatten(load_file(folder / "optimizer.safetensors"), about["optimizer"])
    except FileNotFoundError as error:
        raise _damaged(Path(str(error.filename or folder / "optimizer.safetensors")), "is missing") from error
    except SafetensorError as error:
        raise _damaged(folder / "optimizer.safetensors", "is cut short or damaged") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder / "trainer.json", "is not readable") from error
    checkpoint.load_weights(policy, folder)
    return place, moments


def _damaged(file: Path, why: str) -> ModelError:
    return ModelError(f"{why}.", code="checkpoint_damaged", path=file)


def _all(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("step-*") if (p / "trainer.json").is_file())


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
