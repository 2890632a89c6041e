"""Whether claims about a clip are so: each against what was measured.

- A quality of the voice is contradicted when the measure lies on the other side of the middle by :data:`MARGIN`, and
  supported when it lies on the claimed side; between them nothing is decided. What is denied is contradicted in the
  outer fifth of its own side.
- ``even`` is contradicted by two cues or more in the outermost twentieths.
- A quotation is contradicted when the words hold nothing close to it (rapidfuzz's partial ratio below
  :data:`CLOSE`); asking and exclaiming when the punctuation is not there; pleasant and unpleasant by emotion words of
  the other polarity alone.
- An emotion is contradicted when the channel's reader gives less than :data:`UNLIKELY` to every label that shares a
  wheel cluster with it. Without a reader it is not decided.
- Any claim about a channel that the clip does not have is contradicted: there is nothing that it could be of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from affectrl.answers.mentions import READING
from affectrl.cues.claims import Claim, claims
from affectrl.cues.describe import OUTER, OUTERMOST, Channel, voice_of
from affectrl.cues.reference import Reference, reference
from affectrl.cues.voice import VOICE_CUES, VoiceMeasures
from affectrl.cues.words import measure_words
from affectrl.data.clip import Clip
from affectrl.emotions.label_set import normalise
from affectrl.emotions.space import WheelSpace

Verdict = Literal["supported", "contradicted", "undecided"]
Reader = Callable[[Clip], Mapping[str, float] | None]
"""Probabilities of emotions by one channel of a clip alone; ``None`` where it cannot tell."""

MARGIN = 0.04
"""How far from the middle of what is usual a measure decides, as a share of the clips."""
CLOSE = 80.0
UNLIKELY = 0.1
LIKELY = 0.5


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim and what became of it."""

    claim: Claim
    verdict: Verdict
    why: str
    """One line for people: "quiet: louder than 96 % of voices"."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a clip to check claims against; made once a clip by :func:`truth_of`."""

    places: Mapping[str, float]
    """Of each cue of the voice that could be measured: the share of usual voices that lie lower."""
    text: str | None
    has: frozenset[Channel]
    read: Mapping[Channel, Mapping[str, float]]
    """Probabilities of emotions, of channels that a reader has read."""


def truth_of(
    clip: Clip,
    *,
    usual: Reference | str = "sandbox",
    own: Mapping[str, float] | None = None,
    readers: Mapping[Channel, Reader] | None = None,
    measures: VoiceMeasures | None = None,
) -> Truth:
    """Measure a clip.

    Args:
        clip: Any clip.
        usual: What its voice is compared with.
        own: Its speaker's median of each cue, if known.
        readers: Who reads emotions of which channel.
        measures: Of its voice, where they are there already.

    Raises:
        MediaError: Its sound cannot be read.
        UsageError: ``package_missing``; ``unknown_name``: no such reference.
    """
    found = measures or voice_of(clip)
    against = reference(usual) if isinstance(usual, str) else usual
    values = {} if found is None else {cue: v for cue in VOICE_CUES if (v := getattr(found, cue)) is not None}
    there: dict[Channel, bool] = {
        "voice": found is not None,
        "face": clip.video is not None or clip.image is not None,
        "words": clip.text is not None,
    }
    has = frozenset(channel for channel, is_there in there.items() if is_there)
    read = {c: scores for c, reader in (readers or {}).items() if c in has and (scores := reader(clip)) is not None}
    places = {cue: against.place(cue, value, (own or {}).get(cue)) for cue, value in values.items()}
    return Truth(places, clip.text, has, read)


def check(text: str, truth: Truth) -> list[Checked]:
    """Every claim of a text with its verdict."""
    return [Checked(claim, *judge(claim, truth)) for claim in claims(text)]


def judge(claim: Claim, truth: Truth) -> tuple[Verdict, str]:
    """One claim's verdict and the reason."""
    if claim.channel not in truth.has:
        return "contradicted", f"the clip has no {claim.channel}"
    if claim.cue == "emotion":
        return _emotion(claim, truth)
    if claim.channel == "voice":
        return _even(truth) if claim.cue == "even" else _voice(claim, truth)
    return _words(claim, truth.text or "")


def _voice(claim: Claim, truth: Truth) -> tuple[Verdict, str]:
    place = truth.places.get(claim.cue)
    if place is None:
        return "undecided", f"{claim.cue} cannot be measured"
    why = f"{claim.cue} is above that of {place:.0%} of voices"
    along = place if claim.side > 0 else 1 - place
    if claim.denied:
        return (
            ("contradicted", why) if along >= 1 - OUTER else ("supported", why) if along < 0.5 else ("undecided", why)
        )
    if along <= 0.5 - MARGIN:
        return "contradicted", why
    return ("supported", why) if along >= 0.5 + MARGIN else ("undecided", why)


def _even(truth: Truth) -> tuple[Verdict, str]:
    # Voices without pauses are the usual ones, and endings are measured too roughly to stand out by themselves.
    outer = [c for c, p in truth.places.items() if min(p, 1 - p) <= OUTERMOST and c not in ("pauses", "ending")]
    if len(outer) >= 2:
        return "contradicted", f"{' and '.join(outer[:2])} stand out"
    return ("supported", "nothing stands out") if not outer else ("undecided", f"{outer[0]} stands out")


def _words(claim: Claim, text: str) -> tuple[Verdict, str]:
    if claim.cue == "quote":
        from rapidfuzz.fuzz import partial_ratio

        close = partial_ratio(claim.word.lower(), text.lower())
        is_so, why = close >= CLOSE, f"the words are {text!r}"
    elif claim.cue == "polarity":
        found = measure_words(text)
        if found.polarity in (None, "neutral"):
            return "undecided", "no emotion word decides"
        is_so, why = found.polarity == claim.word, f"emotion words: {', '.join(found.emotion_words)}"
    else:
        measured = measure_words(text)
        is_so, why = getattr(measured, claim.cue), f"the words are {text!r}"
    return ("supported" if is_so != claim.denied else "contradicted"), why


def _emotion(claim: Claim, truth: Truth) -> tuple[Verdict, str]:
    scores = truth.read.get(claim.channel)
    if not scores:
        return "undecided", "nobody has read this channel"
    like = alike(claim.word, scores)
    if not like:
        return "undecided", f"{claim.word} is none of the reader's labels"
    share = sum(scores[label] for label in like)
    best = max(scores, key=lambda label: scores[label])
    why = f"by itself: {best} {scores[best]:.0%}, {claim.word} {share:.0%}"
    if share < UNLIKELY:
        return "contradicted", why
    return ("supported", why) if share >= LIKELY or best in like else ("undecided", why)


def alike(word: str, labels: Iterable[str]) -> list[str]:
    """The labels that a word stands for: itself, else those that share its cluster on most wheels."""
    known = list(labels)
    same = [label for label in known if normalise(label) == normalise(word)]
    if same:
        return same
    masks = WheelSpace.builtin().masks(READING)
    common = {label: (masks[word.lower()] & masks[label.lower()]).bit_count() for label in known}
    most = max(common.values(), default=0)
    return [label for label, bits in common.items() if bits == most] if most else []
