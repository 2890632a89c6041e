"""What a text claims of a clip's voice, face and words: "the voice is loud and not high", "face sad", a quotation.

A sentence is cut into clauses; a clause is about the channel that it names first, else about that of the clause before
it. Within it we look for the words of ``claims.yaml`` (qualities of a voice, polarity of words), for emotion words
(:mod:`affectrl.answers.mentions`, which passes over denied ones), and for quotations. English; ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from affectrl.answers.mentions import mentions
from affectrl.cues.describe import Channel
from affectrl.emotions.space import WheelSpace
from affectrl.yaml_file import read_yaml

REACH = 3
"""Words over which a denial reaches, inside its clause."""
QUOTE_WORDS = 2
"""Shortest quotation that is one: a single word in quotes is as often emphasis."""

_SENTENCE = re.compile(r"[.!?\n]+")
_CLAUSE = re.compile(r"[^,;:]+")
_JOINED = re.compile(r"\b(?:but|while|whereas|although|though|yet|and the|and (?=his|her|their|its))\b", re.I)
_TOKEN = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_QUOTED = re.compile(r"\"([^\"]{4,300})\"|“([^”]{4,300})”")


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that a text says of a channel."""

    channel: Channel
    cue: str
    """A cue of the voice, ``even``, ``polarity``, ``asks``, ``exclaims``, ``emotion`` or ``quote``."""
    word: str
    """The word that says it, or the quotation."""
    side: int = 0
    """Of a cue of the voice: 1 for a high value, -1 for a low one."""
    denied: bool = False
    text: str = ""
    """The clause."""


def claims(text: str) -> list[Claim]:
    """Claims of a text, in order, each once. Never raises.

    >>> [(c.channel, c.cue, c.side) for c in claims("The voice is loud and low, the face sad.")]
    [('voice', 'level', 1), ('voice', 'pitch', -1), ('face', 'emotion', 0)]
    """
    found: dict[tuple[Any, ...], Claim] = {}
    bare = text.replace("’", "'")
    for quoted in _QUOTED.finditer(bare):
        said = (quoted[1] or quoted[2]).strip()
        if len(said.split()) >= QUOTE_WORDS:
            found.setdefault(("quote", said.lower()), Claim("words", "quote", said, text=said))
    for sentence in _SENTENCE.split(_QUOTED.sub(" ", bare)):
        channel: Channel | None = None
        for clause in _clauses(sentence):
            tokens = _TOKEN.findall(clause.lower())
            channel = next((c for token in tokens if (c := _channels().get(token))), channel)
            if channel is None or not _words()["missing"].isdisjoint(tokens):
                continue
            for each in _claimed(clause.strip(), tokens, channel):
                found.setdefault((each.channel, each.cue, each.word, each.denied), each)
    return list(found.values())


def _clauses(text: str) -> Iterator[str]:
    for clause in _CLAUSE.findall(text):
        yield from (part for part in _JOINED.split(clause) if part.strip())


def _claimed(clause: str, tokens: list[str], channel: Channel) -> Iterator[Claim]:
    heard: set[str] = set()
    noun: str | None = None
    for at, token in enumerate(tokens):
        before = tokens[max(0, at - REACH) : at]
        denied = not _words()["negators"].isdisjoint(before)
        noun = next((cue for cue, words in _nouns().items() if token in words), noun)
        if channel == "voice":
            for cue, side in _voice(token, noun):
                heard.add(token)
                yield Claim(channel, cue, token, side, denied, clause)
        elif channel == "words":
            for cue, word in _of_words(token):
                heard.add(token)
                yield Claim(channel, cue, word, 0, denied, clause)
    for word in mentions(clause, _space()):
        if heard.isdisjoint(word.split()) and word not in _channels():
            yield Claim(channel, "emotion", word, 0, False, clause)


def _voice(token: str, noun: str | None) -> list[tuple[str, int]]:
    sides = {"low": -1, "high": 1}
    if noun is not None:
        for side, sign in sides.items():
            if token in _words()[side]:
                return [(noun, sign)]
    if token in _words()["even"]:
        return [("even", 0)]
    return [
        (cue, sign)
        for cue, row in _table()["voice"].items()
        for side, sign in sides.items()
        if token in row[side].split()
    ]


def _of_words(token: str) -> list[tuple[str, str]]:
    found = [("polarity", name) for name, words in _table()["polarity"].items() if token in words.split()]
    return found + [(cue, cue) for cue in ("asks", "exclaims") if token in _words()[cue]]


@cache
def _table() -> dict[str, Any]:
    content: dict[str, Any] = read_yaml(Path(__file__).with_suffix(".yaml"), code="data_invalid", what="list of words")
    return content


@cache
def _words() -> dict[str, frozenset[str]]:
    return {name: frozenset(words.split()) for name, words in _table().items() if isinstance(words, str)}


@cache
def _nouns() -> dict[str, frozenset[str]]:
    return {cue: frozenset(words.split()) for cue, words in _table()["nouns"].items()}


@cache
def _channels() -> dict[str, Channel]:
    return {word: channel for channel, words in _table()["channels"].items() for word in words.split()}


@cache
def _space() -> WheelSpace:
    return WheelSpace.builtin()
