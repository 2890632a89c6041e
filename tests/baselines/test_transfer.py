"""Transfer between populations whose classes we placed."""

from __future__ import annotations

import numpy as np
import pytest

from affectrl.baselines.transfer import Population, common_labels, few_shots, findings, matrix
from affectrl.data.clip import Clip
from affectrl.errors import DataError

LABELS = ("angry", "happy", "sad")
CENTRES = np.array([[4.0, 0, 0, 0], [0, 4.0, 0, 0], [0, 0, 4.0, 0]])


def drawn(name: str, shift: float = 0.0, turn: int = 0, people: int = 8, seed: int = 0) -> Population:
    """Three clear classes; moved by ``shift``, or with the classes in each other's places."""
    draw = np.random.default_rng(seed)
    y = np.tile(np.arange(3), people * 5)
    values = CENTRES[(y + turn) % 3] + draw.standard_normal((len(y), 4)) + shift
    speakers = tuple(f"{name}{i}" for i in range(people) for _ in range(15))
    return Population(name, values, tuple(LABELS[k] for k in y), speakers)


def test_the_same_classes_carry_over_and_swapped_ones_do_not() -> None:
    home, like, swapped = drawn("a"), drawn("b", seed=1), drawn("c", turn=1, seed=2)
    found = matrix([home, like, swapped])
    assert found["a"]["a"].value > 0.9
    assert found["a"]["b"].value > 0.9
    assert found["a"]["c"].value < 0.1
    assert found["c"]["c"].value > 0.9
    assert found["a"]["b"].groups == 8


def test_standardizing_each_population_undoes_a_shift() -> None:
    home, moved = drawn("a"), drawn("b", shift=30.0, seed=1)
    before = matrix([home, moved])["a"]["b"].value
    after = matrix([home.alone(), moved.alone()])["a"]["b"].value
    assert after > 0.9
    assert after > before + 0.2


def test_a_few_clips_teach_a_new_population() -> None:
    """Thirty clips of the old population against sixty of the new one, in which the classes changed places."""
    found = few_shots(drawn("a", people=2), drawn("c", turn=1, seed=2), shots=(0, 20), draws=2)
    (none, few) = found["with a"]
    assert none[1].value < 0.1
    assert few[1].value > none[1].value + 0.3
    assert [count for count, _ in found["alone"]] == [20]
    assert found["alone"][0][1].value > 0.9
    assert few[1].n == 60, "half of eight people, fifteen clips each"
    with pytest.raises(DataError):
        few_shots(drawn("a"), drawn("d", people=1))


def test_labels_that_mean_the_same() -> None:
    def clips(*labels: str) -> list[Clip]:
        return [Clip(id=label, text="x", labels=(label,)) for label in labels]

    sets = {
        "en": clips("angry", "happy", "sad", "neutral", "calm"),
        "de": clips("anger", "happiness", "sadness", "neutral"),
    }
    assert common_labels(sets)["de"] == {"anger": "angry", "happiness": "happy", "neutral": "neutral", "sadness": "sad"}
    assert "calm" not in common_labels(sets)["en"]
    with pytest.raises(DataError):
        common_labels({"a": clips("angry"), "b": clips("sad", "happy")})


def test_the_page_has_the_matrix_and_the_curves(tmp_path) -> None:
    from affectrl.report import probes

    sets = [drawn("a"), drawn("b", seed=1)]
    found = findings({"plain": matrix(sets)}, {"a to b": few_shots(*sets, shots=(0, 1), draws=2)}, sets, {})
    assert found.values["clips"] == {"a": 120, "b": 120}
    page = probes.write(found, tmp_path).read_text()
    assert page.count("<svg") == 1
    assert "tested on b" in page
