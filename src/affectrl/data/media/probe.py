"""What a media file holds, without decoding more than its first frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
from PIL import Image

from affectrl.data.clip import Media, Modality
from affectrl.data.media.source import TIME_UNITS, opened, opened_bytes, picture_of, sound_of
from affectrl.errors import MediaError


def _suffixes(words: str) -> frozenset[str]:
    return frozenset(f".{word}" for word in words.split())


VIDEO = _suffixes("mp4 m4v mov mkv webm avi mpg mpeg ts mts m2ts flv wmv asf 3gp 3g2 ogv")
AUDIO = _suffixes("wav flac mp3 m4a aac ogg oga opus aif aiff au w64 caf wma amr ac3 mka")
IMAGE = _suffixes("jpg jpeg jpe png bmp gif webp tif tiff ppm pgm avif")
"""Suffixes by kind, lower case."""


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What is in a media file. An image has neither video nor audio, but a width and height."""

    duration_s: float | None
    """Seconds as the container claims them; ``None`` for images and where it does not say."""
    has_video: bool
    """Whether there is a moving video stream; cover art does not count."""
    has_audio: bool
    width: int | None
    """Pixels, as displayed: after rotation."""
    height: int | None
    fps: float | None
    """Average frames a second."""
    rotation: int
    """Degrees counter-clockwise (0, 90, 180, 270) by which the stored video is turned for display."""
    rate_hz: int | None
    channels: int | None


def probe(source: Media) -> MediaInfo:
    """Look into a media file.

    Raises:
        MediaError: ``media_missing``, ``media_directory``, ``media_unreadable``, ``media_empty``, ``media_corrupt``.
    """
    size = image_size(source)
    if size is not None:
        return MediaInfo(None, False, False, *size, None, 0, None, None)
    with opened(source) as container:
        video, audio = picture_of(container), sound_of(container)
        duration = None if container.duration is None else container.duration / TIME_UNITS
        rate, channels = _sound(audio)
        return MediaInfo(duration, video is not None, audio is not None, *_look(container, video), rate, channels)


def _sound(stream: Any | None) -> tuple[int | None, int | None]:
    if stream is None or stream.codec_context is None:
        return None, None
    return stream.codec_context.sample_rate or None, stream.codec_context.layout.nb_channels or None


def _look(container: Any, stream: Any | None) -> tuple[int | None, int | None, float | None, int]:
    """Width, height, frame rate and rotation of the video."""
    if stream is None or stream.codec_context is None:
        return None, None, None, 0
    try:
        frame = next(container.decode(stream), None)
    except av.FFmpegError:
        frame = None
    turn = 0 if frame is None else round(frame.rotation / 90) * 90 % 360
    width, height = (stream.height, stream.width) if turn in (90, 270) else (stream.width, stream.height)
    rate = stream.average_rate or stream.guessed_rate
    return width, height, float(rate) if rate else None, turn


def image_size(source: Media) -> tuple[int, int] | None:
    """Width and height as stored if ``source`` starts like an image that Pillow knows, else ``None``."""
    with opened_bytes(source) as handle:
        try:
            with Image.open(handle) as image:
                return image.size
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            return None


def kind_of(path: Media) -> Modality:
    """Whether a file is ``"video"``, ``"audio"`` or ``"image"``: by its suffix, then by what is inside.

    A video container that holds only sound is audio. One that cannot be opened keeps the kind of its suffix, so that
    the reader, not this look, reports what is wrong with it.

    Raises:
        MediaError: ``media_unknown_type``; ``media_missing``, ``media_directory``, ``media_empty``,
            ``media_unreadable`` where the content had to be looked at.
    """
    name = str(path).lower()
    suffix = name[name.rfind(".") :] if "." in name else ""
    if suffix in IMAGE:
        return "image"
    if suffix in AUDIO:
        return "audio"
    kind = _kind_inside(path)
    if kind is None and suffix in VIDEO:
        return "video"
    if kind is None:
        raise MediaError(
            f"is of no known kind (suffix {suffix or 'missing'!r}).",
            code="media_unknown_type",
            path=str(path),
            hint="Give a video, audio or image file.",
        )
    return kind


def _kind_inside(source: Media) -> Modality | None:
    if image_size(source) is not None:
        return "image"
    try:
        with opened(source) as container:
            if picture_of(container) is not None:
                return "video"
            return "audio" if sound_of(container) is not None else None
    except MediaError as error:
        if error.code == "media_corrupt":
            return None
        raise
