"""Calibration: figures that are held out, and a file that acts on what it was fitted for and on nothing else."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from scipy.special import log_softmax, softmax

from affectrl.errors import ModelError, UsageError
from affectrl.evaluation.calibrate import Scores, calibrate, split
from affectrl.inference import calibration
from affectrl.inference.model import load
from affectrl.metrics import scaling
from affectrl.metrics.calibration import ece

LABELS = ("happy", "sad", "neutral")


def scores(n: int = 300, factor: float = 0.4, bias: tuple[float, ...] = (0.0, 0.0, 0.0), speakers: int = 10) -> Scores:
    rng = np.random.default_rng(3)
    logprobs = log_softmax(4 * rng.standard_normal((n, 3)), axis=1)
    chances = softmax(factor * logprobs + np.array(bias), axis=1)
    truth = np.array([rng.choice(3, p=p) for p in chances])
    who = [f"s{i % speakers}" for i in range(n)] if speakers else [None] * n
    return Scores(LABELS, logprobs, truth, [f"c{i}" for i in range(n)], who, [], "some")


def test_a_model_that_is_too_sure() -> None:
    told = scores()
    found = calibrate(told, method="temperature")
    assert found.calibration.scaling.temperature == pytest.approx(2.5, rel=0.2)
    assert found.before.ece.value > 0.15
    assert found.after.ece.value < 0.08
    assert found.after.accuracy == found.before.accuracy
    assert found.after.log_loss < found.before.log_loss
    plain = softmax(told.logprobs, axis=1)
    assert found.before.ece.value == pytest.approx(ece(plain.max(1), plain.argmax(1) == told.truth))


def test_what_is_reported_was_held_out() -> None:
    told = scores()
    found = calibrate(told, method="temperature", folds=4)
    parts, by_speaker = split(told, 4, 0)
    assert by_speaker
    assert sorted(np.concatenate(parts).tolist()) == list(range(300))
    expected = np.empty(300)
    for held in parts:
        rest = [i for i in range(300) if i not in set(held.tolist())]
        assert not {told.speakers[i] for i in held} & {told.speakers[i] for i in rest}
        t = scaling.fit(told.logprobs[rest], told.truth[rest]).temperature
        expected[held] = softmax(told.logprobs[held] / t, axis=1).max(1)
    assert found.confidence["after"] == pytest.approx(expected, abs=1e-9)
    assert not calibrate(replace(told, speakers=[None] * 300), method="temperature").by_speaker


def test_vector_scaling_only_where_it_pays() -> None:
    assert calibrate(scores()).calibration.scaling.method == "temperature"
    assert calibrate(scores(bias=(2.0, 0.0, -2.0))).calibration.scaling.method == "vector"


@pytest.mark.parametrize(("asked", "code"), [({"folds": 61}, "calibration_few"), ({"method": "hope"}, "usage")])
def test_what_is_refused(asked: dict, code: str) -> None:
    with pytest.raises(UsageError) as error:
        calibrate(scores(), **asked)
    assert error.value.code == code


@pytest.fixture(scope="module")
def place(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path_factory.mktemp("calibrated") / "model"))


def test_the_command_and_what_it_changes(affectrl_command, place: Path, tmp_path: Path, small_media: Path) -> None:
    said = ["So good!", "I miss her.", "It is noon.", "Go away!", "Well.", "Oh no.", "Never mind, then.", "Yes!"]
    rows = [
        {"id": f"c{i}", "text": f"{said[i % 8]} {i // 8}", "labels": [LABELS[i % 3]], "speaker": f"s{i % 6}"}
        for i in range(24)
    ]
    manifest = tmp_path / "validation.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    before = load(place).predict(text="So good!", labels=LABELS)[0]
    assert before.calibration is None
    asked = ("--labels", ",".join(LABELS), "--method", "temperature", "--folds", "3", "-o", tmp_path / "account")
    done = affectrl_command("calibrate", place, "--data", manifest, *asked)
    assert done.status == 0, done.err
    assert "ECE after" in done.out
    told = json.loads((place / "calibration.json").read_text())
    assert told["measured"]["clips"] == 24
    assert "Temperature" in (tmp_path / "account" / "calibration.html").read_text()
    model = load(place)
    (after,) = model.predict(text="So good!", labels=LABELS, explain=True)
    assert after.calibration == "temperature"
    logs = np.log([before.scores[label] for label in LABELS]) / told["temperature"]
    assert [after.scores[label] for label in LABELS] == pytest.approx(softmax(logs).tolist(), abs=1e-5)
    assert sum(after.shares.values()) == pytest.approx(after.confidence, abs=1e-5)
    assert after.to_dict()["calibration"] == "temperature"
    assert model.predict(text="So good!", labels=LABELS[::-1])[0].calibration == "temperature"
    # Not for other labels, and not for answers that are written.
    assert model.predict(text="So good!", labels=["happy", "sad"])[0].calibration is None
    assert model.predict(text="So good!")[0].calibration is None
    model.save_pretrained(tmp_path / "again")
    assert load(tmp_path / "again").predict(text="So good!", labels=LABELS)[0].scores == pytest.approx(after.scores)


def test_a_calibration_of_other_weights(place: Path) -> None:
    folder = Path(shutil.copytree(place, place.with_name("stale")))
    found = calibrate(scores(), method="vector").calibration
    calibration.write(folder, found, {})
    assert calibration.read(folder) == found
    weights = load_file(folder / "fusion.safetensors")
    save_file({name: w + 1 for name, w in weights.items()}, folder / "fusion.safetensors")
    with pytest.raises(ModelError) as error:
        load(folder)
    assert error.value.code == "calibration_stale"


def test_labels_in_another_order() -> None:
    found = calibrate(scores(bias=(2.0, 0.0, -2.0)), method="vector").calibration
    logs = torch.tensor(scores().logprobs[:5])
    turned = found.probabilities(logs[:, [2, 0, 1]], ["neutral", "happy", "sad"])
    assert turned[:, [1, 2, 0]].numpy() == pytest.approx(found.probabilities(logs, LABELS).numpy())
    assert found.fits(["neutral", "happy", "sad"])
    assert not found.fits(["neutral", "happy"])


@pytest.mark.parametrize("damage", ["", "{}", '{"format_version": 2}', "[]"])
def test_a_damaged_file(place: Path, tmp_path: Path, damage: str) -> None:
    (tmp_path / "calibration.json").write_text(damage)
    with pytest.raises(ModelError) as error:
        calibration.read(tmp_path)
    assert error.value.code == "calibration_invalid"
