"""Real media files from samples and frames, through PyAV; one thread, so that the same clip gives the same bytes.

Files appear under their final name only when they are complete.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from affectrl import paths
from affectrl.errors import MediaError

FPS = Fraction(25, 2)


@dataclass(frozen=True, slots=True)
class Quality:
    """How hard the encoders squeeze."""

    crf: int = 20
    """libx264's constant rate factor; higher is worse."""
    sound_bit_rate: int = 64_000
    sound_codec: str = "aac"
    """Of a video's sound track."""
    audio_suffix: str = ".wav"
    """Of a clip that is sound alone: ``.wav`` or ``.mp3``."""
    jpeg: int = 92


GOOD = Quality()
POOR = Quality(crf=34, sound_bit_rate=24_000, sound_codec="libmp3lame", audio_suffix=".mp3", jpeg=45)


def write_video(path: Path, frames: np.ndarray, samples: np.ndarray | None, rate_hz: int, quality: Quality) -> None:
    """An mp4 with H.264 pictures and, when samples are given, an AAC sound track.

    Args:
        path: Where to; its folder exists.
        frames: uint8 of shape (F, H, W, 3), red-green-blue, at :data:`FPS`; H and W are even.
        samples: float32 of shape (N,), mono, or None for a silent file without a sound track.
        rate_hz: Sampling rate of the samples.
        quality: Encoder settings.

    Raises:
        MediaError: PyAV could not encode or write.
    """
    with _into(path, "mp4") as container:
        picture = container.add_stream("libx264", rate=FPS)
        picture.height, picture.width = frames.shape[1:3]
        picture.pix_fmt = "yuv420p"
        # x264's macroblock tree gives other bytes each time where a processor has AVX-512.
        picture.options = {"crf": str(quality.crf), "preset": "veryfast", "threads": "1", "mbtree": "0"}
        picture.codec_context.thread_count = 1
        sound = None if samples is None else _sound_stream(container, quality.sound_codec, rate_hz, quality)
        for rgb in frames:
            container.mux(picture.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(picture.encode())
        if sound is not None and samples is not None:
            _encode_sound(container, sound, samples, rate_hz)


def write_audio(path: Path, samples: np.ndarray, rate_hz: int, quality: Quality) -> None:
    """A ``.wav`` (16 bit) or ``.mp3`` of mono samples in [-1, 1], float32 of shape (N,).

    Raises:
        MediaError: PyAV could not encode or write.
    """
    kind = path.suffix.lstrip(".")
    codec = {"wav": "pcm_s16le", "mp3": "libmp3lame"}[kind]
    with _into(path, kind) as container:
        _encode_sound(container, _sound_stream(container, codec, rate_hz, quality), samples, rate_hz)


def write_image(path: Path, rgb: np.ndarray, quality: Quality) -> None:
    """A JPEG of a red-green-blue picture, uint8 of shape (H, W, 3).

    Raises:
        MediaError: It could not be written.
    """
    from PIL import Image

    try:
        with paths.atomic(path) as part:
            Image.fromarray(rgb).save(part, format="JPEG", quality=quality.jpeg)
    except OSError as error:
        raise _unwritable(path, error) from error


def _sound_stream(
    container: av.container.OutputContainer, codec: str, rate_hz: int, quality: Quality
) -> av.AudioStream:
    stream = container.add_stream(codec, rate=rate_hz)
    stream.layout = "mono"
    if not codec.startswith("pcm"):
        stream.bit_rate = quality.sound_bit_rate
    stream.codec_context.thread_count = 1
    return stream


def _encode_sound(
    container: av.container.OutputContainer, stream: av.AudioStream, samples: np.ndarray, rate_hz: int
) -> None:
    whole = np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(whole[None], format="s16", layout="mono")
    frame.sample_rate = rate_hz
    frame.pts = 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode())


@contextlib.contextmanager
def _into(path: Path, kind: str) -> Iterator[av.container.OutputContainer]:
    try:
        with (
            paths.atomic(path) as part,
            av.open(str(part), "w", format=kind, options={"fflags": "+bitexact"}) as container,
        ):
            yield container
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: Exception) -> MediaError:
    return MediaError(f"could not be written ({error}).", code="media_unwritable", path=path)
