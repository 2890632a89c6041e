"""What clip number i will be: everything random about it, drawn from (seed, domain, i) and nothing else.

So the first clips of a large set are the clips of a small one, any number of workers makes the same files, and a
manifest can be written without opening one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from affectrl.data.sandbox.acoustics import VoiceCues, profile, vary
from affectrl.data.sandbox.expressions import Expression, sample_expression
from affectrl.data.sandbox.face import Camera
from affectrl.data.sandbox.identity import Domain, Speaker, speaker
from affectrl.data.sandbox.utterances import EMOTIONS, Utterance, utterances
from affectrl.errors import UsageError

Parts = frozenset[str]
"""Which channels a clip carries: ``face`` (moving), ``photo``, ``voice``, ``words``."""

PARTS: dict[str, Parts] = {
    "video+audio+text": frozenset({"face", "voice", "words"}),
    "video+audio": frozenset({"face", "voice"}),
    "video+text": frozenset({"face", "words"}),
    "audio+text": frozenset({"voice", "words"}),
    "image+audio+text": frozenset({"photo", "voice", "words"}),
    "image+text": frozenset({"photo", "words"}),
    "image+audio": frozenset({"photo", "voice"}),
    "video": frozenset({"face"}),
    "audio": frozenset({"voice"}),
    "image": frozenset({"photo"}),
    "text": frozenset({"words"}),
}
"""The modality subsets that a clip may have, by the name used in ``modalities``."""

SPLITS: Mapping[str, float] = {"train": 0.6, "dev": 0.1, "test": 0.3}
_SPLIT_SLOTS = 20  # each emotion meets every split in its due share within this many of its clips


def usual_mix(full: float = 0.7) -> dict[str, float]:
    """``full`` of the clips with moving face, voice and words; the other subsets share the rest evenly."""
    rest = (1.0 - full) / (len(PARTS) - 1)
    return {name: full if name == "video+audio+text" else rest for name in PARTS}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a whole set depends on; :func:`check` says what is wrong with one."""

    seed: int = 0
    domain: Domain = "source"
    disagree: float = 0.0
    """Share of the clips with two or more readable channels where one of them shows another emotion."""
    splits: Mapping[str, float] = field(default_factory=lambda: dict(SPLITS))
    modalities: Mapping[str, float] = field(default_factory=usual_mix)
    speakers: int = 40
    weak: float = 0.13
    """Chance that a channel shows next to nothing, drawn for each channel."""
    open_vocabulary: bool = False
    """Whether labels are several words of the open vocabulary instead of one class. Media files are the same."""


def check(settings: Settings) -> None:
    """Refuse settings that cannot be met.

    Raises:
        UsageError: With the name of the setting.
    """
    if settings.domain not in ("source", "shifted"):
        raise UsageError(f"domain is 'source' or 'shifted', not {settings.domain!r}.", code="sandbox_domain")
    if settings.seed < 0:
        raise UsageError(f"seed must not be negative, but is {settings.seed}.", code="sandbox_seed")
    for name in ("disagree", "weak"):
        share = getattr(settings, name)
        if not 0.0 <= share <= 1.0:
            raise UsageError(f"{name} is a share between 0 and 1, not {share}.", code="sandbox_share")
    unknown = set(settings.modalities) - set(PARTS)
    if unknown:
        hint = f"Known: {', '.join(PARTS)}."
        raise UsageError(f"no modality subset is called {min(unknown)!r}.", code="sandbox_modality", hint=hint)
    for name, shares in (("splits", settings.splits), ("modalities", settings.modalities)):
        if not (shares and min(shares.values()) >= 0 and abs(sum(shares.values()) - 1) < 1e-6):
            raise UsageError(f"{name} must be shares that add up to 1.", code="sandbox_share")
    if settings.speakers < 2 * len(settings.splits):
        raise UsageError(
            f"{settings.speakers} speakers are too few to keep {len(settings.splits)} splits apart.",
            code="sandbox_speakers",
            hint=f"Ask for {2 * len(settings.splits)} or more.",
        )


@dataclass(frozen=True, slots=True)
class Sound:
    """What surrounds the voice."""

    lead_s: float
    tail_s: float
    noise_db: float
    """Level of the background noise, dB below full scale (negative)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One clip before it is made."""

    index: int
    id: str
    label: str
    split: str
    kind: str
    """Key of :data:`PARTS`."""
    speaker: Speaker
    utterance: Utterance
    emotions: dict[str, str]
    """What each channel of the clip (``face``, ``voice``, ``words``) shows."""
    strengths: dict[str, float]
    odd: str | None
    """The channel that disagrees with the label on purpose."""
    voice: VoiceCues
    expression: Expression
    camera: Camera
    sound: Sound
    settings: Settings

    @property
    def parts(self) -> Parts:
        """Which channels the clip carries."""
        return PARTS[self.kind]


def plan(index: int, settings: Settings) -> Plan:
    """Decide on clip ``index`` (from 0)."""
    domain = 0 if settings.domain == "source" else 1
    rng = np.random.default_rng([settings.seed, 202, domain, index])
    label, split = _label_and_split(index, settings, domain)
    kind = _draw(settings.modalities, rng)
    channels = _channels(kind)
    emotions, odd = _emotions(label, channels, settings.disagree, rng)
    strengths = _strengths(channels, odd, settings.weak, rng)
    person = speaker(settings.seed, settings.domain, _one_of(_share_out(settings.speakers, settings, 303)[split], rng))
    said = emotions["words"] if strengths["words"] > 0 else "neutral"
    sentences = utterances()[said]
    order = _share_out(len(sentences), settings, 404 + EMOTIONS.index(said))
    return Plan(
        index=index,
        id=f"{settings.domain}-s{settings.seed}-{index:05d}",
        label=label,
        split=split,
        kind=kind,
        speaker=person,
        utterance=sentences[_one_of(order[split], rng)],
        emotions={c: emotions[c] for c in channels},
        strengths={c: round(strengths[c], 3) for c in channels},
        odd=odd,
        voice=vary(profile(emotions["voice"], strengths["voice"]), rng),
        expression=sample_expression(emotions["face"], strengths["face"], person.face, rng),
        camera=_camera(settings.domain, rng),
        sound=_sound(settings.domain, rng),
        settings=settings,
    )


def _channels(kind: str) -> tuple[str, ...]:
    present = {"face" if part == "photo" else part for part in PARTS[kind]}
    return tuple(c for c in ("face", "voice", "words") if c in present)


def _label_and_split(index: int, settings: Settings, domain: int) -> tuple[str, str]:
    """Each run of seven clips has every emotion once; each emotion's clips fill the splits in their due shares."""
    block, place = divmod(index, len(EMOTIONS))
    emotion = int(np.random.default_rng([settings.seed, 11, domain, block]).permutation(len(EMOTIONS))[place])
    turn, slot = divmod(block, _SPLIT_SLOTS)
    order = np.random.default_rng([settings.seed, 12, domain, turn, emotion]).permutation(_SPLIT_SLOTS)
    names, upto = list(settings.splits), np.cumsum(list(settings.splits.values()))
    return EMOTIONS[emotion], names[int(np.searchsorted(upto - 1e-9, (order[slot] + 0.5) / _SPLIT_SLOTS))]


def _share_out(count: int, settings: Settings, salt: int) -> dict[str, list[int]]:
    """Numbers below ``count`` dealt to the splits, each to one; every split in use gets at least one."""
    order = [int(k) for k in np.random.default_rng([settings.seed, salt]).permutation(count)]
    used = [name for name, share in settings.splits.items() if share > 0]
    dealt: dict[str, list[int]] = {name: [order.pop()] for name in used}
    spare, edges = len(order), np.cumsum([settings.splits[name] for name in used])
    for name, low, high in zip(used, np.concatenate([[0.0], edges[:-1]]), edges, strict=True):
        dealt[name] += order[round(low * spare) : round(high * spare)]
    return dealt


def _emotions(
    label: str, channels: tuple[str, ...], disagree: float, rng: np.random.Generator
) -> tuple[dict[str, str], str | None]:
    shown = dict.fromkeys(("face", "voice", "words"), label)
    roll, which, other = rng.random(), rng.random(), int(rng.integers(len(EMOTIONS) - 1))
    if roll >= disagree or len(channels) < 2 or channels == ("face", "voice"):
        return shown, None  # of two channels without words neither could be said to be the odd one
    odd = "words" if len(channels) == 2 or which < 0.5 else ("face" if which < 0.75 else "voice")
    shown[odd] = [e for e in EMOTIONS if e != label][other]
    return shown, odd


def _strengths(channels: tuple[str, ...], odd: str | None, weak: float, rng: np.random.Generator) -> dict[str, float]:
    """How clearly each channel speaks; at least one that agrees with the label does."""
    clear, faint, dull = rng.uniform(0.55, 1.05, 3), rng.uniform(0.0, 0.3, 3), rng.random(3) < weak
    names = ("face", "voice", "words")
    carriers = [c for c in channels if c != odd]
    if all(dull[names.index(c)] for c in carriers):
        dull[names.index(_one_of_names(carriers, rng))] = False
    if odd:
        dull[:] = False
    strengths = {c: float(faint[k] if dull[k] else clear[k]) for k, c in enumerate(names)}
    strengths["words"] = 0.0 if dull[2] else 1.0
    return strengths


def _camera(domain: Domain, rng: np.random.Generator) -> Camera:
    r, g, b = (float(v) for v in rng.uniform(0.9, 1.1, 3))
    if domain == "source":
        grey = float(rng.uniform(110, 185))
        return Camera(
            (grey * r, grey * g, grey * b), float(rng.uniform(-0.35, 0.35)), float(rng.uniform(0.92, 1.06)), noise=2.0
        )
    grey = float(rng.uniform(50, 150))
    warm = float(rng.uniform(-0.12, 0.12))
    return Camera(
        background=(grey * r * 1.1, grey * g, grey * b * 0.9),
        side_light=float(rng.choice([-1, 1]) * rng.uniform(0.5, 1.1)),
        gain=float(rng.uniform(0.7, 1.15)),
        cast=(1 + warm, 1.0, 1 - warm),
        blur=float(rng.uniform(0.3, 0.9)),
        noise=float(rng.uniform(4, 9)),
        size=int(rng.choice([112, 128, 144])),
    )


def _sound(domain: Domain, rng: np.random.Generator) -> Sound:
    lead, tail = float(rng.uniform(0.1, 0.3)), float(rng.uniform(0.15, 0.35))
    return Sound(lead, tail, float(rng.uniform(-66, -56) if domain == "source" else rng.uniform(-46, -34)))


def _draw(shares: Mapping[str, float], rng: np.random.Generator) -> str:
    names = list(shares)
    return names[int(np.searchsorted(np.cumsum(list(shares.values())) - 1e-9, rng.random() * (1 - 1e-9)))]


def _one_of(options: list[int], rng: np.random.Generator) -> int:
    return options[int(rng.integers(len(options)))]


def _one_of_names(options: list[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
