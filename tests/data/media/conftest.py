"""Real media files, made on the spot: tones whose pitch is known, frames whose number can be read off their pixels."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from small_films import repeat_film

AUDIO_CODEC = {
    ".wav": "pcm_s16le",
    ".flac": "flac",
    ".mp3": "libmp3lame",
    ".m4a": "aac",
    ".mp4": "aac",
    ".mkv": "aac",
    ".webm": "libopus",
    ".ts": "aac",
}
VIDEO_CODEC = {".mp4": "libx264", ".mkv": "libx264", ".webm": "libvpx", ".ts": "libx264", ".avi": "mpeg4"}
BITS = 8
"""Frames carry their number as this many black or white stripes."""


def numbered(number: int, width: int, height: int) -> np.ndarray:
    """A picture that says its own number: bit k is stripe k from the left, white for 1; the lowest fifth is red."""
    rgb = np.zeros((height, width, 3), np.uint8)
    for k in range(BITS):
        if number >> k & 1:
            rgb[:, k * width // BITS : (k + 1) * width // BITS] = 255
    rgb[height * 4 // 5 :] = (200, 0, 0)
    return rgb


def number_of(rgb: np.ndarray) -> int:
    height, width = rgb.shape[:2]
    row = rgb[height // 5 : height // 2].mean(axis=(0, 2))
    return sum(int(row[int((k + 0.5) * width / BITS)] > 127) << k for k in range(BITS))


def tone(seconds: float, rate: int, hz: float = 440.0, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def feed_sound(box, stream, samples: np.ndarray, rate: int, layout: str) -> None:
    channels = stream.layout.nb_channels
    planes = np.broadcast_to(samples, (channels, samples.shape[-1])) if samples.ndim == 1 else samples
    resampler = av.AudioResampler(stream.format.name, layout, rate)
    for at in range(0, planes.shape[1], 1 << 16):
        chunk = np.ascontiguousarray(planes[:, at : at + (1 << 16)], np.float32)
        frame = av.AudioFrame.from_ndarray(chunk, "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
        for ready in resampler.resample(frame):
            box.mux(stream.encode(ready))
    for ready in resampler.resample(None):
        box.mux(stream.encode(ready))
    box.mux(stream.encode(None))


class Maker:
    """Writes media files into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def sound(self, name: str, seconds: float = 1.0, *, rate: int = 48_000, layout: str = "mono", samples=None, **kw):
        path = self.folder / name
        samples = tone(seconds, rate) if samples is None else samples
        with av.open(str(path), "w") as box:
            stream = box.add_stream(kw.get("codec") or AUDIO_CODEC[path.suffix], rate=rate, layout=layout)
            stream.format = kw.get("fmt") or stream.format
            feed_sound(box, stream, samples, rate, layout)
        return path

    def video(
        self,
        name: str,
        *,
        frames: int = 50,
        fps: int = 25,
        size: tuple[int, int] = (128, 96),
        sound_s: float | None = None,
        ticks: Sequence[int] | None = None,
        turn: tuple[float, bool] | None = None,
        draw: Callable[[int, int, int], np.ndarray] = numbered,
        gop: int = 12,
        options: dict[str, str] | None = None,
        codec: str | None = None,
    ) -> Path:
        """``ticks``: presentation times in milliseconds; ``turn``: display rotation and horizontal mirroring."""
        path = self.folder / name
        with av.open(str(path), "w", options=options or {}) as box:
            stream = box.add_stream(codec or VIDEO_CODEC[path.suffix], rate=fps)
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            stream.codec_context.gop_size = gop
            stream.options = {"preset": "ultrafast"} if "264" in stream.codec_context.name else {}
            stream.codec_context.time_base = Fraction(1, 1000) if ticks else Fraction(1, fps)
            if turn:
                stream.set_display_rotation(turn[0], hflip=turn[1])
            track = box.add_stream(AUDIO_CODEC[path.suffix], rate=48_000, layout="mono") if sound_s else None
            for i in range(frames):
                frame = av.VideoFrame.from_ndarray(draw(i, *size), "rgb24")
                frame.pts, frame.time_base = (ticks[i] if ticks else i), stream.codec_context.time_base
                box.mux(stream.encode(frame))
            box.mux(stream.encode(None))
            if track:
                feed_sound(box, track, tone(sound_s, 48_000), 48_000, "mono")
        return path

    @staticmethod
    def number_of(rgb: np.ndarray) -> int:
        return number_of(rgb)

    def numbers(self, frames) -> list[int]:
        return [number_of(rgb) for rgb in frames.rgb]

    @staticmethod
    def tone(seconds: float, rate: int, hz: float = 440.0, level: float = 0.5) -> np.ndarray:
        return tone(seconds, rate, hz, level)

    def repeated(self, name: str, source: Path, times: int) -> Path:
        return repeat_film(self.folder / name, source, times)

    def album(self, name: str) -> Path:
        """Sound with cover art, which containers keep as a video stream of one picture."""
        path = self.folder / name
        cover = io.BytesIO()
        Image.fromarray(numbered(5, 64, 64)).save(cover, "JPEG" if path.suffix != ".flac" else "PNG")
        kind = "mp4" if path.suffix == ".m4a" else None  # PyAV thinks that m4a cannot hold pictures
        with av.open(str(path), "w", format=kind) as box, av.open(io.BytesIO(cover.getvalue())) as picture:
            stream = box.add_stream(AUDIO_CODEC[path.suffix], rate=44_100, layout="mono")
            art = box.add_stream_from_template(picture.streams.video[0])
            art.disposition = av.stream.Disposition.attached_pic
            for packet in picture.demux():
                if packet.dts is not None:
                    packet.stream, packet.pts, packet.dts = art, 0, 0
                    box.mux(packet)
            feed_sound(box, stream, tone(1.0, 44_100), 44_100, "mono")
        return path

    def raw(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


@pytest.fixture(scope="session")
def make_in() -> Callable[[Path], Maker]:
    """For fixtures that outlive a test."""
    return Maker
