"""What makes a model's closed choices honest: one small file in its folder, written by ``affectrl calibrate``.

``calibration.json`` holds a scaling of the labels' scores (:mod:`affectrl.metrics.scaling`), the labels that it was
fitted for, which weights it was fitted to, and what it was measured to do. It acts on closed choices among exactly
these labels and on nothing else, and every row that it acted on says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from affectrl import paths
from affectrl.data.content import content_hash
from affectrl.errors import ModelError
from affectrl.metrics.scaling import Scaling

FILE = "calibration.json"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Calibration:
    """A scaling, and the labels in the order of its numbers."""

    scaling: Scaling
    labels: tuple[str, ...]

    def fits(self, labels: Sequence[str]) -> bool:
        """Whether it was fitted for a choice among these labels, in any order."""
        return set(labels) == set(self.labels) and len(labels) == len(self.labels)

    def probabilities(self, logprobs: Tensor, labels: Sequence[str]) -> Tensor:
        """Probabilities ``(B, K)`` of ``labels`` from their log-probabilities ``(B, K)``."""
        order = [labels.index(label) for label in self.labels]
        found = torch.from_numpy(self.scaling.probabilities(logprobs[:, order].double().cpu().numpy()))
        out = torch.empty_like(found)
        out[:, order] = found
        return out


def probabilities(logprobs: Tensor, labels: Sequence[str], calibration: Calibration | None) -> Tensor:
    """Probabilities ``(B, K)`` of a choice: the labels' own, or calibrated ones where that is for these labels."""
    if calibration is None or not calibration.fits(labels):
        return logprobs.softmax(1)
    return calibration.probabilities(logprobs, labels)


def write(folder: Path, calibration: Calibration, measured: Mapping[str, Any]) -> Path:
    """Put a calibration into a model folder, and give its file.

    Args:
        folder: Of the model; its weights are named in the file.
        calibration: What is to act.
        measured: What it was fitted on and did, for readers.
    """
    scaling = calibration.scaling
    told = {
        "format_version": FORMAT_VERSION,
        "method": scaling.method,
        "temperature": scaling.temperature,
        "labels": list(calibration.labels),
        "weight": list(scaling.weight),
        "bias": list(scaling.bias),
        "weights": weights_print(folder),
        "measured": dict(measured),
    }
    with paths.atomic(folder / FILE) as scratch:
        scratch.write_text(json.dumps(told, indent=1), "utf-8")
    return folder / FILE


def read(folder: Path) -> Calibration | None:
    """The calibration of a model folder; ``None`` where there is none.

    Raises:
        ModelError: ``calibration_invalid``: the file is damaged, or of a later version. ``calibration_stale``: it was
            fitted to other weights.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        told = json.loads(file.read_text("utf-8"))
        if told["format_version"] != FORMAT_VERSION:
            raise ValueError("another version")
        labels = tuple(map(str, told["labels"]))
        weight, bias = (tuple(map(float, told[name])) for name in ("weight", "bias"))
        if told["method"] not in ("temperature", "vector") or not len(labels) == len(weight) == len(bias):
            raise ValueError("numbers that do not fit")
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            "is no calibration that this affectrl can read.", code="calibration_invalid", path=file, hint=_HINT
        ) from error
    if told.get("weights") != weights_print(folder):
        raise ModelError("was fitted to other weights than these.", code="calibration_stale", path=file, hint=_HINT)
    return Calibration(Scaling(told["method"], weight, bias), labels)


def carry(source: Path, folder: Path) -> None:
    """Give a copy of a model (the same weights in another folder, perhaps merged) the calibration of the original.

    Raises:
        ModelError: As :func:`read`.
    """
    if (found := read(source)) is not None:
        measured = json.loads((source / FILE).read_text("utf-8")).get("measured", {})
        write(folder, found, measured)


_HINT = "Run affectrl calibrate again, or remove the file."


def weights_print(folder: Path) -> str:
    """16 hex digits that name the weights that learn; of a whole language model beside them only names and sizes."""
    state = []
    for file in sorted(folder.rglob("*.safetensors")):
        learned = file.name == "fusion.safetensors" or file.parent.name == "adapter"
        state.append((str(file.relative_to(folder)), content_hash(file) if learned else file.stat().st_size))
    return hashlib.sha256(repr(state).encode()).hexdigest()[:16]
