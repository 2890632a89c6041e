"""What one request, and all of them together, may ask of the server."""

from __future__ import annotations

from dataclasses import dataclass

from affectrl.data.media.image import MAX_PIXELS


@dataclass(frozen=True, slots=True)
class Limits:
    """The defaults suit a model of a few hundred million parameters on a laptop."""

    body_bytes: int = 64 << 20
    """Largest request, upload included."""
    seconds: float = 600.0
    """Longest recording."""
    frame_pixels: int = 4096 * 2304
    """Largest picture of a film."""
    image_pixels: int = MAX_PIXELS
    packets: int = 200_000
    """Most pieces that a media file may be cut into: a film of 100 frames a second, three times over."""
    text_chars: int = 5_000
    labels: int = 64
    windows: int = 300
    table_bytes: int = 16 << 20
    """Largest file of predictions or references."""
    rows: int = 50_000
    """Most rows of such a file."""
    resamples: int = 2_000
    batch: int = 8
    """Clips in one forward pass."""
    waiting: int = 32
    """Requests that may wait for the model; others are refused with 429."""
    requests: int = 64
    """Requests of the API at one time, those that are still being received included."""
    timeout_s: float = 120.0
    """Longest wait for an answer."""
    idle_s: float = 20.0
    """Longest silence of a client that has not sent its whole request."""
