"""A microphone or a webcam as a row of short recordings, through FFmpeg's own devices (PyAV).

A thread reads the device all the while, so that nothing is lost while a recording is being looked at. Nothing is
written to disk.
"""

from __future__ import annotations

import io
import queue
import sys
import threading
import time
import wave
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np

from affectrl.data.clip import Blob
from affectrl.data.media.audio import SAMPLE_RATE, ToMono
from affectrl.data.media.frames import fitted
from affectrl.errors import MediaError, UsageError

Sense = Literal["microphone", "webcam"]
FORMATS = ("alsa", "pulse", "oss", "v4l2", "avfoundation", "dshow", "lavfi")
"""FFmpeg's names of what may be opened as a device; ``lavfi`` makes test tones and pictures."""
MOST_WAITING = 64
"""Recordings that may wait; beyond, a device has to, and what it drops meanwhile is lost."""
MAX_SIDE, FPS = 640, 25
"""Of recorded pictures: longest side in pixels, and most frames a second."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where sound or pictures come from."""

    form: str
    """One of :data:`FORMATS`."""
    name: str
    """As FFmpeg calls it."""

    def __str__(self) -> str:
        return f"{self.form}:{self.name}"


@dataclass(slots=True)
class Take:
    """One window of a recording."""

    start: float
    """In seconds from the beginning of the recording."""
    end: float
    media: dict[Sense, Blob] = field(default_factory=dict)
    """A WAV file, a Matroska file, or both."""


def device_of(sense: Sense, named: str | None = None) -> Device:
    """The device that was named (``FORMAT:NAME``), or the usual one of this system.

    Raises:
        MediaError: ``device_missing``: there is none that we can find.
        UsageError: ``usage``: the name has no format that we know.
    """
    if named is not None:
        form, colon, name = named.partition(":")
        if form not in FORMATS or not colon or not name:
            raise UsageError(f"{named!r} is no device; write FORMAT:NAME, with a format of {', '.join(FORMATS)}.")
        return Device(form, name)
    if sys.platform == "darwin":
        return Device("avfoundation", ":default" if sense == "microphone" else "default:none")
    if sys.platform == "linux" and sense == "webcam" and (found := sorted(Path("/dev").glob("video[0-9]*"))):
        return Device("v4l2", str(found[0]))
    if sys.platform == "linux" and sense == "microphone":
        if "pulse" in av.formats_available:
            return Device("pulse", "default")
        if Path("/dev/snd").is_dir():
            return Device("alsa", "default")
    raise _missing(sense, "this machine shows none")


def record(devices: dict[Sense, Device], seconds: float, window: float | None = None) -> Generator[Take]:
    """Recordings as they are complete.

    Args:
        devices: One or two.
        seconds: How long in all; infinite records until the caller stops.
        window: Length of each recording; ``None`` makes one of ``seconds``. A rest of less than half is left out.

    Raises:
        MediaError: ``device_missing``: a device cannot be opened, or gives nothing of its kind.
    """
    length = seconds if window is None else min(window, seconds)
    stop = threading.Event()
    readers: dict[Sense, _Reader] = {}
    try:
        for sense, device in devices.items():
            readers[sense] = _Reader(sense, device, seconds, length, stop)
        number = 0
        while True:
            blobs = {sense: reader.next() for sense, reader in readers.items()}
            there: dict[Sense, Blob] = {sense: blob for sense, blob in blobs.items() if blob is not None}
            if len(there) < len(blobs):
                return
            start = number * length
            yield Take(start, min(start + length, seconds), there)
            number += 1
    finally:
        stop.set()
        for reader in readers.values():
            reader.thread.join(timeout=5)


class _Reader:
    """One device, read by a thread of its own."""

    def __init__(self, sense: Sense, device: Device, seconds: float, length: float, stop: threading.Event) -> None:
        self.sense, self.device = sense, device
        self._seconds, self._length, self._stop = seconds, length, stop
        self._done: queue.Queue[Blob | MediaError | None] = queue.Queue(MOST_WAITING)
        self._box = _open(sense, device)
        work = self._hear if sense == "microphone" else self._see
        self.thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self.thread.start()

    def next(self) -> Blob | None:
        """The next recording, or ``None`` after the last."""
        found = self._done.get()
        if isinstance(found, MediaError):
            raise found
        return found

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
            self._give(None)
        except (av.FFmpegError, OSError, ValueError) as error:
            self._give(_missing(self.sense, str(error), self.device))
        finally:
            self._box.close()

    def _give(self, found: Blob | MediaError | None) -> None:
        while not self._stop.is_set():
            with suppress(queue.Full):
                self._done.put(found, timeout=0.2)
                return

    def _hear(self) -> None:
        wanted = round(self._length * SAMPLE_RATE)
        left = self._seconds * SAMPLE_RATE
        to_mono, held = ToMono(), np.zeros(0, np.float32)
        for frame in self._box.decode(self._box.streams.audio[0]):
            held = np.concatenate([held, *to_mono(frame)])
            while len(held) >= wanted and left >= wanted / 2:
                self._give(Blob(wav(held[:wanted]), self.sense))
                held, left = held[wanted:], left - wanted
            if self._stop.is_set() or left < wanted / 2:
                return
        if len(held) >= wanted / 2 and left >= wanted / 2:  # the device ended
            self._give(Blob(wav(held), self.sense))

    def _see(self) -> None:
        film, begun, first = _Film(), time.monotonic(), None
        number = 0
        for frame in self._box.decode(self._box.streams.video[0]):
            at = time.monotonic() - begun if frame.time is None else float(frame.time)
            first = at if first is None else first
            while at - first >= (number + 1) * self._length:
                self._give(Blob(film.close(), self.sense))
                film, number = _Film(), number + 1
                if self._stop.is_set() or (number + 0.5) * self._length > self._seconds:
                    return
            film.add(frame, at - first - number * self._length)
        if film.frames:
            self._give(Blob(film.close(), self.sense))


class _Film:
    """Frames as a Matroska file in memory."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self._box = av.open(self._bytes, "w", format="matroska")
        self._stream: Any = None
        self._last = -1
        self.frames = 0

    def add(self, frame: Any, at: float) -> None:
        tick = int(at * FPS)
        if tick <= self._last:
            return  # faster than we keep
        if self._stream is None:
            width, height = fitted(frame.width, frame.height, MAX_SIDE)
            self._stream = self._box.add_stream("libx264", rate=FPS)
            self._stream.width, self._stream.height = max(2, width // 2 * 2), max(2, height // 2 * 2)
            self._stream.pix_fmt = "yuv420p"
            self._stream.options = {"preset": "ultrafast", "crf": "20"}
        small = frame.reformat(self._stream.width, self._stream.height, "yuv420p")
        small.pts, small.time_base = tick, Fraction(1, FPS)
        self._box.mux(self._stream.encode(small))
        self._last = tick
        self.frames += 1

    def close(self) -> bytes:
        if self._stream is not None:
            self._box.mux(self._stream.encode(None))
        self._box.close()
        return self._bytes.getvalue()


def _open(sense: Sense, device: Device) -> Any:
    try:
        box = av.open(device.name, format=device.form)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _missing(sense, str(error), device) from error
    if not (box.streams.audio if sense == "microphone" else box.streams.video):
        box.close()
        raise _missing(sense, "it gives nothing of the kind", device)
    return box


def _missing(sense: Sense, why: str, device: Device | None = None) -> MediaError:
    named = "" if device is None else f" at {device}"
    hint = f"Name one, such as --{sense} 10@{'alsa:hw:1' if sense == 'microphone' else 'v4l2:/dev/video1'}, or a file."
    return MediaError(f"no {sense} can be used{named}: {why}.", code="device_missing", hint=hint)


def wav(samples: np.ndarray) -> bytes:
    """Samples ``(N,)`` in [-1, 1] at 16 kHz as a WAV file of 16 bits."""
    data = io.BytesIO()
    with wave.open(data, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes((samples.clip(-1, 1) * 32767).round().astype("<i2").tobytes())
    return data.getvalue()
