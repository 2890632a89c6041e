"""How sound, pictures and motion enter a fused model: the sections of ``model`` that name its parts."""

from __future__ import annotations

from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from affectrl.recipes.section import Section

STREAMS = ("voice", "face", "frame", "motion")
"""Names of streams, in the order of the prompt."""

Tokens = Annotated[int, Field(ge=1, le=4096)]


class Stream(Section):
    """What all streams have in common: an encoder's features, projected into the language model."""

    encoder: str
    """A file of ``models/encoders``."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the encoder."""
    mix_layers: bool = False
    """Learn one weight for each of the encoder's layers (``settings.layers``) in place of laying them side by side."""
    fusion: str = "segments"
    """A file of ``models/fusion``."""
    fusion_settings: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the fusion, beside ``tokens``, ``components`` and ``dropout``."""
    tokens: Tokens
    components: PositiveInt = 64
    """Principal components of the features that are projected, by fusions that reduce them (``segments``)."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1


class VoiceStream(Stream):
    """How sound enters the model."""

    encoder: str = "whisper"
    tokens: Tokens = 5
    max_seconds: PositiveFloat = 30.0


class FaceStream(Stream):
    """How pictures enter the model: which frames, whose face, which encoder."""

    encoder: str = "face-hog"
    tokens: Tokens = 4
    frames: PositiveInt = 8
    """Frames sampled uniformly from a video."""
    who: Literal["largest", "expressive", "each"] = "largest"
    """Whose face when there are several; ``each`` gives one prediction a face."""
    pick: Literal["uniform", "peak"] = "uniform"
    """All sampled frames, or the ``peak_frames`` of strongest expression."""
    peak_frames: PositiveInt = 3


class FrameStream(Stream):
    """The whole picture: where the person is, and what the body does."""

    encoder: str = "clip-vit"
    tokens: Tokens = 4
    frames: PositiveInt = 8
    """Frames sampled uniformly from a video; 1 is the middle one."""


class MotionStream(Stream):
    """What changes over time, by an encoder that takes many frames at once; a still picture has none."""

    encoder: str = "videomae"
    tokens: Tokens = 4
    frames: Annotated[int, Field(ge=2)] = 16
    """Frames sampled uniformly from a video."""
    of: Literal["face", "frame"] = "face"
    """Face crops, or whole frames."""
    who: Literal["largest", "expressive"] = "largest"
    """Whose face when there are several."""


class PreFusion(Section):
    """Streams that are also fused with each other before the language model, as AffectGPT does."""

    kind: str = "attention"
    """A file of ``models/pre_fusion``."""
    streams: Annotated[tuple[str, ...], Field(min_length=2)] | None = None
    """Which, in this order; by default all of the model's."""
    tokens: Tokens = 1
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    settings: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the pre-fusion."""


class Prompt(Section):
    """The words around the streams, where a model was trained with others than ours."""

    text: str
    """What stands before the answer, with ``{voice}``, ``{face}``, ``{frame}``, ``{motion}``, ``{together}`` (the
    pre-fusion), ``{words}`` and ``{question}`` where these stand."""
    chat: bool = True
    """Whether the text is the user's turn in the chat template, or all there is."""

    @property
    def places(self) -> tuple[str, ...]:
        """The names in braces, in their order."""
        return tuple(name for _, name, _, _ in Formatter().parse(self.text) if name is not None)

    @field_validator("text")
    @classmethod
    def _can_be_read(cls, text: str) -> str:
        list(Formatter().parse(text))
        return text
