"""What strangers send: kept in a private folder under names of ours, and looked into before anything is decoded.

A client's file name is never used: not for a path, not to tell what a file holds. Pillow and FFmpeg say that from its
first bytes; size, length and number of pixels are known, and refused if need be, before the first frame is unpacked.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from affectrl.answers.choice import check_labels
from affectrl.data.clip import Clip
from affectrl.data.media.image import displayed_size
from affectrl.data.media.source import TIME_UNITS, empty, opened, picture_of, sound_of
from affectrl.errors import MediaError, UsageError
from affectrl.inference.windows import windows
from affectrl.serving.limits import Limits
from affectrl.serving.problems import too_large

PIECE = 1 << 20


class Intake:
    """The folder of uploads, gone when it is closed.

    Args:
        limits: What is taken.
        parent: Where the folder is made; the system's place for temporary files by default.
    """

    def __init__(self, limits: Limits, parent: Path | None = None) -> None:
        self.limits = limits
        self._folder = tempfile.TemporaryDirectory(prefix="affectrl-serve-", dir=parent, ignore_cleanup_errors=True)
        self.path = Path(self._folder.name)  # mkdtemp makes it readable to its owner alone

    def close(self) -> None:
        """Remove the folder."""
        self._folder.cleanup()

    @contextmanager
    def kept(self, handle: BinaryIO, limit: int) -> Iterator[Path]:
        """A copy of an upload under a name of ours, deleted when the block ends.

        Raises:
            UsageError: ``upload_too_large``.
        """
        place = self.path / uuid4().hex
        try:
            with place.open("xb") as copy:
                while piece := handle.read(PIECE):
                    copy.write(piece)
                    if copy.tell() > limit:
                        raise too_large(limit)
            yield place
        finally:
            place.unlink(missing_ok=True)

    def clips(self, media: Path | None, text: str | None, window: float | None = None) -> list[Clip]:
        """The clip of a request, or the windows it is cut into.

        Raises:
            MediaError: The file is not media (``media_unknown_type``, ``media_corrupt``), or asks too much
                (``media_too_long``, ``media_too_large``); others of :func:`affectrl.data.media.source.opened`.
            UsageError: ``no_input``; ``text_too_long``; ``window_invalid``.
        """
        text = text.strip() if text else None
        if text and len(text) > self.limits.text_chars:
            raise UsageError(
                f"the text has {len(text)} characters, and {self.limits.text_chars} are taken.",
                code="text_too_long",
                hint="Send what was said in the clip, no more.",
            )
        if media is None:
            if not text:
                raise UsageError("nothing was sent.", code="no_input", hint="Send the fields media, text, or both.")
            return [Clip(id="text", text=text)]
        clip = look(media, self.limits).model_copy(update={"text": text})
        if window is None:
            return [clip]
        if not 0.2 <= window < math.inf:
            raise UsageError(
                "a window is at least 0.2 seconds long.", code="window_invalid", hint="Give for example 4."
            )
        parts = windows(clip, window)
        if len(parts) > self.limits.windows:
            raise UsageError(
                f"that makes {len(parts)} windows, and {self.limits.windows} are taken.",
                code="window_invalid",
                hint="Take longer ones.",
            )
        return parts


def choice(labels: str | None, limits: Limits) -> tuple[str, ...] | None:
    """A closed choice as it is typed, ``happy, sad, neutral``; ``None`` where nothing is.

    Raises:
        UsageError: ``labels_invalid``.
    """
    if not labels or not labels.strip():
        return None
    words = labels[: limits.text_chars + 1].split(",")
    if len(words) > limits.labels or len(labels) > limits.text_chars:
        raise UsageError(f"more than {limits.labels} labels were given.", code="labels_invalid", hint="Give fewer.")
    return check_labels(words)


def look(file: Path, limits: Limits) -> Clip:
    """A clip of a file that is safe to decode; it has an ``end`` where the file itself does not say how long it is.

    Raises:
        MediaError: As :meth:`Intake.clips`.
    """
    if file.stat().st_size == 0:
        raise empty(file)
    size = displayed_size(file)
    if size is not None:
        _check_pixels(file, *size, limits.image_pixels)
        return Clip(id="upload", image=file)
    try:
        return _recording(file, limits)
    except MediaError as error:
        if error.code != "media_corrupt":
            raise
        raise MediaError(
            "is no sound, film or image that can be read, or it is damaged.",
            code="media_unknown_type" if not _is_media(file) else "media_corrupt",
            path=file,
            hint="Send for example mp4, webm, wav, mp3, jpg or png, and check that it plays elsewhere.",
        ) from error


def _is_media(file: Path) -> bool:
    """Whether FFmpeg knows the container by its first bytes."""
    signs = (b"RIFF", b"OggS", b"fLaC", b"ID3", b"\x1aE\xdf\xa3", b"FLV", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"FORM")
    head = file.open("rb").read(12)
    return head.startswith(signs) or head[4:8] == b"ftyp"


def _recording(file: Path, limits: Limits) -> Clip:
    with opened(file) as container:
        picture, sound = picture_of(container), sound_of(container)
        if picture is None and sound is None:
            raise MediaError(
                "holds neither sound nor pictures.",
                code="media_unknown_type",
                path=file,
                hint="Send for example mp4, webm, wav, mp3, jpg or png.",
            )
        if picture is not None and picture.codec_context is not None:
            _check_pixels(file, picture.codec_context.width, picture.codec_context.height, limits.frame_pixels)
        declared = container.duration
        _check_length(file, (declared or 0) / TIME_UNITS, limits)
        # A header may claim anything, or nothing; to go through the packets costs no decoding.
        origin = (container.start_time or 0) / TIME_UNITS
        end = 0.0
        for count, packet in enumerate(container.demux(), start=1):
            if packet.pts is not None and packet.time_base is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base) - origin)
            if end > limits.seconds or count > limits.packets:
                _check_length(file, max(end, limits.seconds + 1), limits)
    if end <= 0:
        raise empty(file, "holds no sound and no pictures")
    until = end if declared is None else None
    return Clip.model_validate({"id": "upload", "end": until, "audio" if picture is None else "video": file})


def _check_pixels(file: Path, width: int, height: int, limit: int) -> None:
    if width * height > limit:
        raise MediaError(
            f"has pictures of {width} x {height} pixels, and {limit / 1e6:.0f} million pixels are taken.",
            code="media_too_large",
            path=file,
            hint="Scale it down first.",
        )


def _check_length(file: Path, seconds: float, limits: Limits) -> None:
    if seconds > limits.seconds:
        raise MediaError(
            f"is {seconds:.0f} seconds long, or has as many frames; {limits.seconds:.0f} seconds are taken.",
            code="media_too_long",
            path=file,
            hint="Cut it, or use `affectrl predict`.",
        )
