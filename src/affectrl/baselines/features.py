"""Which features a baseline stands on, and one row of each a clip: the mean over time, through the feature cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import yaml

from affectrl.data.clip import Clip
from affectrl.errors import AffectError, MediaError, UsageError
from affectrl.models import parts
from affectrl.models.cache import FeatureCache
from affectrl.models.features import FeatureExtractor, read_words, reads_of
from affectrl.recipes.schema import ModelSpec
from affectrl.recipes.streams import STREAMS
from affectrl.shelves import nearest

WORDS = "words"


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: what of a clip, and which encoder."""

    name: str
    """Names files and rows of tables."""
    stream: str
    """Of ``voice``, ``face``, ``frame``, ``motion``, ``words``."""
    encoder: str
    """A file of ``models/encoders``."""
    settings: dict[str, Any] = field(default_factory=dict, compare=False)
    """Keyword arguments of the encoder."""


@cache
def published() -> dict[str, Feature]:
    """The features of MER2025's track 1 that we can compute, by their names there."""
    rows = yaml.safe_load(resources.files("affectrl.baselines").joinpath("features.yaml").read_text("utf-8"))
    return {
        name: Feature(name, row["stream"], row["encoder"], row["settings"] | {"weights_name": row["weights"]})
        for name, row in rows.items()
    }


def feature(text: str) -> Feature:
    """A feature as people write it: a published name, or ``STREAM=ENCODER[:WEIGHTS]``.

    >>> feature("voice=hubert:facebook/hubert-large-ll60k").settings
    {'weights_name': 'facebook/hubert-large-ll60k'}

    Raises:
        UsageError: ``baseline_feature``.
    """
    stream, told, encoder = text.strip().partition("=")
    known = published()
    if not told:
        name = stream.removesuffix("-UTT")
        if name in known:
            return known[name]
        raise _wrong(f"no published feature is called {name!r}.", nearest(name, known))
    if stream not in (*STREAMS, WORDS):
        raise _wrong(f"{stream!r} in {text!r} is no stream.", nearest(stream, (*STREAMS, WORDS)))
    encoder, _, weights = encoder.partition(":")
    if not encoder:
        raise _wrong(f"{text!r} names no encoder.", "Write STREAM=ENCODER, such as voice=whisper.")
    label = weights.rstrip("/").rpartition("/")[2]
    name = "-".join(part for part in (stream, encoder, label) if part)
    return Feature(name, stream, encoder, {"weights_name": weights} if weights else {})


def _wrong(what: str, hint: str) -> UsageError:
    return UsageError(what, code="baseline_feature", hint=hint)


@dataclass(slots=True)
class Rows:
    """What became of the clips."""

    values: np.ndarray
    """``(N, D)`` float32; NaN where there is none."""
    errors: list[AffectError | None]
    """Why there is none, clip by clip."""
    key: str
    """The encoder's own, which names weights and version."""


def rows(wanted: Feature, clips: Sequence[Clip], store: FeatureCache, advance: Callable[[str], None]) -> Rows:
    """One row a clip: the mean over time of the encoder's features. A clip without what it reads has none.

    Raises:
        ModelError: The encoder's weights are missing or of another kind.
        RecipeError: Its settings are none of its own, or it reads something else.
        UsageError: No such encoder.
    """
    reader, key = _reader(wanted, store)
    found: list[np.ndarray | None] = []
    errors: list[AffectError | None] = []
    for clip in clips:
        try:
            found.append(reader(clip))
            errors.append(None)
        except MediaError as error:
            found.append(None)
            errors.append(error)
        advance("")
    width = next((len(row) for row in found if row is not None), 0)
    values = np.full((len(clips), width), np.nan, np.float32)
    for at, row in enumerate(found):
        if row is not None:
            values[at] = row
    return Rows(values, errors, key)


def _reader(wanted: Feature, store: FeatureCache) -> tuple[Callable[[Clip], np.ndarray], str]:
    place = f"features {wanted.name}"
    if wanted.stream == WORDS:
        words = parts.build("affectrl.models.encoders", wanted.encoder, place, wanted.settings)
        if (reads := reads_of(words)) not in (None, WORDS):
            raise _wrong(f"{wanted.encoder!r} reads {reads}, not words.", "Name it under another stream.")

        def read(clip: Clip) -> np.ndarray:
            if clip.text is None:
                raise MediaError("the clip has no text.", code="nothing_to_read")
            return np.asarray(read_words(clip.text, words, store).mean(0).numpy())

        return read, words.key
    given = dict.fromkeys(STREAMS) | {wanted.stream: {"encoder": wanted.encoder, "settings": wanted.settings}}
    extractor = FeatureExtractor(ModelSpec.model_validate({"words": False, **given}), store)
    encoder = extractor.encoder(wanted.stream)

    def see(clip: Clip) -> np.ndarray:
        streams = extractor.extract(clip)[0].streams
        return np.asarray(streams[wanted.stream].float().mean(0).numpy())

    return see, encoder.key
