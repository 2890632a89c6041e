"""From action units to shapes: where brows, lids, nose and lips lie, in face units.

The origin is the middle of the face, x to the viewer's right, y down; one unit is half the width of an average face.
Nothing here draws; :mod:`affectrl.data.sandbox.face` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from affectrl.data.sandbox.identity import Face

Units = Mapping[str, float]
"""Action-unit intensities 0..1 by name (``AU12``); also ``blink`` 0..1. What is absent is 0."""

EYE_Y, BROW_Y, NOSE_Y, MOUTH_Y, CHIN_Y = -0.17, -0.47, 0.32, 0.70, 1.24
_ACROSS = np.linspace(-1.0, 1.0, 25)


def outline(face: Face, jaw_drop: float) -> np.ndarray:
    """The head's edge from the hairline round the chin, shape (N, 2)."""
    angle = np.linspace(0.0, 2 * np.pi, 96, endpoint=False)
    down = np.clip(np.sin(angle), 0.0, None)
    across = np.cos(angle)
    chin = CHIN_Y * face.chin + 0.17 * jaw_drop
    narrow = 1.0 - (0.30 - 0.35 * (face.jaw - 1.0)) * down**2.2 - 0.05 * jaw_drop * down
    square = np.sign(across) * np.abs(across) ** (0.86 - 0.3 * (face.jaw - 1.0) * (down > 0))
    x = 0.97 * face.width * square * narrow
    y = np.where(np.sin(angle) > 0, chin * down**0.92, 1.28 * np.sin(angle))
    return np.stack([x, y], axis=1)


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye; both lids share their corner points."""

    centre: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    fold: np.ndarray
    iris_radius: float
    open: float


def eye(face: Face, units: Units, side: int) -> Eye:
    """The eye on the viewer's left (``side`` -1) or right (1)."""
    get = units.get
    half = 0.205 * face.eye_size
    centre = np.array([side * 0.415 * face.eye_gap, EYE_Y])
    wide = 1 + 0.75 * get("AU5", 0) - 0.30 * get("AU7", 0) - 0.15 * get("AU6", 0) - 0.45 * get("AU41", 0)
    up = 0.098 * face.eye_size * max(wide, 0.1)
    low = 0.062 * max(1 - 0.65 * get("AU7", 0) - 0.75 * get("AU6", 0) + 0.15 * get("AU5", 0), 0.05)
    blink = float(np.clip(get("blink", 0), 0, 1))
    upper = -up + blink * (up + low * 0.8)
    t = _ACROSS
    bow = (1 - t**2) ** 0.8
    slant = 0.018 * side * t  # outer corners sit a little higher than inner ones
    lean = 0.035 * get("AU1", 0) * side * t  # a raised inner brow pulls the lid's inner half up with it
    x = centre[0] + half * t
    top = np.stack([x, centre[1] + upper * bow - slant + lean * bow], axis=1)
    bottom = np.stack([x, centre[1] + low * bow - slant], axis=1)
    lift = 0.045 + 0.02 * get("AU5", 0) - 0.02 * get("AU4", 0)
    fold = top[2:-2] - np.array([0.0, lift]) * bow[2:-2, None] ** 0.5
    return Eye(centre, top, bottom, fold, 0.092 * face.eye_size, (low - upper) / 0.16)


def brow(face: Face, units: Units, side: int) -> np.ndarray:
    """The brow as a closed shape (N, 2), thick inside and thin outside."""
    get = units.get
    one, two, four, nine = get("AU1", 0), get("AU2", 0), get("AU4", 0), get("AU9", 0)
    y = BROW_Y * face.brow_height
    inner = (0.19 - 0.06 * four, y + 0.02 - 0.15 * one - 0.03 * two + 0.13 * four + 0.06 * nine)
    middle = (0.45, y - 0.05 - 0.08 * one - 0.13 * two + 0.09 * four + 0.03 * nine)
    outer = (0.72 * face.width, y + 0.06 - 0.16 * two + 0.02 * four + 0.02 * one)
    t = np.linspace(0, 1, 14)[:, None]
    points = [np.array(p) for p in (inner, middle, outer)]
    # a quadratic through all three points, not only towards the middle one
    control = 2 * points[1] - 0.5 * (points[0] + points[2])
    line = (1 - t) ** 2 * points[0] + 2 * t * (1 - t) * control + t**2 * points[2]
    thick = 0.052 * face.brow_thickness * (1 - 0.75 * t[:, 0] ** 1.6) * np.minimum(1, 0.55 + 3 * t[:, 0])
    upper, lower = line.copy(), line.copy()
    upper[:, 1] -= thick
    lower[:, 1] += thick * 0.8
    shape = np.concatenate([upper, lower[::-1]])
    shape[:, 0] *= side
    return shape


@dataclass(frozen=True, slots=True)
class Mouth:
    """Lips from corner to corner; each line is (25, 2), left to right."""

    outer_upper: np.ndarray
    inner_upper: np.ndarray
    inner_lower: np.ndarray
    outer_lower: np.ndarray
    open: float


def mouth(face: Face, units: Units) -> Mouth:
    """Where the lips are."""
    get = units.get
    tight = max(0.25, 1 - 0.5 * get("AU23", 0) - 0.65 * get("AU24", 0) - 0.25 * get("AU20", 0))
    half = 0.345 * face.mouth_width
    half += 0.13 * get("AU12", 0) + 0.12 * get("AU20", 0) - 0.05 * get("AU23", 0) - 0.11 * get("AU26", 0)
    corner = -0.17 * get("AU12", 0) + 0.15 * get("AU15", 0) + 0.05 * get("AU20", 0)
    middle = 0.03 * get("AU12", 0) - 0.07 * get("AU17", 0) - 0.03 * get("AU15", 0)
    lips_part = get("AU25", 0) * (1 - 0.8 * max(get("AU23", 0), get("AU24", 0)))
    up = 0.035 * lips_part + 0.085 * get("AU10", 0) + 0.045 * get("AU9", 0) + 0.09 * get("AU26", 0)
    low = 0.055 * lips_part + 0.32 * get("AU26", 0) + 0.085 * get("AU16", 0)
    low *= 1 - 0.5 * get("AU17", 0)
    t = _ACROSS
    bow = np.clip(1 - t**2, 0, None)
    rest = MOUTH_Y + middle + (corner - middle) * np.abs(t) ** 1.8
    inner_upper = rest - up * bow**0.7
    inner_lower = rest + low * bow**0.6
    cupid = 1 - 0.22 * np.exp(-((t / 0.16) ** 2))
    sneer = 1 - 0.25 * get("AU10", 0)
    outer_upper = inner_upper - 0.078 * face.lip_fullness * tight * sneer * bow**0.75 * cupid
    pout = 1 + 0.35 * get("AU17", 0)
    outer_lower = inner_lower + 0.098 * face.lip_fullness * tight * pout * bow**0.65
    x = half * t
    lines = [np.stack([x, y], axis=1) for y in (outer_upper, inner_upper, inner_lower, outer_lower)]
    return Mouth(lines[0], lines[1], lines[2], lines[3], up + low)


Crease = tuple[np.ndarray, float]
"""A line (N, 2) and how dark it is, 0..1."""


def creases(face: Face, units: Units) -> list[Crease]:
    """The lines that moving skin throws, and those that years left."""
    get = units.get
    age, found = face.age, []

    def both(points: list[tuple[float, float]], strength: float) -> None:
        if strength > 0.04:
            line = np.array(points)
            found.append((line, min(strength, 1.0)))
            found.append((line * (-1, 1), min(strength, 1.0)))

    raised = 0.5 * get("AU1", 0) + 0.5 * get("AU2", 0)
    for height, share in ((-0.66, 1.0), (-0.74, 0.9), (-0.82, 0.6)):
        lift = -0.05 * raised - 0.04 * get("AU1", 0)
        both(
            [(0, height + lift), (0.25, height + lift - 0.015), (0.5, height + lift + 0.02)],
            (0.9 * raised + 0.25 * age) * share,
        )
    frown = get("AU4", 0)
    both([(0.075, -0.56 + 0.06 * frown), (0.065, -0.42), (0.085, -0.32)], 0.95 * frown + 0.12 * age)
    nose = get("AU9", 0)
    both([(0.02, -0.16), (0.10, -0.22)], nose)
    both([(0.03, -0.07), (0.13, -0.13)], nose)
    both([(0.04, 0.02), (0.16, -0.03)], 0.9 * nose)
    both([(0.17, 0.14), (0.23, 0.22), (0.24, 0.32)], 0.7 * nose)
    cheek = 0.75 * get("AU12", 0) + 0.7 * get("AU10", 0) + 0.45 * nose + 0.3 * age + 0.2 * get("AU15", 0)
    bulge = 0.08 * get("AU12", 0)
    both([(0.19, 0.29), (0.31 + bulge, 0.42), (0.41 + bulge, 0.58), (0.43 + bulge, 0.68)], cheek)
    crow = 0.85 * get("AU6", 0) + 0.25 * age
    both([(0.68, -0.19), (0.79, -0.25)], crow)
    both([(0.68, -0.14), (0.80, -0.14)], crow)
    both([(0.67, -0.09), (0.77, -0.04)], 0.8 * crow)
    bag = 0.6 * get("AU6", 0) + 0.6 * get("AU7", 0) + 0.35 * age
    both([(0.24, -0.05), (0.40, 0.0), (0.58, -0.05)], bag)
    droop = 0.8 * get("AU15", 0) + 0.2 * age
    both([(0.36, 0.80), (0.40, 0.90), (0.40, 0.98)], droop)
    both([(0.50, 0.62), (0.53, 0.72), (0.50, 0.82)], 0.8 * get("AU20", 0) + 0.5 * get("AU12", 0))
    both([(0.0, 0.95), (0.10, 0.96), (0.18, 1.01)], 0.75 * get("AU17", 0) + 0.12)
    both([(0.10, 0.55), (0.12, 0.61)], 0.6 * max(get("AU23", 0), get("AU24", 0)))
    return found
