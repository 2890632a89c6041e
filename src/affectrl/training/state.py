"""Checkpoints: the model, the optimizer and the place in the run, written all or nothing, without pickle.

There is no random state to keep: every step seeds itself from the run's seed, the stage and its number.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from affectrl import paths
from affectrl.errors import ModelError
from affectrl.models import checkpoint
from affectrl.models.language import Policy
from affectrl.models.task import Task
from affectrl.models.trained import put

STAGES = ("sft", "rl")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run stands: ``step`` steps of ``stage`` are done."""

    stage: str
    step: int
    ended: str = ""
    """Why the stage is over before its last step, if it is."""

    def past(self, stage: str) -> bool:
        """Whether a later stage than ``stage`` has begun."""
        return STAGES.index(self.stage) > STAGES.index(stage)

    def total(self, cold_steps: int) -> int:
        """Steps of the whole run that are done, when its first stage has ``cold_steps``."""
        return self.step + (cold_steps if self.past("sft") else 0)


@dataclass(frozen=True, slots=True)
class Found:
    """What a checkpoint holds beside the policy's weights."""

    place: Place
    moments: dict[str, Any]
    """The optimizer's state."""
    extras: dict[str, dict[str, torch.Tensor]]
    """Further weights by name: ``average``, ``critic``."""


EXTRAS = ("average", "critic")


def seed_of(seed: int, *parts: str | int) -> int:
    """A seed for one step, from the run's seed and names; 63 bits."""
    digest = hashlib.sha256("|".join(map(str, (seed, *parts))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def save(
    folder: Path,
    place: Place,
    total_step: int,
    policy: Policy,
    task: Task,
    optimizer: torch.optim.Optimizer,
    keep: int,
    extras: Mapping[str, Mapping[str, torch.Tensor]] | None = None,
) -> None:
    """Write ``step-NNNNNN`` under ``folder`` and remove all but the newest ``keep``; ``extras`` by :data:`EXTRAS`."""
    from safetensors.torch import save_file

    with paths.atomic(folder / f"step-{total_step:06d}") as scratch:
        scratch.mkdir(parents=True)
        checkpoint.write(policy, task, scratch)
        tensors, rest = _flatten(optimizer.state_dict())
        save_file(tensors, scratch / "optimizer.safetensors")
        for name, weights in (extras or {}).items():
            save_file({key: value.detach().cpu().contiguous() for key, value in weights.items()}, scratch / _file(name))
        (scratch / "trainer.json").write_text(json.dumps({"place": asdict(place), "optimizer": rest}))
    for old in _all(folder)[:-keep]:
        paths.remove(old)


def newest(folder: Path) -> Path | None:
    """The latest checkpoint, if there is one."""
    return next(iter(reversed(_all(folder))), None)


def resume(folder: Path, policy: Policy) -> Found | None:
    """Take up the newest whole checkpoint: its weights go into the policy, a damaged one is told of and passed over.

    Returns:
        Where the run stood; ``None`` when there is no checkpoint at all.

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


def go_back(folder: Path, stage: str, step: int, policy: Policy) -> Path | None:
    """Put the newest whole checkpoint of a stage that has seen at most ``step`` of its steps into the policy.

    Where the checkpoint keeps an average of the weights, that is what comes back.

    Returns:
        The checkpoint; ``None`` when there is no such one. Of damaged ones the policy may then hold a part.
    """
    for place in reversed(_all(folder)):
        average = place / _file("average")
        try:
            about = Place(**json.loads((place / "trainer.json").read_text("utf-8"))["place"])
            if about.stage != stage or about.step > step:
                continue
            checkpoint.load_weights(policy, place)
            if average.is_file():
                put(policy, checkpoint.tensors(average))
        except (ModelError, OSError, ValueError, KeyError, TypeError):
            continue
        return place
    return None


def _take_up(folder: Path, policy: Policy) -> Found:
    try:
        about = json.loads((folder / "trainer.json").read_text("utf-8"))
        place = Place(**about["place"])
        files = {name: folder / _file(name) for name in ("optimizer", *EXTRAS)}
        found = {
            name: checkpoint.tensors(file, code="checkpoint_damaged", hint=None)
            for name, file in files.items()
            if name == "optimizer" or file.is_file()
        }
        moments = _unflatten(found.pop("optimizer"), about["optimizer"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError("is not readable.", code="checkpoint_damaged", path=folder / "trainer.json") from error
    checkpoint.load_weights(policy, folder)
    return Found(place, moments, found)


def _file(name: str) -> str:
    return f"{name}.safetensors"


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
