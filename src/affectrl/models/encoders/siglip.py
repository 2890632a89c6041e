"""SigLIP's picture half (arXiv 2303.15343): CLIP with a sigmoid loss, and a summary by attention."""

from __future__ import annotations

from collections.abc import Sequence

from affectrl.models.encoders import _vision


def build(
    weights_name: str = "google/siglip-base-patch16-224",
    take: _vision.Take = "pooled",
    layers: Sequence[int] | None = None,
) -> _vision.VisionEncoder:
    """Load a SigLIP by folder or Hugging Face id; a text half is left out.

    Args:
        weights_name: What :func:`affectrl.models.weights.resolve` understands.
        take: ``pooled`` the summary by attention; ``mean`` the mean over patches; ``patches`` a row each patch.
        layers: Hidden states that the others are taken of, 0 to the number of layers, or negative from the end, side
            by side; the last by default.

    Raises:
        ModelError: The weights are missing or not a SigLIP, or a setting does not fit.
    """
    from transformers import SiglipVisionModel

    return _vision.load(
        SiglipVisionModel,
        ("siglip", "siglip_vision_model"),
        "a SigLIP",
        weights_name,
        take=take,
        layers=layers,
        takes=("pooled", "mean", "patches"),
    )
