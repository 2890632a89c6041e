"""MAE (arXiv 2111.06377): a ViT that was trained to fill in pictures; Emotion-LLaMA's local view of the face.

All patches are given to it in their own order, none masked, so that a picture has one answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from affectrl.models.encoders import _vision


class MaeEncoder(_vision.VisionEncoder):
    """See the module's text."""

    def _run(self, pixels: torch.Tensor) -> Any:
        patches = (self.model.config.image_size // self.model.config.patch_size) ** 2
        order = torch.arange(patches, device=pixels.device).float().expand(len(pixels), -1)
        return self.model(pixels, noise=order, output_hidden_states=True)


def build(
    weights_name: str = "facebook/vit-mae-large",
    take: _vision.Take = "cls",
    layers: Sequence[int] | None = None,
) -> _vision.VisionEncoder:
    """Load an MAE by folder or Hugging Face id; its decoder is left out.

    Args:
        weights_name: What :func:`affectrl.models.weights.resolve` understands.
        take: ``cls`` the class token; ``mean`` the mean over patches; ``patches`` a row each patch.
        layers: Hidden states that these are taken of, 0 to the number of layers, or negative from the end, side by
            side; the last by default.

    Raises:
        ModelError: The weights are missing or not an MAE, or a setting does not fit.
    """
    from transformers import ViTMAEModel

    return _vision.load(
        ViTMAEModel,
        ("vit_mae",),
        "an MAE",
        weights_name,
        take=take,
        layers=layers,
        takes=("cls", "mean", "patches"),
        encoder=MaeEncoder,
        mask_ratio=0.0,
    )
