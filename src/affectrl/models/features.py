"""From a clip to features: decode, find the face, encode, remember. The last place that knows media."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from affectrl.data.clip import MODALITIES, Clip, Media
from affectrl.data.content import content_hash
from affectrl.errors import AffectError, MediaError, Note, RecipeError
from affectrl.models import parts
from affectrl.models.cache import FeatureCache
from affectrl.recipes.streams import STREAMS, FaceStream, FrameStream, MotionStream

if TYPE_CHECKING:
    from affectrl.data.media.video import Frames
    from affectrl.models.encoders import AudioEncoder, PictureEncoder, TextEncoder
    from affectrl.recipes.schema import ModelSpec
    from affectrl.recipes.streams import VoiceStream

Arrays = dict[str, np.ndarray]
View = FaceStream | FrameStream | MotionStream
VIEWS = ("face", "frame", "motion")
MEDIA_VERSION = "1"
"""Part of every cache key: raised when decoding or face finding changes what an encoder gets."""


@dataclass(frozen=True, slots=True)
class ClipFeatures:
    """What is left of a clip when media are behind us."""

    clip: Clip
    streams: dict[str, torch.Tensor]
    """Of ``voice``, ``face``, ``frame``, ``motion``: (T, D) float16; a stream that the clip lacks is not there."""
    text: str | None
    notes: tuple[Note, ...] = ()
    face: int | None = None
    """Which face, when the clip was split by faces; 0 is the leftmost."""
    layout: Mapping[str, Mapping[str, torch.Tensor]] = field(default_factory=dict)
    """Native models: what their processor says of each stream beside its rows, such as grids and placeholders."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """What the model really gets: of ``voice``, ``face``, ``frame``, ``motion``, ``words``, in that order."""
        return (*(name for name in STREAMS if name in self.streams), *(("words",) if self.text else ()))

    @property
    def used(self) -> tuple[str, ...]:
        """The same in the words of the clip schema: of ``video``, ``audio``, ``image``, ``text``, in that order."""
        picture = "video" if self.clip.video is not None else "image"
        names = {"voice": "audio", "words": "text"} | dict.fromkeys(VIEWS, picture)
        return tuple(m for m in MODALITIES if m in {names[stream] for stream in self.modalities})

    @property
    def id(self) -> str:
        """The clip's id, with ``#face0`` and so on when it was split."""
        return self.clip.id if self.face is None else f"{self.clip.id}#face{self.face}"


@dataclass(frozen=True, slots=True)
class Seen:
    """Pictures as an encoder gets them."""

    pictures: np.ndarray
    """uint8 ``(F, H, W, 3)``, RGB: frames, or crops of one face."""
    times_s: np.ndarray
    """float64 ``(F,)``: when each was shown, in seconds from the start of the file."""
    boxes: np.ndarray
    """float64 ``(F, 4)``: left, top, right, bottom within the frame, as shares of its sides; may reach beyond it."""
    notes: tuple[Note, ...] = ()


@dataclass(slots=True)
class FeatureExtractor:
    """Features of clips for one model, through the cache."""

    spec: ModelSpec
    cache: FeatureCache = field(default_factory=FeatureCache)
    _encoders: dict[str, AudioEncoder | PictureEncoder] = field(default_factory=dict)

    def extract(self, clip: Clip) -> list[ClipFeatures]:
        """Features of a clip: one entry, or one a face when the recipe says ``who: each``.

        Raises:
            MediaError: A file that the clip names cannot be read, or nothing is left to read.
        """
        streams, notes = self._voice(clip)
        heard = bool(streams)
        faces: list[torch.Tensor] = []
        for name in VIEWS:
            views, more = self._views(name, clip, has_voice=heard)
            notes += more
            if name == "face":
                faces = views
            elif views:
                streams[name] = views[0]
        text = clip.text if self.spec.words else None
        notes = tuple(dict.fromkeys(notes))
        if not (streams or faces or text):
            why = " ".join(note.message for note in notes) or "The model does not read what the clip holds."
            raise MediaError(f"nothing to read emotions from. {why}", code="nothing_to_read", path=clip.path)
        split = self.spec.face is not None and self.spec.face.who == "each" and len(faces) > 1
        return [
            ClipFeatures(
                clip, streams | ({"face": face} if face is not None else {}), text, notes, i if split else None
            )
            for i, face in enumerate(faces or [None])
        ]

    def prepare(self) -> None:
        """Build all encoders."""
        for stream in self.spec.streams:
            self.encoder(stream)

    @contextmanager
    def on(self, device: torch.device) -> Iterator[None]:
        """Have all encoders on a device for a while; on the CPU again, they leave its memory to what trains."""
        self.prepare()
        models = [
            model for encoder in self._encoders.values() if (model := getattr(encoder, "model", None)) is not None
        ]
        try:
            for model in models:
                model.to(device)
            yield
        finally:
            for model in models:
                model.to("cpu")

    def about(self) -> dict[str, object]:
        """What a run folder tells of it: each stream's encoder, and the width of its features."""
        encoders = {stream: self.encoder(stream) for stream in self.spec.streams}
        return {
            "encoders": {stream: encoder.key for stream, encoder in encoders.items()},
            "dimensions": {stream: encoder.dim for stream, encoder in encoders.items()},
        }

    def encoder(self, stream: str) -> AudioEncoder | PictureEncoder:
        """The stream's encoder, built when first needed; streams that ask for the same one share it.

        Raises:
            RecipeError: The stream's settings are none of its encoder's, or the encoder reads something else.
        """
        if stream not in self._encoders:
            spec = self.spec.streams[stream]
            for other, built in self._encoders.items():
                like = self.spec.streams.get(other)
                if like is not None and (like.encoder, like.settings) == (spec.encoder, spec.settings):
                    self._encoders[stream] = built
                    return built
            field = f"model.{stream}.settings"
            made = parts.build("affectrl.models.encoders", spec.encoder, field, spec.settings)
            reads, wanted = reads_of(made), "sound" if stream == "voice" else "pictures"
            if reads not in (None, wanted):
                raise RecipeError(f"model.{stream}.encoder: {spec.encoder!r} reads {reads}, and {stream} is {wanted}.")
            self._encoders[stream] = made
        return self._encoders[stream]

    def _voice(self, clip: Clip) -> tuple[dict[str, torch.Tensor], tuple[Note, ...]]:
        spec = self.spec.voice
        own_track = clip.audio is None and clip.video is not None and clip.use_video_audio
        source = clip.audio or (clip.video if own_track else None)
        if spec is None or source is None:
            return {}, ()
        key = f"{identity(source, clip)}|voice|{spec.max_seconds:g}s|{self.encoder('voice').key}"
        try:
            arrays, notes = self._remember(key, lambda: self._encode_voice(source, clip, spec))
        except MediaError as error:
            if own_track and error.code == "media_no_audio":
                return {}, (Note("video_without_sound", "The video has no sound track."),)
            raise
        return {name: torch.from_numpy(a) for name, a in arrays.items()}, notes

    def _encode_voice(self, source: Media, clip: Clip, spec: VoiceStream) -> tuple[Arrays, tuple[Note, ...]]:
        from affectrl.data.media.audio import read_audio

        waveform = read_audio(source, start=clip.start, end=clip.end, max_seconds=spec.max_seconds)
        if any(note.code == "silent_audio" for note in waveform.notes):
            return {}, waveform.notes
        feature = self.encoder("voice").encode(waveform)  # type: ignore[arg-type]
        return {"voice": feature.astype(np.float16)}, waveform.notes

    def _views(self, stream: str, clip: Clip, *, has_voice: bool) -> tuple[list[torch.Tensor], tuple[Note, ...]]:
        """One view of the pictures, or with ``who: each`` one a face."""
        spec: View | None = getattr(self.spec, stream)
        source = clip.video or clip.image
        if spec is None or source is None:
            return [], ()
        if isinstance(spec, MotionStream) and clip.video is None:
            return [], (Note("still_picture", "A still picture has no motion."),)
        key = f"{identity(source, clip)}|{stream}|{_how(spec)}|{self.encoder(stream).key}"
        try:
            arrays, notes = self._remember(key, lambda: self._encode_views(stream, clip))
        except MediaError as error:
            if has_voice and error.code == "media_no_video":
                return [], (Note("sound_only", "The file holds sound but no pictures."),)
            raise
        return [torch.from_numpy(arrays[name]) for name in sorted(arrays)], notes

    def _encode_views(self, stream: str, clip: Clip) -> tuple[Arrays, tuple[Note, ...]]:
        encoder: Any = self.encoder(stream)
        views = self.looked_at(stream, clip)
        arrays = {f"{stream}{i:02d}": encoder.encode(v.pictures).astype(np.float16) for i, v in enumerate(views)}
        return arrays, tuple(dict.fromkeys(note for view in views for note in view.notes))

    def looked_at(self, stream: str, clip: Clip) -> list[Seen]:
        """What the encoder of ``face``, ``frame`` or ``motion`` gets of a clip's pictures: one view, or one a face.

        Raises:
            MediaError: They cannot be read.
        """
        from affectrl.data.media.faces import find_faces, pick_frames

        spec: View = getattr(self.spec, stream)
        source = clip.video or clip.image
        assert source is not None
        frames = frames_of(source, clip, spec.frames)
        if isinstance(spec, FrameStream) or (isinstance(spec, MotionStream) and spec.of == "frame"):
            whole = np.tile([0.0, 0.0, 1.0, 1.0], (len(frames.rgb), 1))
            return [Seen(frames.rgb, frames.times_s, whole, frames.notes)]
        encoder: Any = self.encoder(stream)
        views = []
        for track in find_faces(frames, who=spec.who, size=encoder.crop):
            chosen = np.arange(len(track.crops))
            if isinstance(spec, FaceStream) and spec.pick == "peak":
                chosen = pick_frames(track, how="peak", count=spec.peak_frames)
            left, top, wide, high = track.boxes[chosen].T
            height, width = frames.rgb.shape[1:3]
            boxes = np.stack([left / width, top / height, (left + wide) / width, (top + high) / height], axis=1)
            views.append(Seen(track.crops[chosen], frames.times_s[chosen], boxes, (*frames.notes, *track.notes)))
        return views

    def _remember(
        self, key: str, compute: Callable[[], tuple[Arrays, tuple[Note, ...]]]
    ) -> tuple[Arrays, tuple[Note, ...]]:
        return self.cache.remember(key, compute)


def read_words(text: str, encoder: TextEncoder, cache: FeatureCache) -> torch.Tensor:
    """Features ``(T, D)`` of a clip's text, through the same cache; float32, since some models' states need it.

    Raises:
        MediaError: ``nothing_to_read``.
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    key = f"{digest}|words|{encoder.key}"
    arrays, _ = cache.remember(key, lambda: ({"words": encoder.encode(text)}, ()))
    return torch.from_numpy(arrays["words"])


def reads_of(encoder: object) -> str | None:
    """What an encoder reads, ``sound``, ``pictures`` or ``words``, by the name of its argument; else ``None``."""
    given = next(iter(inspect.signature(encoder.encode).parameters), "")  # type: ignore[attr-defined]
    return {"waveform": "sound", "pictures": "pictures", "text": "words"}.get(given)


class Reads(Protocol):
    """What turns clips into features."""

    def extract(self, clip: Clip) -> list[ClipFeatures]:
        """See :meth:`FeatureExtractor.extract`."""
        ...


def extract_all(
    extractor: Reads, clips: Iterable[Clip], on_error: Callable[[Clip, AffectError], None]
) -> Iterator[ClipFeatures]:
    """Features of many clips; one that cannot be read is reported to ``on_error`` and left out."""
    for clip in clips:
        try:
            yield from extractor.extract(clip)
        except AffectError as error:
            on_error(clip, error)


def without(features: ClipFeatures, modality: str) -> ClipFeatures:
    """The same clip with one of its ``modalities`` left out."""
    if modality == "words":
        return replace(features, text=None)
    return replace(features, streams={name: f for name, f in features.streams.items() if name != modality})


def drop_modalities(batch: list[ClipFeatures], chance: float) -> list[ClipFeatures]:
    """Leave modalities out at random (torch's global generator), never a clip's last one."""
    out = []
    for features in batch:
        for modality in features.modalities:
            if torch.rand(()).item() < chance and len(features.modalities) > 1:
                features = without(features, modality)
        out.append(features)
    return out


def identity(source: Media, clip: Clip) -> str:
    """What tells a clip's window of a file from others, for cache keys."""
    return f"{content_hash(source)}|{clip.start}-{clip.end}|media-v{MEDIA_VERSION}"


def _how(spec: View) -> str:
    """How frames and faces are chosen, as part of the cache key."""
    if isinstance(spec, FrameStream):
        return f"{spec.frames}f"
    if isinstance(spec, MotionStream):
        return f"{spec.frames}f-{spec.of}-{spec.who if spec.of == 'face' else ''}"
    return f"{spec.frames}f-{spec.who}-{spec.pick}{spec.peak_frames if spec.pick == 'peak' else ''}"


def frames_of(source: Media, clip: Clip, count: int, max_side: int = 640) -> Frames:
    """Frames of a clip's video, ``count`` of them, or its image."""
    if clip.video is None:
        from affectrl.data.media.image import read_image

        return read_image(source, max_side=max_side)
    from affectrl.data.media.video import read_frames

    return read_frames(source, count=count, start=clip.start, end=clip.end, max_side=max_side)
