"""Still images as a one-frame film: RGB, upright after EXIF, scaled down, and guarded against decompression bombs."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from affectrl.data.clip import Media
from affectrl.data.media.frames import Frames, check_side, fitted
from affectrl.data.media.source import corrupt, opened_bytes
from affectrl.errors import MediaError, Note

MAX_PIXELS = 64_000_000
"""Largest image that is unpacked, in pixels (about 190 MB of RGB). JPEGs count after their decoder has shrunk them."""

BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError, MemoryError)
"""What Pillow's many format plug-ins raise for damaged files."""


def read_image(source: Media, *, max_side: int = 640) -> Frames:
    """Read an image file: one RGB frame at time 0.

    Args:
        source: A file or bytes in any format that Pillow reads.
        max_side: Longest side of the result in pixels; smaller images are not enlarged.

    Raises:
        MediaError: ``media_missing``, ``media_directory``, ``media_unreadable``, ``media_empty``, ``media_corrupt``,
            ``media_too_large``.
    """
    check_side(max_side)
    with opened_bytes(source) as handle, warnings.catch_warnings():
        # Our own limit speaks for Pillow's warning.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = _opened(handle, source)
        with image:
            moving = getattr(image, "is_animated", False)
            rgb = _unpacked(image, source, max_side)
    notes = (Note("animated_image", "the image is animated; only its first frame is used."),) if moving else ()
    return Frames(rgb[None], np.zeros(1), notes)


def _opened(handle: Any, source: Media) -> Image.Image:
    try:
        return Image.open(handle)
    except UnidentifiedImageError as error:
        raise corrupt(source, "is not an image, or its header is damaged") from error
    except Image.DecompressionBombError as error:
        raise _too_large(source) from error
    except BROKEN as error:
        raise corrupt(source, f"cannot be read as an image ({error})") from error


def _unpacked(image: Image.Image, source: Media, max_side: int) -> np.ndarray:
    # Twice the target leaves the final scaling something to average over.
    image.draft("RGB", (2 * max_side, 2 * max_side))
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(source, image.size)
    try:
        image.load()
        width, height = fitted(image.width, image.height, max_side)
        small = ImageOps.exif_transpose(_rgb(image).resize((width, height), Image.Resampling.BOX))
        return np.asarray(small, dtype=np.uint8)
    except BROKEN as error:
        raise corrupt(source, f"the image is damaged ({error})") from error


def _rgb(image: Image.Image) -> Image.Image:
    """RGB over black; 16-bit greys are scaled, which plain conversion would clip."""
    if image.mode.startswith("I"):
        grey = np.asarray(image, dtype=np.float64)
        image_8 = Image.fromarray((grey / max(255.0, grey.max()) * 255).astype(np.uint8))
        image_8.info = image.info
        image = image_8
    if image.has_transparency_data:
        image = image.convert("RGBA")
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        black.info = image.info
        image = Image.alpha_composite(black, image)
    return image.convert("RGB")


def _too_large(source: Media, size: tuple[int, int] | None = None) -> MediaError:
    what = f"the image of {size[0]} x {size[1]} pixels" if size else "the image"
    return MediaError(
        f"{what} is too large to unpack safely (limit {MAX_PIXELS // 1_000_000} million pixels).",
        code="media_too_large",
        path=str(source),
        hint="Scale it down first.",
    )
