"""Still images as a one-frame film: RGB, upright after EXIF, scaled down, and guarded against decompression bombs."""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from affectrl.data.clip import Media
from affectrl.data.media.ahead import decoding
from affectrl.data.media.frames import Frames, check_side, fitted
from affectrl.data.media.source import corrupt, opened_bytes
from affectrl.errors import MediaError, Note

MAX_PIXELS = 64_000_000
"""Largest image that is unpacked, in pixels (about 190 MB of RGB). JPEGs count after their decoder has shrunk them."""

FORMATS = ("JPEG", "MPO", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "AVIF")
"""Pillow's names of what is read. Some of its other plug-ins run programs (EPS) or take films for pictures (MPEG)."""

SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""

# Without a handler Python prints Pillow's log of damaged files to stderr; who sets up logging still gets it.
logging.getLogger("PIL").addHandler(logging.NullHandler())

BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError, MemoryError)
"""What Pillow's many format plug-ins raise for damaged files."""


@decoding
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
    with opened_bytes(source) as handle, _hushed(), _opened(handle, source) as image:
        moving = _is_moving(image)
        rgb = _unpacked(image, source, max_side)
    notes = (Note("animated_image", "the image is animated; only its first frame is used."),) if moving else ()
    return Frames(rgb[None], np.zeros(1), notes)


def displayed_size(source: Media) -> tuple[int, int] | None:
    """Width and height, as displayed, of what begins like an image that we read; else ``None``.

    Raises:
        MediaError: ``media_missing``, ``media_directory``, ``media_unreadable``, ``media_empty``, ``media_too_large``.
    """
    with opened_bytes(source) as handle, _hushed():
        try:
            with Image.open(handle, formats=_formats()) as image:
                # To look for EXIF, Pillow unpacks a PNG.
                if image.format == "PNG" and image.width * image.height > MAX_PIXELS:
                    raise _too_large(source, image.size)
                sideways = image.getexif().get(ExifTags.Base.Orientation) in SIDEWAYS
                return (image.height, image.width) if sideways else image.size
        except Image.DecompressionBombError as error:
            raise _too_large(source) from error
        except BROKEN:
            return None


@functools.cache
def _formats() -> list[str]:
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


@contextmanager
def _hushed() -> Iterator[None]:
    """Without Pillow's warnings: our own limit and errors speak for them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _is_moving(image: Image.Image) -> bool:
    # The second picture of an MPO, as phones write it, is a preview or depth map.
    try:
        return image.format != "MPO" and bool(getattr(image, "is_animated", False))
    except BROKEN:
        return False


def _opened(handle: BinaryIO, source: Media) -> Image.Image:
    try:
        return Image.open(handle, formats=_formats())
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
