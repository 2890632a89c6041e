"""Let torchvision be imported, which processors of native models that take pictures are made with.

Registries ship it built for CUDA. Beside a torch for CPUs such a build cannot load its operators, is refused by its own
import for the sake of two of them, and takes ``transformers`` and ``peft`` along. Processors use none: they resize
through torch. So the names are declared here, before anything imports transformers; whoever calls one of the operators
is told by torchvision that they are missing. Since other programs of the same environment would still fail on such a
build, it may lie in a folder of its own, which is looked at last: ``make native``.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

from affectrl.errors import ModelError

BESIDE = Path(sys.prefix) / "native"
"""Where torchvision may be, apart from the packages that every program of the environment sees."""
DECLARED = ("nms", "qnms")
"""Operators that torchvision's import asks the names of."""


def fit() -> None:
    """Make torchvision importable, if there is one.

    Raises:
        ModelError: ``package_missing``: it is there, and cannot be imported with this torch even so.
    """
    if importlib.util.find_spec("torchvision") is None:
        if "transformers" in sys.modules or not (BESIDE / "torchvision").is_dir():
            return  # transformers has looked already; finding it now would leave it of two minds
        sys.path.append(str(BESIDE))
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        import torch

        for name in DECLARED:
            torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        try:
            importlib.import_module("torchvision")
        except Exception as error:
            raise ModelError(
                f"torchvision does not fit torch {torch.__version__}, and transformers cannot be imported beside it "
                f"({error}).",
                code="package_missing",
                hint="Install the torchvision that was made for this torch, or uninstall it.",
            ) from error


def need() -> None:
    """Say what is missing.

    Raises:
        ModelError: ``package_missing``: there is no torchvision, or transformers was imported before it was looked for.
    """
    if importlib.util.find_spec("torchvision") is not None:
        return
    if (BESIDE / "torchvision").is_dir():
        told, hint = (
            f"lies in {BESIDE}, but transformers was imported first",
            "Import affectrl.models before transformers.",
        )
    else:
        told, hint = (
            "is not installed",
            "Run `make native`, or install torchvision from the index that torch came from.",
        )
    raise ModelError(f"models that take pictures need torchvision, which {told}.", code="package_missing", hint=hint)
