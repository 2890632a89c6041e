"""CLIP's picture half (arXiv 2103.00020): a ViT that was trained to match pictures and their captions."""

from __future__ import annotations

from collections.abc import Sequence

from affectrl.models.encoders import _vision


def build(
    weights_name: str = "openai/clip-vit-large-patch14",
    take: _vision.Take = "pooled",
    layers: Sequence[int] | None = None,
) -> _vision.VisionEncoder:
    """Load a CLIP by folder or Hugging Face id; a text half is left out.

    Args:
        weights_name: What :func:`affectrl.models.weights.resolve` understands.
        take: ``pooled`` the picture's embedding (projected, as AffectGPT has it); ``cls`` the class token; ``mean`` the
            mean over patches; ``patches`` a row each patch.
        layers: Hidden states that the others are taken of, 0 to the number of layers, or negative from the end, side
            by side; the last by default.

    Raises:
        ModelError: The weights are missing or not a CLIP, or a setting does not fit.
    """
    from transformers import CLIPVisionModelWithProjection

    return _vision.load(
        CLIPVisionModelWithProjection,
        ("clip", "clip_vision_model"),
        "a CLIP",
        weights_name,
        take=take,
        layers=layers,
        takes=("pooled", "cls", "mean", "patches"),
        pooled="projection_dim",
    )
