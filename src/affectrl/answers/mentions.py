"""Emotion words that free text mentions, by the lexicon: what a reasoning says that somebody feels.

A stand-in for the language model that AffectGPT-R1 (appendix E.1) asks for the emotions of a reasoning: the same text
has the same words everywhere, at no cost. The rule:

- Candidates are the words and expressions of the lexicon that are emotion words in the first place: words of a wheel,
  their forms, and words of ``polarity.yaml`` and their families. Synonyms that merely lead to a wheel word (``raised``,
  ``voice``) are none. The longest expression counts; case does not.
- Everyday words (``mentions.yaml``), which tell of things as often as of feelings (``cold``, ``open``, ``down``), and
  their forms count only right after a form of *feel*.
- A word is denied, and no mention, when a word of denial stands up to :data:`REACH` words before it in its clause
  (``no clear sign of anger``), or ``is not`` and the like right after it. Commas, full stops, ``but`` and their like
  end a clause; yet a denial goes on through a bare list (``no anger, fear or joy``). ``not only``, ``no doubt`` and
  verbs of hiding (``cannot hide her joy``) deny nothing.

English only: text in other languages mentions nothing here. What is said of others, asked, or imagined counts too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from affectrl.emotions.label_set import normalise
from affectrl.emotions.polarity import judge
from affectrl.emotions.space import Reading, WheelSpace
from affectrl.yaml_file import read_yaml

READING = Reading(direct_first=True, neutral=True, spelling=True)
"""How words are looked up: as our own metric rules have it."""
REACH = 6
"""Words over which a denial reaches."""

_TOKEN = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*|[.,;:!?\n…—–()\"“”«»<>]")
_LONGEST = 5
_PAIRS = {("rather", "than"), ("instead", "of"), ("far", "from"), ("free", "of"), ("free", "from")}
_HARMLESS = {("not", "only"), ("not", "just"), ("not", "merely"), ("no", "doubt"), ("nothing", "but")}
_AFTER = re.compile(
    r"(?:(?:is|are|was|were|seems?|does|do|did) not|(?:is|are|was|were)n't|(?:is|are) absent)(?: (\w+))?"
)


@dataclass(frozen=True, slots=True)
class _Mention:
    start: int
    """First token."""
    end: int
    """Past the last."""
    word: str


@cache
def _words() -> dict[str, frozenset[str]]:
    content = read_yaml(Path(__file__).with_suffix(".yaml"), code="data_invalid", what="list of words")
    return {name: frozenset(words.split()) for name, words in content.items()}


def mentions(text: str, space: WheelSpace) -> tuple[str, ...]:
    """Emotion words in a text, lower case, in order, each once; denied ones left out.

    Never raises; time grows linearly with the text.

    >>> mentions("Not angry but sad: the voice shows no joy, hope or pride.", WheelSpace.builtin())
    ('sad',)
    """
    tokens = _TOKEN.findall(text.replace("’", "'").lower())
    found = _candidates(tokens, _known(space))
    denied = _denied(tokens, found)
    return tuple(dict.fromkeys(m.word for m in found if m.start not in denied))


_TABLES: dict[str, frozenset[str]] = {}


def _known(space: WheelSpace) -> frozenset[str]:
    """Words and expressions that count, normalised; made once for each lexicon."""
    if space.sha256 not in _TABLES:
        masks = space.masks(READING)
        wheel_words = {word for wheel in space.wheels for word in wheel.words()}
        forms = space.lexicon.forms
        _TABLES[space.sha256] = frozenset(
            normalise(word)
            for word in [*forms, "neutral"]
            if masks[word] and (not wheel_words.isdisjoint((word, *forms.get(word, ()))) or _felt(word))
        )
    return _TABLES[space.sha256]


@cache
def _felt(word: str) -> bool:
    return judge(word).rule in ("listed", "family")


@cache
def _everyday() -> frozenset[str]:
    """The everyday words and the forms that lead to them alone; nouns such as ``kindness`` name the feeling."""
    forms = WheelSpace.builtin().lexicon.forms
    own = _words()["everyday"]
    led = {w for w, bases in forms.items() if bases and own.issuperset(bases) and not w.endswith("ness")}
    return own | {normalise(word) for word in led}


def _candidates(tokens: list[str], known: frozenset[str]) -> list[_Mention]:
    found, at = [], 0
    while at < len(tokens):
        for size in range(min(_LONGEST, len(tokens) - at), 0, -1):
            word = " ".join(tokens[at : at + size])
            plain = normalise(word)
            if plain in known and (plain not in _everyday() or _is_felt(tokens, at)):
                found.append(_Mention(at, at + size, word))
                at += size - 1
                break
        at += 1
    return found


def _is_felt(tokens: list[str], at: int) -> bool:
    before = at - 1
    while before >= 0 and tokens[before] in _words()["degrees"]:
        before -= 1
    return before >= 0 and tokens[before] in _words()["feel"]


def _denied(tokens: list[str], found: list[_Mention]) -> set[int]:
    """Where denied mentions start."""
    denied: set[int] = set()
    last: _Mention | None = None
    for mention in found:
        goes_on = last is not None and last.start in denied and _listed(tokens[last.end : mention.start])
        if goes_on or _denied_before(tokens, mention.start) or _denied_after(tokens, mention.end):
            denied.add(mention.start)
        last = mention
    return denied


def _listed(between: list[str]) -> bool:
    """Whether nothing but a comma, a link and an article stands between two mentions."""
    return bool(between) and all(t == "," or t in _words()["links"] or t in _words()["determiners"] for t in between)


def _denied_before(tokens: list[str], start: int) -> bool:
    reached = tokens[max(0, start - REACH) : start]
    for place in range(len(reached) - 1, -1, -1):
        token = reached[place]
        if not token[0].isalpha() or token in _words()["ends"] or token in _words()["hiding"]:
            return False
        after = reached[place + 1] if place + 1 < len(reached) else tokens[start]
        if (token, after) in _HARMLESS:
            return place == len(reached) - 1  # the doubt itself, of "no doubt", is denied
        if token in _words()["negators"] or (token, after) in _PAIRS:
            return True
    return False


def _denied_after(tokens: list[str], end: int) -> bool:
    said = _AFTER.match(" ".join(tokens[end : end + 3]))
    return said is not None and said[1] not in _words()["hidden"]
