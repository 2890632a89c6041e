"""wav2vec 2.0 (arXiv 2006.11477): speech units learned by telling true ones from false."""

from __future__ import annotations

from collections.abc import Sequence

from affectrl.models.encoders import _speech


def build(
    weights_name: str = "facebook/wav2vec2-base",
    layers: Sequence[int] | None = None,
    average: bool = False,
    rate_hz: int = 10,
    excerpts: int | None = None,
    excerpt_s: float = 2.0,
) -> _speech.SpeechEncoder:
    """Load a wav2vec 2.0 by folder or Hugging Face id; heads for recognition or pretraining are left out.

    Args:
        weights_name: What :func:`affectrl.models.weights.resolve` understands.
        layers: Hidden states to keep, 0 (convolutions) to the number of layers, or negative from the end; the last by
            default.
        average: Whether the kept layers are averaged rather than laid side by side.
        rate_hz: Rows a second, a divisor of the model's own rate (50).
        excerpts: Instead, one row for each of so many evenly spaced excerpts.
        excerpt_s: Their length. Seconds.

    Raises:
        ModelError: The weights are missing or not a wav2vec 2.0, or a setting does not fit.
    """
    from transformers import Wav2Vec2Model

    return _speech.load(
        Wav2Vec2Model,
        ("wav2vec2",),
        "a wav2vec 2.0",
        weights_name,
        layers=layers,
        average=average,
        rate_hz=rate_hz,
        excerpts=excerpts,
        excerpt_s=excerpt_s,
    )
