"""DINOv2 (arXiv 2304.07193): a ViT that was trained on pictures alone."""

from __future__ import annotations

from collections.abc import Sequence

from affectrl.models.encoders import _vision


def build(
    weights_name: str = "facebook/dinov2-base",
    take: _vision.Take = "pooled",
    layers: Sequence[int] | None = None,
) -> _vision.VisionEncoder:
    """Load a DINOv2 by folder or Hugging Face id; a text half is left out.

    Args:
        weights_name: What :func:`affectrl.models.weights.resolve` understands.
        take: ``pooled`` the normalized class token; ``cls`` the class token of hidden states; ``mean`` the mean over
            patches; ``patches`` a row each patch.
        layers: Hidden states that the others are taken of, 0 to the number of layers, or negative from the end, side
            by side; the last by default.

    Raises:
        ModelError: The weights are missing or not a DINOv2, or a setting does not fit.
    """
    from transformers import Dinov2Model

    return _vision.load(
        Dinov2Model,
        ("dinov2",),
        "a DINOv2",
        weights_name,
        take=take,
        layers=layers,
        takes=("pooled", "cls", "mean", "patches"),
    )
