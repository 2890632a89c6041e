"""Frozen encoders, one file each: what turns decoded media, or words, into features ``(T, D)``.

A module on this shelf defines ``build(**settings) -> Encoder``. Its ``key`` names everything that its output depends
on, so that the feature cache can tell versions apart. An encoder whose D holds several layers side by side says how
many in ``parts``; then a stream may learn how to mix them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

    from affectrl.data.media.audio import Waveform


class AudioEncoder(Protocol):
    """Sound to features."""

    key: str
    dim: int

    def encode(self, waveform: Waveform) -> np.ndarray:
        """Features ``(T, D)``, float32, for samples at 16 kHz."""
        ...


class PictureEncoder(Protocol):
    """Face crops or whole frames to features."""

    key: str
    dim: int
    crop: int
    """Side of the square face crops that it wants. Pixels. Whole frames come as large as they are."""

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """Features ``(T, D)``, float32, of pictures ``(F, H, W, 3)``, uint8 RGB, in order of time."""
        ...


class TextEncoder(Protocol):
    """Words to features, for baselines; the policies' language model reads words itself."""

    key: str
    dim: int

    def encode(self, text: str) -> np.ndarray:
        """Features ``(T, D)``, float32, of a text that is not blank."""
        ...
