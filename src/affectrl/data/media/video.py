"""Pictures out of a video: the frames on screen at evenly spaced times, upright, small, with their real time stamps.

Only two decoded frames are held at a time. Where the file has a key frame between here and the next wanted time, the
reader jumps to it; otherwise it decodes on, so short videos are read straight through and long ones by leaps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from av.video.reformatter import Interpolation
from PIL import Image

from affectrl.data.clip import Media
from affectrl.data.media.ahead import decoding
from affectrl.data.media.frames import Frames, check_side, fitted
from affectrl.data.media.source import Reader, beyond, check_window, corrupt, decodable, empty, opened, picture_of
from affectrl.errors import MediaError, Note, UsageError

MAX_PIXELS = 64_000_000
"""Largest frame that is decoded, in pixels; 8K has 33 million."""

LEAP_S = 10.0
"""A gap beyond which a jump is tried although the file's index does not tell where its key frames are."""


@decoding
def read_frames(
    source: Media,
    *,
    count: int,
    start: float | None = None,
    end: float | None = None,
    max_side: int = 640,
) -> Frames:
    """Sample a video evenly over time.

    The window is cut into ``count`` equal spans, and the frame on screen in the middle of each is taken once. A video
    with fewer frames, or one that holds a frame for long, gives fewer, with the note ``few_frames``.

    Args:
        source: A file or bytes in any format that FFmpeg decodes.
        count: How many frames to take, at least 1.
        start: Where the window begins, in seconds from the start of the file.
        end: Where it ends.
        max_side: Longest side of the frames in pixels; smaller videos are not enlarged.

    Raises:
        UsageError: ``count`` or ``max_side`` is too small.
        MediaError: ``media_missing``, ``media_directory``, ``media_unreadable``, ``media_empty``, ``media_corrupt``,
            ``media_codec``, ``media_no_video``, ``media_window``, ``media_too_large``.
    """
    if count < 1:
        raise UsageError(f"count must be at least 1 frame, not {count}.")
    check_side(max_side)
    with opened(source) as container:
        stream = picture_of(container)
        if stream is None:
            hint = "Give it as audio."
            raise MediaError("has no video in it, only sound.", code="media_no_video", path=str(source), hint=hint)
        reel = _Reel(container, _sized(decodable(stream, source), source), max_side)
        length = reel.length()
        notes = check_window(source, start, end, length)
        until = min(x for x in (end, length) if x is not None)
        times, pictures = _sample(reel, start or 0.0, until, count)
    if not pictures:
        raise _nothing(source, start, reel)
    notes += reel.reader.notes()
    if len(pictures) < count:
        few = f"{len(pictures)} different frames were on screen at the {count} sampled times."
        notes += (Note("few_frames", few),)
    return Frames(np.stack(pictures), np.asarray(times, np.float64), notes)


def _sized(stream: Any, source: Media) -> Any:
    if stream.width * stream.height > MAX_PIXELS:
        raise MediaError(
            f"its frames of {stream.width} x {stream.height} pixels are too large to decode safely.",
            code="media_too_large",
            path=str(source),
            hint="Scale it down first.",
        )
    return stream


def _nothing(source: Media, start: float | None, reel: _Reel) -> MediaError:
    if start and not reel.reader.damaged:
        return beyond(source, f"has no frame after {start:g} s")
    if reel.reader.damaged or reel.reader.notes():
        return corrupt(source, "no frame in it can be decoded")
    return empty(source, "its video track holds no frames")


def _sample(reel: _Reel, start: float, end: float, count: int) -> tuple[list[float], list[np.ndarray]]:
    times: list[float] = []
    pictures: list[np.ndarray] = []
    for i in range(count):
        wanted = start + (end - start) * (i + 0.5) / count
        found = reel.at(wanted)
        if reel.end_s is not None and start < reel.end_s <= wanted - 1e-3:
            # The file promised more than it holds: spread over what there is.
            return _sample(reel, start, reel.end_s, count)
        if found is None or found[0] + reel.span(found[1]) < start:
            continue
        if not times or found[0] > times[-1]:
            times.append(found[0])
            pictures.append(reel.picture(found[1]))
    return times, pictures


class _Reel:
    """A video that can be asked for the frame on screen at a time."""

    def __init__(self, container: Any, stream: Any, max_side: int) -> None:
        # Frame threads hold a frame each; large frames make that dear.
        stream.thread_type = "AUTO" if stream.width * stream.height <= 2_100_000 else "SLICE"
        self.reader = Reader(container, stream)
        self.end_s: float | None = None
        """Where the last frame ends; known once it has been met."""
        self._max_side = max_side
        self._rate = float(stream.average_rate or stream.guessed_rate or 25)
        self._supply: Iterator[Any] = self.reader.frames()
        self._shown: tuple[float, Any] | None = None
        self._next: tuple[float, Any] | None = None
        self._leaps = True
        self._shape: tuple[int, ...] | None = None

    def length(self) -> float:
        """How long the video says it is, in seconds; read off its packets where it does not say."""
        declared = self.reader.declared_s
        if declared is not None and declared > 0:
            return declared
        for _ in self.reader.packets():
            pass
        self.reader.seek(0.0)
        self._supply = self.reader.frames()
        return max(self.reader.reached_s, 1 / self._rate)

    def at(self, seconds: float) -> tuple[float, Any] | None:
        """Time and frame that is on screen at ``seconds``; before the first frame, the first; after the last, it."""
        if self._is_leap_wise(seconds):
            self._leap(seconds)
        while self._next is None or self._next[0] <= seconds:
            if not self._advance():
                break
        return self._shown or self._next

    def _advance(self) -> bool:
        frame = next(self._supply, None)
        last = self._next or self._shown
        self._shown = last
        if frame is None:
            self._next = None
            self.end_s = max(self.end_s or 0.0, last[0] + self.span(last[1])) if last else self.end_s
            return False
        if frame.pts is None:
            time = last[0] + 1 / self._rate if last else 0.0
        else:
            time = self.reader.time_of(frame.pts, frame.time_base)
        self._next = (time, frame)
        return True

    def _is_leap_wise(self, seconds: float) -> bool:
        here = self._next or self._shown
        now = here[0] if here else 0.0
        if here and self._shown and seconds < self._shown[0]:
            return True
        index = self.reader.stream.index_entries
        mark = self.reader.ticks(seconds)
        found = index.search_timestamp(mark) if len(index) else -1
        if found >= 0 and self.reader.time_of(index[found].timestamp) > now + 1 / self._rate:
            return True
        knows = len(index) > 0 and index[-1].timestamp >= mark
        return self._leaps and not knows and seconds - now > LEAP_S

    def _leap(self, seconds: float) -> None:
        before = self._shown[0] if self._shown else -1.0
        # Indices speak of decoding times and some are rough, so a jump may land late: try again from further back.
        for run_up in (0.0, 1.0, 10.0, seconds):
            self.reader.seek(seconds - run_up)
            self._supply, self._shown, self._next = self.reader.frames(), None, None
            if self._advance() and self._next is not None and self._next[0] <= seconds:
                break
        if self._next is not None and self._next[0] <= before < seconds:
            self._leaps = False

    def span(self, frame: Any) -> float:
        """How long a frame is shown, in seconds, by its own account or the average."""
        return float(frame.duration * frame.time_base) if frame.duration else 1 / self._rate

    def picture(self, frame: Any) -> np.ndarray:
        """A frame as upright RGB ``(H, W, 3)``, scaled while it is converted."""
        aspect = self.reader.stream.sample_aspect_ratio
        shown_width = round(frame.width * float(aspect)) if aspect else frame.width
        width, height = fitted(shown_width, frame.height, self._max_side)
        small = frame.reformat(width, height, "rgb24", interpolation=Interpolation.AREA, threads=1)
        rgb = np.ascontiguousarray(_upright(small.to_ndarray(), frame))
        self._shape = self._shape or rgb.shape
        if rgb.shape != self._shape:
            # Streams may change their size on the way; the first frame's is kept.
            rgb = np.asarray(Image.fromarray(rgb).resize((self._shape[1], self._shape[0])))
        return rgb


def _upright(rgb: np.ndarray, frame: Any) -> np.ndarray:
    """Apply the display matrix: turned by quarters and mirrored, as phones store it."""
    side = next((s for s in frame.side_data if getattr(s, "type", s).name == "DISPLAYMATRIX"), None)
    if side is None:
        return rgb
    a, b, _, c, d, *_ = np.frombuffer(bytes(side), np.int32)[:5].tolist()
    swapped = abs(b) > abs(a)
    turned = rgb.swapaxes(0, 1) if swapped else rgb
    if (c if swapped else a) < 0:
        turned = turned[:, ::-1]
    if (b if swapped else d) < 0:
        turned = turned[::-1]
    return turned
