"""From a clip to what a native model's own towers make of it: decode, process, encode, remember.

The towers are frozen, so that each clip goes through them once, for all epochs and runs. Pictures and sound are encoded
and remembered apart; where a model aligns a video with its own sound, only the order of placeholders depends on both.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from affectrl.data.clip import Clip, Media
from affectrl.data.media.frames import Frames
from affectrl.errors import MediaError, Note
from affectrl.models.cache import FeatureCache
from affectrl.models.features import Arrays, ClipFeatures, frames_of, identity
from affectrl.models.native_model import Chat, load
from affectrl.recipes.schema import NativeSpec

BFLOAT = ".bfloat16"
"""Ending of names of arrays that hold bfloat16, which numpy does not know."""


@dataclass(slots=True)
class NativeExtractor:
    """What one native model sees of clips, through the cache; it holds the model that a policy then trains."""

    spec: NativeSpec
    cache: FeatureCache = field(default_factory=FeatureCache)
    dtype: torch.dtype = torch.float32
    _chat: Chat | None = None

    @property
    def chat(self) -> Chat:
        """The model, loaded when first needed.

        Raises:
            ModelError: As :func:`affectrl.models.native_model.load`.
        """
        if self._chat is None:
            self._chat = load(self.spec, self.dtype)
        return self._chat

    def prepare(self) -> None:
        """Load the model."""
        assert self.chat

    def on(self, device: torch.device) -> AbstractContextManager[None]:
        """Nothing: its towers are parts of the policy's model, and are where that is."""
        return nullcontext()

    def about(self) -> dict[str, object]:
        """What a run folder tells of it."""
        return {"processor": type(self.chat.processor).__name__, "takes": list(self.chat.architecture.TAKES)}

    def extract(self, clip: Clip) -> list[ClipFeatures]:
        """What the model sees of a clip: one entry.

        Raises:
            MediaError: A file that the clip names cannot be read, or nothing is left to read.
        """
        heard, notes = self._sound(clip)
        seen, more = self._pictures(clip, has_sound=bool(heard))
        parts = {name: part for name, part in (("voice", heard), ("face", seen)) if part}
        text = clip.text if self.spec.words else None
        notes = tuple(dict.fromkeys((*notes, *more)))
        if not (parts or text):
            why = " ".join(note.message for note in notes) or "The model does not read what the clip holds."
            raise MediaError(f"nothing to read emotions from. {why}", code="nothing_to_read", path=clip.path)
        if heard and seen and self.chat.pairs and clip.audio is None and clip.video is not None:
            parts["pair"] = self._pair(clip)
        streams = {name: part.pop("rows") for name, part in parts.items() if "rows" in part}
        return [ClipFeatures(clip, streams, text, notes, layout=parts)]

    def _sound(self, clip: Clip) -> tuple[dict[str, Tensor], tuple[Note, ...]]:
        own_track = clip.audio is None and clip.video is not None and clip.use_video_audio
        source = clip.audio or (clip.video if own_track else None)
        if source is None or not self.spec.sound or "audio" not in self.chat.architecture.TAKES:
            return {}, ()
        key = f"{identity(source, clip)}|sound|{self.spec.max_seconds:g}s|{self.chat.key}"
        try:
            return self._remembered(key, lambda: self._heard(source, clip))
        except MediaError as error:
            if own_track and error.code == "media_no_audio":
                return {}, (Note("video_without_sound", "The video has no sound track."),)
            raise

    def _pictures(self, clip: Clip, *, has_sound: bool) -> tuple[dict[str, Tensor], tuple[Note, ...]]:
        source = clip.video or clip.image
        if source is None or not self.spec.pictures or _kind(clip) not in self.chat.architecture.TAKES:
            return {}, ()
        key = f"{identity(source, clip)}|{_kind(clip)}|{self.chat.key}"
        try:
            return self._remembered(key, lambda: self._seen(source, clip))
        except MediaError as error:
            if has_sound and error.code == "media_no_video":
                return {}, (Note("sound_only", "The file holds sound but no pictures."),)
            raise

    def _pair(self, clip: Clip) -> dict[str, Tensor]:
        assert clip.video is not None
        source = clip.video
        key = f"{identity(source, clip)}|pair|{self.spec.max_seconds:g}s|{self.chat.key}"

        def order() -> tuple[Arrays, tuple[Note, ...]]:
            frames, sound = self._frames(source, clip), self._waveform(source, clip)[0]
            inputs = self.chat.process(self.chat.ask(["video"], ""), frames, True, sound)
            return {"text": _placeholders(inputs)}, ()

        return self._remembered(key, order)[0]

    def _heard(self, source: Media, clip: Clip) -> tuple[Arrays, tuple[Note, ...]]:
        sound, notes = self._waveform(source, clip)
        return self._encoded(self.chat.process(self.chat.ask(["audio"], ""), None, False, sound)), notes

    def _seen(self, source: Media, clip: Clip) -> tuple[Arrays, tuple[Note, ...]]:
        frames, kind = self._frames(source, clip), _kind(clip)
        return self._encoded(self.chat.process(self.chat.ask([kind], ""), frames, kind == "video", None)), frames.notes

    def _frames(self, source: Media, clip: Clip) -> Frames:
        return frames_of(source, clip, self.spec.frames, self.spec.max_side)

    def _waveform(self, source: Media, clip: Clip) -> tuple[np.ndarray, tuple[Note, ...]]:
        from affectrl.data.media.audio import read_audio

        found = read_audio(source, start=clip.start, end=clip.end, max_seconds=self.spec.max_seconds)
        return found.samples, found.notes

    def _encoded(self, inputs: object) -> Arrays:
        rows, deep = self.chat.towers(inputs)
        kept = {name: torch.as_tensor(inputs[name]) for name in self.chat.architecture.META if name in inputs}  # type: ignore[index, operator]
        arrays = {"rows": rows, "deep": deep} if deep.shape[1] else {"rows": rows}
        return dict(_numpy(name, value) for name, value in (arrays | kept).items()) | {"text": _placeholders(inputs)}

    def _remembered(
        self, key: str, compute: Callable[[], tuple[Arrays, tuple[Note, ...]]]
    ) -> tuple[dict[str, Tensor], tuple[Note, ...]]:
        arrays, notes = self.cache.remember(f"native|{key}", compute)
        return dict(_torch(name, value) for name, value in arrays.items()), notes


def _kind(clip: Clip) -> str:
    return "image" if clip.video is None else "video"


def _placeholders(inputs: object) -> np.ndarray:
    """What the processor put in place of the only placeholder, as UTF-8 bytes."""
    (found,) = inputs["text_replacement_offsets"][0]  # type: ignore[index]
    return np.array(list(found["replacement"].encode()), np.uint8)


def _numpy(name: str, value: Tensor) -> tuple[str, np.ndarray]:
    value = value.detach().cpu().contiguous()
    if value.dtype == torch.bfloat16:
        return name + BFLOAT, value.view(torch.int16).numpy()
    return name, value.numpy()


def _torch(name: str, value: np.ndarray) -> tuple[str, Tensor]:
    tensor = torch.from_numpy(value)
    if name.endswith(BFLOAT):
        return name.removesuffix(BFLOAT), tensor.view(torch.bfloat16)
    return name, tensor
