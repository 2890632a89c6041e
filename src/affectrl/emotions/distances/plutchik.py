"""Plutchik's wheel of emotions as a distance: steps round the wheel, and steps of intensity towards its centre.

A word is a point: an angle (its petal, eight of them, 45 degrees apart) and a radius r: 0 for neutral, 1/2 for a mild
form (annoyance), 1 for the basic word (anger), 3/2 for an intense form (rage). The mix of two neighbouring petals lies
half-way between them. With ``a`` the angle between two words as a share of half a turn,

    W = min(1, min(r1, r2) * a + |r1 - r2| / 2)

so two basic words are 1/4, 1/2, 3/4, 1 apart for one to four steps, each ring is one step (1/4) from the next, and
neutral is 1/2 from every basic word. This is the length of the shortest path whose element is
``|dr| / 2 + r |dphi| / pi`` (along the inner ring; between opposites the way through the centre is as short), cut off
at 1: a true metric, up to words that share a point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affectrl.emotions.distances._words import place, table
from affectrl.errors import DataError

PETALS = ("joy", "trust", "fear", "surprise", "sadness", "disgust", "anger", "anticipation")
"""Round the wheel; each has its opposite four steps on."""
RINGS = {"neutral": 0.0, "mild": 0.5, "basic": 1.0, "intense": 1.5}
SCALE = "1/4 for a step round the wheel or between rings, 1 for opposite petals; neutral is 1/2 from each basic word."
SOURCE = (
    "Plutchik, 1980, Emotion: A Psychoevolutionary Synthesis; 2001, The Nature of Emotions, American Scientist 89(4). "
    "Rings and formula are ours; plutchik.yaml gives a source and a reason for each word."
)


@cache
def points() -> dict[str, tuple[float, float]]:
    """Every known word -> (angle in steps of a petal, 0 to under 8; radius).

    Raises:
        DataError: ``data_invalid``: a row of ``plutchik.yaml`` is not as it should be.
    """
    return {word: _point(word, row) for word, row in table("plutchik")["words"].items()}


def _point(word: str, row: Mapping[str, Any]) -> tuple[float, float]:
    ring = row.get("ring")
    radius = RINGS.get(ring) if isinstance(ring, str) else ring
    steps = sorted(PETALS.index(petal) for petal in row.get("petals", []) if petal in PETALS)
    whole = set(row) <= {"petals", "ring", "why", "source"} and row.get("why") and row.get("source")
    neighbours = len(steps) < 2 or steps[1] - steps[0] in (1, len(PETALS) - 1)
    if radius is None or len(steps) > 2 or not neighbours or (radius > 0) != bool(steps) or not whole:
        raise DataError(
            f"plutchik.yaml: {word!r} needs a ring, its one or two petals, why and source.", code="data_invalid"
        )
    if steps == [0, len(PETALS) - 1]:
        return len(PETALS) - 0.5, float(radius)
    return sum(steps) / max(1, len(steps)), float(radius)


def spot(word: str) -> tuple[float, float]:
    """Where a word stands: angle in steps of a petal (0 to under 8), radius.

    Raises:
        UsageError: ``distance_label``: as :func:`matrix`.
    """
    return place(word, points(), "plutchik")[1]


def matrix(labels: Sequence[str]) -> NDArray[np.float64]:
    """W of the labels, (K, K) in [0, 1].

    Raises:
        UsageError: ``distance_label``: a label that is not in ``plutchik.yaml``, nor a word of its family.
    """
    angle, radius = np.array([place(label, points(), "plutchik")[1] for label in labels]).T
    steps = np.abs(angle[:, None] - angle)
    share = np.minimum(steps, len(PETALS) - steps) / (len(PETALS) / 2)
    inner = np.minimum(radius[:, None], radius)
    return np.asarray(np.minimum(1.0, inner * share + np.abs(radius[:, None] - radius) / 2))


def notes(labels: Sequence[str]) -> list[str]:
    """Which labels the wheel does not print, and why they stand where they do."""
    rows = table("plutchik")["words"]
    own = ("petal", "mild form", "intense form", "dyad", "adjective", "the absence")
    told = []
    for label in labels:
        word, _ = place(label, points(), "plutchik")
        if not rows[word]["why"].startswith(own):
            petals = " + ".join(rows[word]["petals"])
            told.append(f"{label!r} is not on Plutchik's wheel; placed on {petals}: {rows[word]['why']}.")
    return told
