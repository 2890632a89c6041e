"""Frozen encoders, one file each: what turns decoded media into features ``(T, D)``.

A module on this shelf defines ``build(**settings) -> Encoder``. Its ``key`` names everything that its output depends
on, so that the feature cache can tell versions apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

    from affectrl.data.media.audio import Waveform
    from affectrl.data.media.faces import FaceTrack


class AudioEncoder(Protocol):
    """Sound to features."""

    key: str
    dim: int

    def encode(self, waveform: Waveform) -> np.ndarray:
        """Features ``(T, D)``, float32, for samples at 16 kHz."""
        ...


class FaceEncoder(Protocol):
    """Face crops to features."""

    key: str
    dim: int
    crop: int
    """Side of the square crops that it wants. Pixels."""

    def encode(self, track: FaceTrack) -> np.ndarray:
        """Features ``(F, D)``, float32, one row a crop."""
        ...
