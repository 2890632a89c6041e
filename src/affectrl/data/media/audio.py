"""Sound out of any file: 16 kHz mono float32, decoded as a stream so that only the result is held in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
import numpy as np

from affectrl.data.clip import Media
from affectrl.data.media.ahead import decoding
from affectrl.data.media.source import (
    Reader,
    beyond,
    check_window,
    corrupt,
    decodable,
    empty,
    opened,
    opened_bytes,
    sound_of,
)
from affectrl.errors import MediaError, Note

SAMPLE_RATE = 16_000
"""Samples a second of every waveform."""

SILENCE_PEAK = 1e-3
"""Sound whose largest sample stays below this (-60 dB of full scale) is reported as silent."""

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
"""Sampling rates in Hz outside of which a header is not believed: converting from them costs without bound."""

CHUNK = SAMPLE_RATE
"""Samples that the resampler hands out at a time."""

RUN_UP_S = 0.1
"""How much earlier than a window decoding begins, so that codec and resampler have settled when it opens."""


@dataclass(frozen=True, slots=True)
class Waveform:
    """Mono sound at :data:`SAMPLE_RATE`."""

    samples: np.ndarray
    """float32 ``(N,)`` in [-1, 1], N > 0."""
    notes: tuple[Note, ...] = ()
    """``audio_cut``, ``silent_audio``, ``truncated``, ``audio_gaps``, ``damaged``, ``window_cut``."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE


class _Tape:
    """A float32 buffer that grows in place: two hours of sound are never held twice."""

    def __init__(self, room: int) -> None:
        self._buffer = np.empty(max(room, SAMPLE_RATE), np.float32)
        self.length = 0

    def add(self, samples: np.ndarray) -> None:
        end = self.length + len(samples)
        if end > len(self._buffer):
            self._buffer.resize(max(end, len(self._buffer) * 5 // 4), refcheck=False)
        self._buffer[self.length : end] = samples
        self.length = end

    def cut(self) -> np.ndarray:
        self._buffer.resize(self.length, refcheck=False)
        return self._buffer


class ToMono:
    """Turns decoded frames of any rate, format and layout, even changing ones, into mono chunks."""

    def __init__(self) -> None:
        self._shape: tuple[Any, ...] | None = None
        self._resampler: Any = None

    def __call__(self, frame: Any | None) -> Iterator[np.ndarray]:
        """Chunks ``(N,)`` of one more frame; of what is held back, at the end (``None``)."""
        shape = None if frame is None else (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape and self._resampler is not None:
            yield from self._mono(None)
        if frame is None:
            return
        if shape != self._shape:
            # FFmpeg mixes float channels down without a ceiling unless told to: equal channels would grow by 3 dB.
            # Channels that nobody named it cannot mix at all; those are averaged below.
            options = {"rematrix_maxval": "1.0"}
            layout = frame.layout if frame.layout.name.endswith("channels") else "mono"
            self._resampler = av.AudioResampler("fltp", layout, SAMPLE_RATE, CHUNK, options)
            self._shape = shape
        # The sound is placed by counting samples; broken time stamps must not make the resampler pad or drop.
        frame.pts = None
        yield from self._mono(frame)

    def _mono(self, frame: Any | None) -> Iterator[np.ndarray]:
        for out in self._resampler.resample(frame):
            yield out.to_ndarray().mean(axis=0)


@decoding
def read_audio(
    source: Media,
    *,
    start: float | None = None,
    end: float | None = None,
    max_seconds: float | None = None,
) -> Waveform:
    """Read a file's sound, or the sound track of a video, as 16 kHz mono.

    Args:
        source: A file or bytes in any format that FFmpeg decodes.
        start: Where to begin, in seconds from the start of the file.
        end: Where to stop.
        max_seconds: Longest sound to return; what is beyond is left out and noted (``audio_cut``).

    Raises:
        MediaError: ``media_missing``, ``media_directory``, ``media_unreadable``, ``media_empty`` (no bytes or no
            samples), ``media_corrupt``, ``media_codec``, ``media_no_audio``, ``media_window``.
    """
    with opened(source) as container:
        stream = sound_of(container)
        if stream is None:
            hint = "Give a file with sound, or for a video, set use_video_audio to false."
            raise MediaError("has no sound track.", code="media_no_audio", path=str(source), hint=hint)
        reader = Reader(container, decodable(stream, source))
        length = reader.declared_s
        notes = check_window(source, start, end, length)
        if container.format.name == "wav" and length is not None:
            reader.declared_s = length / _share_of_wav(source)
        wanted = None if end is None else end - (start or 0.0)
        if max_seconds is not None and (wanted is None or max_seconds < wanted):
            wanted = max_seconds
        samples = _collect(reader, start or 0.0, wanted)
        more = _is_more(reader, start or 0.0, end, len(samples))
    if not len(samples):
        raise _nothing(source, start, reader)
    if more and max_seconds is not None:
        notes += (Note("audio_cut", f"only the first {max_seconds:g} seconds of the sound are used."),)
    return Waveform(samples, (*notes, *reader.notes(), *_silence(samples)))


def _share_of_wav(source: Media) -> float:
    """How much of the bytes that a WAV header promises are there, 0 to 1; FFmpeg does not mind when some are not."""
    with opened_bytes(source) as handle:
        promised = int.from_bytes(handle.read(8)[4:], "little") + 8
        there = handle.seek(0, 2)
    # Recorders that write to a pipe put a huge number there.
    return 1.0 if promised >= 0x7FFF_0000 else min(1.0, (there + 1) / promised)


def _collect(reader: Reader, start: float, wanted: float | None) -> np.ndarray:
    limit = None if wanted is None else round(wanted * SAMPLE_RATE)
    expected = min((x for x in (wanted, reader.declared_s) if x is not None), default=60.0)
    tape = _Tape(round(min(max(expected, 0.0), 7200.0) * SAMPLE_RATE))
    for chunk in _from(reader, start):
        # Float files may hold anything, even NaN.
        sound = np.nan_to_num(chunk, nan=0.0, posinf=1.0, neginf=-1.0).clip(-1.0, 1.0)
        tape.add(sound if limit is None else sound[: limit - tape.length])
        if limit is not None and tape.length >= limit:
            break
    return tape.cut()


def _from(reader: Reader, start: float) -> Iterator[np.ndarray]:
    """Mono chunks from ``start`` on."""
    if start > RUN_UP_S:
        reader.seek(start - RUN_UP_S)
    to_mono, skip = ToMono(), None
    for frame in reader.frames():
        if not LOWEST_RATE <= frame.sample_rate <= HIGHEST_RATE:
            reader.damaged += 1
            continue
        begins = None if frame.pts is None else reader.time_of(frame.pts, frame.time_base)
        if skip is None:
            if begins is not None and begins + frame.samples / frame.sample_rate < start - RUN_UP_S:
                continue
            skip = max(0, round((start - (begins or 0.0)) * SAMPLE_RATE)) if start > 0 else 0
        for chunk in to_mono(frame):
            yield chunk[skip:]
            skip = max(0, skip - len(chunk))
    for chunk in to_mono(None):
        yield chunk[skip or 0 :]
        skip = max(0, (skip or 0) - len(chunk))


def _is_more(reader: Reader, start: float, end: float | None, got: int) -> bool:
    """Whether sound that was asked for lies beyond what was read."""
    length = reader.declared_s
    until = min((x for x in (end, length) if x is not None), default=None)
    return not reader.ended and (until is None or until - start - got / SAMPLE_RATE > 0.05)


def _nothing(source: Media, start: float | None, reader: Reader) -> MediaError:
    if reader.damaged:
        return corrupt(source, "no sound in it can be decoded")
    if start:
        return beyond(source, f"has no sound after {start:g} s")
    return empty(source, "holds a header but no samples")


def _silence(samples: np.ndarray) -> tuple[Note, ...]:
    if max(samples.max(), -samples.min()) >= SILENCE_PEAK:
        return ()
    return (Note("silent_audio", "the sound is silent: it never rises above -60 dB of full scale."),)
