"""Small real media files, and datasets in their owners' layouts, all made on the spot."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

RATE = 16_000
CODECS = {".wav": "pcm_s16le", ".flac": "flac", ".mp3": "libmp3lame", ".ogg": "libopus", ".m4a": "aac", ".mp4": "aac"}


def voice(seed: int, seconds: float = 1.5) -> np.ndarray:
    """Something like speech: syllables of a gliding harmonic tone, different for each seed; float32 mono, 16 kHz."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    knots = np.linspace(0, seconds, 12)
    pitch = np.interp(t, knots, rng.uniform(100, 260, 12))
    level = np.clip(np.interp(t, knots, rng.uniform(-0.4, 1.0, 12)), 0, 1)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    formant = np.interp(t, knots, rng.uniform(2, 10, 12))
    sound = sum(np.exp(-(((k - formant) / 2) ** 2)) * np.sin(k * phase) for k in range(1, 14))
    sound = sound * level
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def scene(seed: int, side: int = 96) -> np.ndarray:
    """A picture with detail of every size, as photographs have, uint8 ``(side, side, 3)``."""
    rng = np.random.default_rng(seed)
    layers = [(cells, rng.uniform(-1, 1, (cells, cells, 3)).astype(np.float32)) for cells in (4, 8, 16, 32)]
    size = (side, side, 3)
    sums = sum((_enlarged(layer, side) * 4 / cells for cells, layer in layers), np.zeros(size, np.float32))
    return np.clip(128 + 110 * sums, 0, 255).astype(np.uint8)


def _enlarged(layer: np.ndarray, side: int) -> np.ndarray:
    channels = [Image.fromarray(layer[..., k]).resize((side, side), Image.Resampling.BICUBIC) for k in range(3)]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def _add_sound(box, stream, samples: np.ndarray, rate: int) -> None:
    frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), "fltp", "mono")
    frame.sample_rate, frame.pts = RATE, 0
    resampler = av.AudioResampler(stream.format.name, "mono", rate)
    for ready in [*resampler.resample(frame), *resampler.resample(None)]:
        box.mux(stream.encode(ready))
    box.mux(stream.encode(None))


class Files:
    """Writes media files into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def sound(self, name: str, samples: np.ndarray, rate: int = RATE, bit_rate: int | None = None) -> Path:
        path = self._path(name)
        with av.open(str(path), "w") as box:
            stream = box.add_stream(CODECS[path.suffix], rate=rate, layout="mono")
            if bit_rate:
                stream.bit_rate = bit_rate
            _add_sound(box, stream, samples, rate)
        return path

    def image(self, name: str, rgb: np.ndarray, **options) -> Path:
        path = self._path(name)
        Image.fromarray(rgb).save(path, **options)
        return path

    def film(self, name: str, seed: int, samples: np.ndarray | None = None, *, crf: int = 20, side: int = 96) -> Path:
        path = self._path(name)
        with av.open(str(path), "w") as box:
            picture = box.add_stream("libx264", rate=10)
            picture.width = picture.height = side
            picture.pix_fmt = "yuv420p"
            picture.options = {"preset": "ultrafast", "crf": str(crf)}
            track = None if samples is None else box.add_stream("aac", rate=RATE, layout="mono")
            for i in range(12):
                rgb = np.roll(scene(seed, side), (i * side // 24, 0), axis=(0, 1))
                box.mux(picture.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24")))
            box.mux(picture.encode(None))
            if track is not None and samples is not None:
                _add_sound(box, track, samples, RATE)
        return path

    def text(self, name: str, content: str | bytes) -> Path:
        path = self._path(name)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def jpeg() -> Callable[[int], bytes]:
    def make(seed: int) -> bytes:
        out = io.BytesIO()
        Image.fromarray(scene(seed, 48)).convert("L").save(out, "JPEG")
        return out.getvalue()

    return make


@pytest.fixture
def speak() -> Callable[..., np.ndarray]:
    return voice


@pytest.fixture
def paint() -> Callable[..., np.ndarray]:
    return scene
