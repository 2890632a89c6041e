"""Opening media: the checks every file goes through, and the one loop that pulls frames out of a container.

FFmpeg (through PyAV) sees bytes only: files are opened by us and handed over, and the demuxers are limited to formats
that hold their own data. A playlist that points elsewhere is therefore refused instead of followed, and a file name
with ``:`` or ``%`` in it means nothing special.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av

from affectrl.data.clip import Media
from affectrl.data.content import file_status, unreadable
from affectrl.errors import MediaError, Note

DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,gif,"
    "wav,w64,flac,mp3,aac,aiff,au,caf,amr,ac3,eac3"
)
"""FFmpeg demuxers that may be used: self-contained files only."""

# What FFmpeg has to say of a damaged file reaches people as an error or a note of ours, not as chatter on stderr.
av.logging.set_level(None)

ATTACHED = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
GAP_S = 0.05
"""Shortest hole between two packets of sound that counts, in seconds."""

TIME_UNITS = 1_000_000
"""FFmpeg's own clock for whole containers, in ticks a second."""


@contextmanager
def opened_bytes(source: Media) -> Iterator[BinaryIO]:
    """The bytes of a source, open for reading and known to be there.

    Raises:
        MediaError: ``media_missing``, ``media_directory``, ``media_empty`` or ``media_unreadable``.
    """
    if not isinstance(source, Path):
        data = source.data
        if not data:
            raise empty(source)
        yield io.BytesIO(data)
        return
    if file_status(source).st_size == 0:
        raise empty(source)
    try:
        handle = source.open("rb")
    except OSError as error:
        raise unreadable(source, error) from error
    with handle:
        yield handle


def empty(source: Media, why: str = "is empty (0 bytes)") -> MediaError:
    """The ``media_empty`` error for ``source``."""
    return MediaError(f"{why}.", code="media_empty", path=str(source), hint="Copy or export it again.")


def corrupt(source: Media, why: str) -> MediaError:
    """The ``media_corrupt`` error for ``source``."""
    hint = "Check that it was copied whole and plays elsewhere."
    return MediaError(f"{why}.", code="media_corrupt", path=str(source), hint=hint)


@contextmanager
def opened(source: Media) -> Iterator[Any]:
    """An ``av`` input container; whatever FFmpeg objects to inside the ``with`` block becomes a ``MediaError``.

    Raises:
        MediaError: Those of :func:`opened_bytes`, and ``media_corrupt``.
    """
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none"}
    with opened_bytes(source) as handle:
        try:
            with av.open(handle, "r", container_options=options, metadata_errors="replace", buffer_size=1 << 16) as box:
                yield box
        except av.FFmpegError as error:
            raise corrupt(source, "cannot be decoded: it is not audio or video, or it is damaged") from error


def sound_of(container: Any) -> Any | None:
    """The container's first audio stream, or ``None``."""
    return next(iter(container.streams.audio), None)


def picture_of(container: Any) -> Any | None:
    """The container's first moving video stream, or ``None``; cover art and thumbnails are not video."""
    return next((s for s in container.streams.video if not s.disposition & ATTACHED), None)


def decodable(stream: Any, source: Media) -> Any:
    """``stream`` itself, if a decoder for it is built in.

    Raises:
        MediaError: ``media_codec``; ``media_corrupt`` when FFmpeg went by the suffix and found nothing inside.
    """
    if stream.codec_context is None:
        raise MediaError(
            f"its {stream.type} uses a codec that cannot be decoded here.",
            code="media_codec",
            path=str(source),
            hint="Convert it, for example to H.264 and AAC.",
        )
    if stream.type == "audio" and not stream.codec_context.sample_rate:
        raise corrupt(source, "no sound in it can be decoded")
    return stream


class Reader:
    """Decodes one stream of an open container, forgives damage, and keeps account of it.

    Times are seconds from the start of the file, whatever clock the container uses.
    """

    def __init__(self, container: Any, stream: Any) -> None:
        self.stream = stream
        self.damaged = 0
        """Packets or frames that could not be decoded properly."""
        self.reached_s = 0.0
        """End of the last packet seen, over the streams that are looked at."""
        self.gaps_s = 0.0
        """Time that the stream's packets leave out between each other; only told of sound, where it should be none."""
        self.ended = False
        """Whether the end of the file was ever met."""
        self._container = container
        # Notes are asked for after the file is closed, when FFmpeg's own objects must not be touched any more.
        self._is_sound = stream.type == "audio"
        self._origin = (container.start_time or 0) / TIME_UNITS
        # A stream that knows its own length needs no look at its neighbours, so their bytes need not even be read.
        self._alone = stream.duration is not None
        for other in container.streams:
            if self._alone and other is not stream:
                other.discard = av.stream.Discard.all
        self.declared_s = self._declared()
        """Length that the file claims for the stream, else for itself, in seconds; ``None`` if it claims none."""

    def _declared(self) -> float | None:
        if self._alone:
            begin = self.stream.start_time or 0
            return self.time_of(begin + self.stream.duration)
        return None if self._container.duration is None else self._container.duration / TIME_UNITS

    def ticks(self, seconds: float) -> int:
        """A time of ours on the stream's own clock."""
        return int((seconds + self._origin) / self.stream.time_base)

    def time_of(self, ticks: int, base: Fraction | None = None) -> float:
        """A time stamp on the stream's own clock as a time of ours."""
        return float(ticks * (base or self.stream.time_base)) - self._origin

    def seek(self, seconds: float) -> None:
        """Go to the key frame at or before a time; :meth:`frames` must be called anew."""
        self._container.seek(self.ticks(max(seconds, 0.0)), stream=self.stream, backward=True)

    def packets(self) -> Iterator[Any]:
        """Packets of the stream from here to the end of the file; a file that breaks off just ends."""
        streams = [self.stream] if self._alone else list(self._container.streams)
        supply = self._container.demux(streams)
        last_end: float | None = None
        while True:
            try:
                packet = next(supply, None)
            except av.FFmpegError:
                self.damaged += 1
                packet = None
            if packet is None:
                self.ended = True
                return
            if packet.pts is not None:
                end = self.time_of(packet.pts + (packet.duration or 0), packet.time_base)
                self.reached_s = max(self.reached_s, end)
                if packet.stream is self.stream and packet.duration:
                    gap = 0.0 if last_end is None else self.time_of(packet.pts, packet.time_base) - last_end
                    self.gaps_s += gap if gap > GAP_S else 0.0
                    last_end = end
            if packet.stream is self.stream:
                yield packet

    def frames(self) -> Iterator[Any]:
        """Decoded frames from here on; what cannot be decoded is skipped and counted."""
        for packet in self.packets():
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self.damaged += 1
                continue
            for frame in frames:
                self.damaged += bool(frame.is_corrupt)
                yield frame

    def notes(self) -> tuple[Note, ...]:
        """What has to be said about the file after it was read."""
        declared = self.declared_s
        if self.ended and declared is not None and declared - self.reached_s > max(0.15, 0.02 * declared):
            message = f"only {self.reached_s:.1f} of {declared:.1f} seconds can be read; the rest is missing."
            return (Note("truncated", message),)
        if self.gaps_s and self._is_sound:
            message = f"the sound leaves out {self.gaps_s:.1f} seconds in all; what comes after a gap moves up."
            return (Note("audio_gaps", message),)
        if self.damaged:
            return (Note("damaged", f"parts of the file ({self.damaged}) could not be decoded and were passed over."),)
        return ()


def check_window(source: Media, start: float | None, end: float | None, length: float | None) -> tuple[Note, ...]:
    """Whether a window of time, in seconds, lies within a file of a given length.

    Returns:
        A ``window_cut`` note when it reaches beyond the end by more than a quarter of a second.

    Raises:
        MediaError: ``media_window`` when it is empty or begins after the end.
    """
    begin = start or 0.0
    if begin < 0 or (end is not None and end <= begin):
        raise _window(source, start, end, "holds no time")
    if length is not None and begin > 0 and begin >= length:
        raise _window(source, start, end, f"begins after the end of the file ({length:.2f} s)")
    if length is not None and end is not None and end > length + 0.25:
        return (Note("window_cut", f"the window ends at {end:g} s, but the file at {length:.2f} s."),)
    return ()


def _window(source: Media, start: float | None, end: float | None, why: str) -> MediaError:
    span = f"{start or 0:g} s to {'the end' if end is None else f'{end:g} s'}"
    return beyond(source, f"the window from {span} {why}")


def beyond(source: Media, why: str) -> MediaError:
    """The ``media_window`` error for ``source``."""
    hint = "Mend `start` and `end`, which count from the start of the file."
    return MediaError(f"{why}.", code="media_window", path=str(source), hint=hint)
