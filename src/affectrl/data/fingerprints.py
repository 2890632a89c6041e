"""Perceptual fingerprints: bits that stay nearly the same when a picture or a sound is stored anew.

A fingerprint is a bool array of :data:`BITS` bits (pictures, sounds) or several times that (films), and two of them are
compared by the share of bits that differ: 0 for the same, about 0.5 for unrelated content. Pictures use the DCT hash of
`imagehash`; a sound is first turned into the picture of its log-mel spectrogram, in the band that telephone speech and
low bit rates keep, with its silent ends cut off and its level divided out.
"""

from __future__ import annotations

from functools import cache

import numpy as np

_SIDE = 16
BITS = _SIDE * _SIDE
"""Bits of one picture."""

_RATE = 16_000
_WINDOW = 512
_HOP = 128
_BANDS = 64
_LOW_HZ, _HIGH_HZ = 100.0, 3_400.0
_RANGE_DB = 50.0
_EDGE_DB = 35.0
_SHORTEST_S = 0.2
_FLAT = 4.0


def image_bits(rgb: np.ndarray) -> np.ndarray | None:
    """Fingerprint of a picture.

    Args:
        rgb: uint8 ``(H, W, 3)`` or ``(H, W)``.

    Returns:
        bool ``(BITS,)``, or ``None`` for a picture that is nearly one colour, of which a fingerprint says nothing.
    """
    import imagehash
    from PIL import Image

    if float(np.std(rgb)) < _FLAT:
        return None
    bits: np.ndarray = imagehash.phash(Image.fromarray(rgb), hash_size=_SIDE).hash
    return bits.reshape(-1)


def frames_bits(rgb: np.ndarray) -> np.ndarray | None:
    """Fingerprint of a film: those of its frames, uint8 ``(F, H, W, 3)``, in a row; bool ``(F * BITS,)``."""
    parts = [image_bits(frame) for frame in rgb]
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known and len(known) == len(parts) else None


@cache
def _mel_filters() -> np.ndarray:
    """Triangular filters, float64 ``(bands, bins)``, evenly spaced on the mel scale of O'Shaughnessy (1987)."""
    low, high = (2595.0 * np.log10(1.0 + hz / 700.0) for hz in (_LOW_HZ, _HIGH_HZ))
    centres = 700.0 * (10.0 ** (np.linspace(low, high, _BANDS + 2) / 2595.0) - 1.0)
    bins = np.fft.rfftfreq(_WINDOW, 1.0 / _RATE)[None, :]
    left, middle, right = (centres[i : i + _BANDS, None] for i in range(3))
    rising, falling = (bins - left) / (middle - left), (right - bins) / (right - middle)
    return np.maximum(0.0, np.minimum(rising, falling))


def _log_mel(samples: np.ndarray) -> np.ndarray:
    """Decibels below the loudest cell, float64 ``(bands, frames)``, in ``[-_RANGE_DB, 0]``."""
    from scipy.signal import ShortTimeFFT, get_window

    transform = ShortTimeFFT(get_window("hann", _WINDOW), _HOP, _RATE, scale_to="magnitude")
    power = _mel_filters() @ transform.spectrogram(samples.astype(np.float64))
    level = 10.0 * np.log10(np.maximum(power, 1e-12))
    return np.clip(level - level.max(), -_RANGE_DB, 0.0)


def audio_bits(samples: np.ndarray) -> np.ndarray | None:
    """Fingerprint of a sound.

    Args:
        samples: float32 ``(N,)``, mono, 16 kHz.

    Returns:
        bool ``(BITS,)``, or ``None`` for silence and for less than a fifth of a second.
    """
    if len(samples) < _SHORTEST_S * _RATE or float(np.max(np.abs(samples))) < 1e-3:
        return None
    picture = _log_mel(samples)
    loud = np.flatnonzero(picture.max(axis=0) > -_EDGE_DB)
    picture = picture[:, loud[0] : loud[-1] + 1]
    return image_bits(np.round((picture + _RANGE_DB) * (255.0 / _RANGE_DB)).astype(np.uint8))


def differing_shares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Share of bits that differ between each row of one set and each of another.

    Args:
        a: bool ``(N, bits)``.
        b: bool ``(M, bits)``.

    Returns:
        float32 ``(N, M)`` in [0, 1]. Computed as one matrix product of signs, which is exact and far faster than
        counting bits pair by pair.
    """
    signs_a, signs_b = (np.where(bits, np.float32(1), np.float32(-1)) for bits in (a, b))
    return 0.5 - (signs_a @ signs_b.T) * np.float32(0.5 / a.shape[1])
