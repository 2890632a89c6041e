"""A face as a small residual network for facial expressions sees it: its pooled state, and how likely each class is.

The network is transformers' ResNet for image classification, on one grey channel. Each crop is standardized by its own
mean and spread, so that light and contrast do not count, and is seen as it is and mirrored. ``affectrl-nano`` carries
weights that :mod:`affectrl.nano.face` trains.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from affectrl.errors import ModelError
from affectrl.models.encoders import _hf

VERSION = "1"
TYPES = ("resnet",)
WHAT = "a network for facial expressions"
_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601, as OpenCV and Pillow weigh
_SOFT = 0.05


class Expression:
    """``encode`` gives ``(F, D + classes)``: the pooled state beside the classes' log-probabilities, a row a crop."""

    def __init__(self, model: Any, key: str) -> None:
        self.model = model
        self.crop = int(model.config.image_size)
        self.labels = tuple(str(model.config.id2label[i]) for i in range(model.config.num_labels))
        self.dim = int(model.config.hidden_sizes[-1]) + len(self.labels)
        self.key = f"expression-v{VERSION}-{key}"

    @torch.inference_mode()
    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """Features of crops ``(F, H, W, 3)``, uint8 RGB, of any size; float32."""
        pooled, logits = self._seen(pictures)
        return torch.cat([pooled, logits.log_softmax(-1)], dim=-1).float().cpu().numpy()

    @torch.inference_mode()
    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """How likely each of ``labels`` is for each crop, ``(F, classes)``; rows sum to one."""
        return self._seen(pictures)[1].softmax(-1).float().cpu().numpy()

    def _seen(self, pictures: np.ndarray) -> tuple[Tensor, Tensor]:
        weight = next(self.model.parameters())
        crops = torch.from_numpy(np.ascontiguousarray(pictures)).to(weight.device)
        pixels = standardized((crops.float() @ crops.new_tensor(_GREY, dtype=torch.float32)) / 255, self.crop)
        pixels = torch.cat([pixels, pixels.flip(-1)]).to(weight.dtype)
        pooled = self.model.resnet(pixels).pooler_output.flatten(1)
        logits = self.model.classifier(pooled)
        return pooled.view(2, len(crops), -1).mean(0), logits.view(2, len(crops), -1).mean(0)


def standardized(grey: Tensor, side: int) -> Tensor:
    """What the network is given: ``(F, 1, side, side)`` of pictures ``(F, H, W)`` between 0 and 1."""
    pixels = F.interpolate(grey[:, None], (side, side), mode="bilinear", align_corners=False)
    return (pixels - pixels.mean((1, 2, 3), keepdim=True)) / (pixels.std((1, 2, 3), keepdim=True) + _SOFT)


def build(weights_name: str = "affectrl-nano-face") -> Expression:
    """The network of these weights: a folder, a Hugging Face id, or the packaged ones.

    Raises:
        ModelError: There are none, or they are of another kind: no classifier on one grey channel that names
            ``image_size``.
    """
    from transformers import ResNetForImageClassification

    model, place, key = _hf.load(ResNetForImageClassification, weights_name, TYPES, WHAT)
    if model.config.num_channels != 1 or not getattr(model.config, "image_size", None):
        raise ModelError(
            f"cannot be loaded as {WHAT}: its config.json must say num_channels: 1 and an image_size.", path=place
        )
    return Expression(model, key)
