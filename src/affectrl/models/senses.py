"""Clips with some of their modalities taken away.

A *sense* is a modality as people speak of it: ``audio``, ``vision`` (faces, frames and motion together) and ``text``.
"""

from __future__ import annotations

from collections.abc import Iterable

from affectrl.models.features import VIEWS, ClipFeatures, without

SENSES = ("audio", "vision", "text")
_OF_STREAM = {"voice": "audio", "words": "text"} | dict.fromkeys(VIEWS, "vision")


def senses(clip: ClipFeatures) -> tuple[str, ...]:
    """Those of :data:`SENSES` that the model really gets of a clip."""
    there = {_OF_STREAM[stream] for stream in clip.modalities}
    return tuple(sense for sense in SENSES if sense in there)


def only(clip: ClipFeatures, kept: Iterable[str]) -> ClipFeatures:
    """The same clip with no other senses than ``kept``; with none of them the model gets the question alone."""
    wanted = set(kept)
    for stream in clip.modalities:
        if _OF_STREAM[stream] not in wanted:
            clip = without(clip, stream)
    return clip
