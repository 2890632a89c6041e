"""What video and image reading return, and the sizes both agree on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affectrl.errors import Note, UsageError


@dataclass(frozen=True, slots=True)
class Frames:
    """Pictures in order of time, upright, all of one size."""

    rgb: np.ndarray
    """uint8 ``(F, H, W, 3)``, F > 0."""
    times_s: np.ndarray
    """float64 ``(F,)``: when each was shown, in seconds from the start of the file, strictly rising."""
    notes: tuple[Note, ...] = ()
    """``few_frames``, ``truncated``, ``damaged``, ``window_cut``, ``animated_image``."""


def fitted(width: int, height: int, max_side: int) -> tuple[int, int]:
    """Width and height scaled down, never up, so that the longer is at most ``max_side``; neither falls below 1."""
    scale = min(1.0, max_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def check_side(max_side: int) -> None:
    """Refuse a size that leaves no picture.

    Raises:
        UsageError: ``max_side`` is below 16.
    """
    if max_side < 16:
        raise UsageError(f"max_side must be at least 16 pixels, not {max_side}.")
