"""HuBERT (arXiv 2106.07447): speech units learned by predicting clusters of masked sound."""

from __future__ import annotations

from collections.abc import Sequence

from affectrl.models.encoders import _speech


def build(
    weights_name: str = "facebook/hubert-large-ll60k",
    layers: Sequence[int] | None = None,
    average: bool = False,
    rate_hz: int = 10,
    excerpts: int | None = None,
    excerpt_s: float = 2.0,
) -> _speech.SpeechEncoder:
    """Load a HuBERT by folder or Hugging Face id; heads for recognition or pretraining are left out.

    Args:
        weights_name: What :func:`affectrl.models.weights.resolve` understands.
        layers: Hidden states to keep, 0 (convolutions) to the number of layers, or negative from the end; the last by
            default.
        average: Whether the kept layers are averaged rather than laid side by side.
        rate_hz: Rows a second, a divisor of the model's own rate (50).
        excerpts: Instead, one row for each of so many evenly spaced excerpts.
        excerpt_s: Their length. Seconds.

    Raises:
        ModelError: The weights are missing or not a HuBERT, or a setting does not fit.
    """
    from transformers import HubertModel

    return _speech.load(
        HubertModel,
        ("hubert",),
        "a HuBERT",
        weights_name,
        layers=layers,
        average=average,
        rate_hz=rate_hz,
        excerpts=excerpts,
        excerpt_s=excerpt_s,
    )
