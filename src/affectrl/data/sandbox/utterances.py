"""The sandbox's sentences: what is said, and how people might name its emotion."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from affectrl.errors import DataError

EMOTIONS = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
"""The closed label set of the sandbox, in the order that it is balanced in."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sentence."""

    text: str
    emotion: str
    """One of :data:`EMOTIONS`."""
    labels: tuple[str, ...]
    """One to four open-vocabulary words, the closest first."""


@functools.cache
def utterances() -> dict[str, tuple[Utterance, ...]]:
    """All sentences by emotion.

    Raises:
        DataError: A line of ``utterances.yaml`` is not ``text | word, word``.
    """
    rows = _table()["utterances"]
    return {emotion: tuple(_parse(line, emotion) for line in rows[emotion]) for emotion in EMOTIONS}


def names_of(emotion: str) -> tuple[str, ...]:
    """Open-vocabulary words for an emotion that the sentence does not carry."""
    return tuple(_table()["words"][emotion])


@functools.cache
def _table() -> dict[str, Any]:
    return yaml.safe_load(resources.files(__package__).joinpath("utterances.yaml").read_text("utf-8"))


def _parse(line: object, emotion: str) -> Utterance:
    text, bar, words = str(line).partition("|")
    labels = tuple(word.strip() for word in words.split(",") if word.strip())
    if not (isinstance(line, str) and bar and text.strip() and 1 <= len(labels) <= 4):
        raise DataError(f"the {emotion} sentence {line!r} is not 'text | one to four words'.", path="utterances.yaml")
    return Utterance(text.strip(), emotion, labels)
