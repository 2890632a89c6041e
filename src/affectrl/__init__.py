"""affectrl: train, adapt, evaluate, explain and serve multimodal emotion models with reinforcement learning.

>>> import affectrl
>>> model = affectrl.load("runs/first-light")
>>> model.predict("clip.mp4")[0].top
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from affectrl.version import __version__

if TYPE_CHECKING:
    from affectrl.answers.prediction import Prediction
    from affectrl.data.clip import Clip
    from affectrl.errors import AffectError
    from affectrl.inference.model import EmotionModel, load

_HOMES = {
    "AffectError": "affectrl.errors",
    "Clip": "affectrl.data.clip",
    "EmotionModel": "affectrl.inference.model",
    "Prediction": "affectrl.answers.prediction",
    "load": "affectrl.inference.model",
}

__all__ = ["AffectError", "Clip", "EmotionModel", "Prediction", "__version__", "load"]


def __getattr__(name: str) -> Any:
    # Imported when first asked for: the command line must not wait for torch to print its help.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'affectrl' has no attribute {name!r}")
