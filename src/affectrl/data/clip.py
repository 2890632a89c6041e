"""The clip: the one schema of what goes into a model, whatever dataset, file or request it came from.

A clip has an id and any non-empty subset of video, audio, image and text. What is known about it (labels, reasoning,
speaker, split) rides along and never reaches the model's input side.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from affectrl.data.parts import Part

Modality = Literal["video", "audio", "image", "text"]
MODALITIES: tuple[Modality, ...] = ("video", "audio", "image", "text")

_SUFFIX_WORDS: dict[Modality, str] = {
    "video": "mp4 m4v mov mkv webm avi mpg mpeg ts mts m2ts flv wmv asf 3gp 3g2 ogv",
    "audio": "wav flac mp3 m4a aac ogg oga opus aif aiff au w64 caf wma amr ac3 mka",
    "image": "jpg jpeg jpe png bmp gif webp tif tiff ppm pgm avif",
}
SUFFIXES: dict[Modality, frozenset[str]] = {
    modality: frozenset(f".{word}" for word in words.split()) for modality, words in _SUFFIX_WORDS.items()
}
"""File suffixes, lower case, by what a file of that suffix holds as a rule."""


def modality_of_suffix(name: str | Path) -> Modality | None:
    """What a file of this name holds as a rule; ``None`` when the suffix is none that we know. Opens nothing."""
    suffix = Path(name).suffix.lower()
    return next((modality for modality, known in SUFFIXES.items() if suffix in known), None)


@dataclass(frozen=True, slots=True)
class Blob:
    """A media file held in memory, such as a row of a Parquet file or an upload."""

    data: bytes = field(repr=False)
    name: str
    """File name to show and to take the suffix from; need not exist on disk."""

    def __str__(self) -> str:
        return self.name


Media = Path | Blob | Part


class Clip(BaseModel):
    """One thing to read emotions from.

    Raises:
        pydantic.ValidationError: On construction, when no modality is given or a field is of the wrong type;
            :mod:`affectrl.data.manifest` turns it into a :class:`~affectrl.errors.DataError` that names file and row.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    id: str = Field(min_length=1)
    video: Media | None = None
    audio: Media | None = None
    image: Media | None = None
    text: str | None = None
    use_video_audio: bool = True
    """Whether the video's own sound track serves as audio when ``audio`` is not given."""
    start: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Where the clip starts in its media file. Seconds; ``None`` is the beginning."""
    end: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Where the clip ends in its media file. Seconds; ``None`` is the end."""
    labels: tuple[str, ...] = ()
    """Reference emotions, the most important first: one of a closed set, or several open-vocabulary words."""
    reasoning: str | None = None
    speaker: str | None = None
    group: str | None = None
    """Any population or condition to report by: language, culture, gender, domain."""
    split: str | None = None
    extras: dict[str, Any] = Field(default_factory=dict)

    @field_validator("labels", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("text")
    @classmethod
    def _blank_is_absent(cls, value: str | None) -> str | None:
        return value if value and value.strip() else None

    @model_validator(mode="after")
    def _something_to_read(self) -> Clip:
        if not self.modalities:
            raise ValueError("a clip needs at least one of video, audio, image, text")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError(f"end ({self.end:g} s) is not after start ({self.start:g} s)")
        return self

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What is given, in the order of :data:`MODALITIES`. A video's own sound track is not listed here."""
        return tuple(m for m in MODALITIES if getattr(self, m) is not None)

    @property
    def path(self) -> str | None:
        """The file that people know the clip by: its video, else audio, else image."""
        media = self.video or self.audio or self.image
        return None if media is None else str(media)

    @property
    def sound(self) -> Media | None:
        """Where its sound is: its audio, else its video's own track where that is to serve as such."""
        return self.audio or (self.video if self.use_video_audio else None)
