"""Who speaks in the sandbox: invented people, each a voice and a drawn face, fixed by seed and domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from affectrl.data.sandbox.acoustics import Voice

Domain = Literal["source", "shifted"]
Colour = tuple[float, float, float]
"""Red, green, blue, each 0..255."""

_VOICES: dict[Domain, dict[str, tuple[str, ...]]] = {
    "source": {
        "female": ("en-us+f2", "en-us+f3", "en+f1", "en+f4", "en-us+steph", "en+linda", "en-us+Andrea"),
        "male": ("en-us", "en-us+m3", "en+m1", "en+m7", "en-us+m2", "en+Michael", "en-us+ed"),
    },
    "shifted": {
        "female": ("en-gb-scotland+f3", "en-029+f2", "en-gb-x-gbclan+f4", "de+f3", "it+f2", "en-us-nyc+Annie"),
        "male": ("en-gb-scotland+m3", "en-029+m7", "en-gb-x-gbcwmd+m1", "nl+m2", "es+m1", "en-us-nyc+klatt4"),
    },
}
_SKINS: dict[Domain, tuple[Colour, ...]] = {
    "source": ((240, 205, 180), (228, 185, 155), (212, 165, 130), (190, 142, 108), (246, 216, 196)),
    "shifted": ((205, 160, 125), (172, 124, 92), (146, 102, 74), (224, 190, 150), (126, 86, 62)),
}
_HAIRS: dict[Domain, tuple[Colour, ...]] = {
    "source": ((52, 36, 26), (92, 62, 38), (150, 110, 60), (28, 24, 24), (196, 160, 96)),
    "shifted": ((24, 20, 22), (120, 46, 26), (176, 172, 170), (40, 30, 28), (86, 88, 96)),
}
_EYES: tuple[Colour, ...] = ((84, 56, 34), (70, 100, 130), (80, 110, 70), (50, 36, 28), (110, 90, 50))
_CLOTHES: tuple[Colour, ...] = ((60, 84, 120), (120, 60, 64), (70, 96, 76), (90, 90, 96), (140, 120, 80), (86, 66, 110))


@dataclass(frozen=True, slots=True)
class Face:
    """A drawn face at rest. Lengths are ratios around 1, amounts 0..1, colours red-green-blue 0..255."""

    skin: Colour
    hair: Colour
    iris: Colour
    clothes: Colour
    width: float
    jaw: float
    chin: float
    eye_size: float
    eye_gap: float
    brow_thickness: float
    brow_height: float
    nose_width: float
    nose_length: float
    mouth_width: float
    lip_fullness: float
    lip_red: float
    age: float
    """Depth of the lines that come with years."""
    hair_style: int
    """0 short, 1 parted, 2 long, 3 curly, 4 receding."""
    fringe: float
    beard: float
    glasses: bool
    resting: dict[str, float]
    """Action units that this person's face shows at rest."""
    vividness: float
    """How strongly this person's face moves; 1 is average."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """One invented person."""

    name: str
    gender: str
    voice: Voice
    face: Face


def speaker(seed: int, domain: Domain, number: int) -> Speaker:
    """Person ``number`` of a seed and domain; the same call gives the same person."""
    rng = np.random.default_rng([seed, 101, 0 if domain == "source" else 1, number])
    gender = "female" if number % 2 else "male"
    variants = _VOICES[domain][gender]
    voice = Voice(
        variant=variants[int(rng.integers(len(variants)))],
        pitch=float(rng.uniform(-2.5, 1.5)),
        rate=float(rng.uniform(0.92, 1.08)),
        loudness=float(rng.uniform(-2.0, 2.0)),
    )
    return Speaker(name=f"{domain}-s{seed}-{number:03d}", gender=gender, voice=voice, face=_face(rng, domain, gender))


def _face(rng: np.random.Generator, domain: Domain, gender: str) -> Face:
    def around(spread: float) -> float:
        return float(np.clip(rng.normal(1.0, spread), 1 - 2 * spread, 1 + 2 * spread))

    def pick(options: tuple[Colour, ...]) -> Colour:
        red, green, blue = options[int(rng.integers(len(options)))]
        wobble = rng.uniform(0.94, 1.06, 3)
        return (red * float(wobble[0]), green * float(wobble[1]), blue * float(wobble[2]))

    male = gender == "male"
    styles = (0, 1, 3, 4) if male else (1, 2, 2, 3)
    age = float(rng.beta(1.3, 2.4 if domain == "source" else 1.6))
    return Face(
        skin=pick(_SKINS[domain]),
        hair=pick(_HAIRS[domain]),
        iris=pick(_EYES),
        clothes=pick(_CLOTHES),
        width=around(0.04) + (0.02 if male else -0.02),
        jaw=around(0.06) + (0.05 if male else -0.03),
        chin=around(0.04),
        eye_size=around(0.07) + (0.0 if male else 0.05),
        eye_gap=around(0.04),
        brow_thickness=around(0.15) + (0.15 if male else -0.15),
        brow_height=around(0.05),
        nose_width=around(0.1),
        nose_length=around(0.05),
        mouth_width=around(0.07),
        lip_fullness=around(0.13) + (-0.08 if male else 0.1),
        lip_red=float(rng.uniform(0.1, 0.45) if male else rng.uniform(0.35, 0.9)),
        age=age,
        hair_style=int(styles[int(rng.integers(len(styles)))]),
        fringe=float(rng.uniform(0.0, 1.0)),
        beard=float(rng.uniform(0.3, 0.9)) if male and rng.random() < 0.3 else 0.0,
        glasses=bool(rng.random() < (0.2 if domain == "source" else 0.35)),
        resting={
            unit: float(max(0.0, rng.normal(0.0, 0.12)))
            for unit in ("AU1", "AU2", "AU4", "AU7", "AU12", "AU15", "AU17")
        },
        vividness=around(0.15),
    )
