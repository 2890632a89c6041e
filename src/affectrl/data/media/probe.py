"""What a media file holds, without decoding more than its first frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av

from affectrl.data.clip import Media, Modality, modality_of_suffix
from affectrl.data.media.image import displayed_size
from affectrl.data.media.source import TIME_UNITS, opened, picture_of, sound_of
from affectrl.errors import MediaError


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
        MediaError: ``media_missing``, ``media_directory``, ``media_unreadable``, ``media_empty``, ``media_corrupt``,
            ``media_too_large``.
    """
    size = displayed_size(source)
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


def kind_of(path: Media) -> Modality:
    """Whether a file is ``"video"``, ``"audio"`` or ``"image"``: by its suffix, then by what is inside.

    A video container that holds only sound is audio. One that cannot be opened keeps the kind of its suffix, so that
    the reader, not this look, reports what is wrong with it.

    Raises:
        MediaError: ``media_unknown_type``; ``media_missing``, ``media_directory``, ``media_empty``,
            ``media_unreadable`` where the content had to be looked at.
    """
    name = str(path)
    promised = modality_of_suffix(name)
    if promised in ("image", "audio"):
        return promised
    kind = _kind_inside(path) or promised
    if kind is None:
        raise MediaError(
            "is neither video, audio nor an image that can be read.",
            code="media_unknown_type",
            path=str(path),
            hint="Give a media file, or convert it, for example to mp4, wav or jpg.",
        )
    return kind


def _kind_inside(source: Media) -> Modality | None:
    if displayed_size(source) is not None:
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
