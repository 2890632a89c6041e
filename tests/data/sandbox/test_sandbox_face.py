from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from affectrl.data.media.faces import find_faces
from affectrl.data.media.frames import Frames
from affectrl.data.sandbox import geometry
from affectrl.data.sandbox.expressions import apex, expression_table, moment, sample_expression
from affectrl.data.sandbox.face import Artist
from affectrl.data.sandbox.identity import Face, speaker
from affectrl.data.sandbox.utterances import EMOTIONS

Measure = Callable[[Face, dict[str, float]], float]


def _corner_height(face: Face, units: dict[str, float]) -> float:
    lips = geometry.mouth(face, units)
    return float(lips.inner_upper[12, 1] - lips.inner_upper[0, 1])


def _brow(index: int) -> Measure:
    return lambda face, units: -float(geometry.brow(face, units, 1)[index, 1])


MONOTONIC: list[tuple[str, Measure]] = [
    ("AU12", _corner_height),
    ("AU15", lambda f, u: -_corner_height(f, u)),
    ("AU26", lambda f, u: geometry.mouth(f, u).open),
    ("AU25", lambda f, u: geometry.mouth(f, u).open),
    ("AU20", lambda f, u: float(np.ptp(geometry.mouth(f, u).inner_upper[:, 0]))),
    ("AU10", lambda f, u: -float(geometry.mouth(f, u).inner_upper[12, 1])),
    ("AU5", lambda f, u: geometry.eye(f, u, 1).open),
    ("AU7", lambda f, u: -geometry.eye(f, u, 1).open),
    ("blink", lambda f, u: -geometry.eye(f, u, 1).open),
    ("AU1", _brow(0)),
    ("AU2", _brow(13)),
    ("AU4", lambda f, u: -_brow(0)(f, u)),
    ("AU9", lambda f, u: sum(strength for _, strength in geometry.creases(f, u))),
    ("AU6", lambda f, u: sum(strength for _, strength in geometry.creases(f, u))),
]


@pytest.mark.parametrize(("unit", "measure"), MONOTONIC, ids=[unit for unit, _ in MONOTONIC])
@pytest.mark.parametrize("person", [0, 1])
def test_more_of_an_action_unit_moves_the_face_further(unit: str, measure: Measure, person: int) -> None:
    face = speaker(0, "source", person).face
    values = [measure(face, {unit: amount}) for amount in np.linspace(0, 1, 6)]
    assert np.all(np.diff(values) >= 0)
    assert values[-1] > values[0]


def test_every_unit_that_an_emotion_uses_has_words() -> None:
    table = expression_table()
    for row in table["emotions"].values():
        assert {*row["core"], *row["maybe"]} <= set(table["units"])
        assert set(row["cite"]) <= set(table["sources"])


def _full(emotion: str) -> dict[str, float]:
    return expression_table()["emotions"][emotion]["core"]


def test_the_seven_full_expressions_look_different() -> None:
    artist = Artist(speaker(0, "source", 0).face)
    drawn = [artist.draw(_full(emotion)).astype(float) for emotion in EMOTIONS]
    for i, one in enumerate(drawn):
        for other in drawn[:i]:
            assert np.mean(np.abs(one - other).max(axis=2) > 40) > 0.005


@pytest.mark.parametrize("domain", ["source", "shifted"])
def test_the_cascade_finds_the_faces(domain: str) -> None:
    found = []
    for number in range(4):
        artist = Artist(speaker(1, domain, number).face)
        pictures = np.stack([artist.draw(_full(emotion)) for emotion in EMOTIONS])
        found += [find_faces(Frames(picture[None], np.zeros(1), ()))[0].found[0] for picture in pictures]
    assert np.mean(found) >= 0.95


def test_a_display_rises_to_its_apex_and_talking_opens_the_mouth() -> None:
    rng = np.random.default_rng(0)
    shown = sample_expression("surprised", 1.0, speaker(0, "source", 0).face, rng)
    strongest = max(shown.peaks, key=lambda unit: shown.peaks[unit] - shown.rest.get(unit, 0.0))
    before, _ = moment(shown, 0.0, 3.0, 0.0)
    at_apex, _ = moment(shown, sum(shown.onset), 3.0, 0.0)
    assert before[strongest] < at_apex[strongest] == pytest.approx(apex(shown)[0][strongest], abs=0.02)
    silent, _ = moment(shown, 0.0, 3.0, 0.0)
    loud, _ = moment(shown, 0.0, 3.0, 1.0)
    assert loud["AU26"] > silent.get("AU26", 0.0)


def test_the_same_face_is_drawn_the_same_way() -> None:
    pictures = [Artist(speaker(4, "shifted", 3).face).draw({"AU12": 0.7}) for _ in range(2)]
    assert np.array_equal(*pictures)
