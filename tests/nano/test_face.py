"""The face encoder: learns what can be learned, goes on where it was stopped, and is read by ``expression``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from affectrl.errors import ModelError
from affectrl.models.encoders import expression
from affectrl.nano.face import Settings, disturbed, network, train

SMALL = Settings(epochs=6, side=32, batch_size=8, lr=0.05, ema=0.5)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Happy faces are bright above, sad ones below."""
    root = tmp_path_factory.mktemp("faces")
    rng = np.random.default_rng(0)
    for part, count in (("train", 24), ("test", 8)):
        for label, light in (("happy", slice(0, 24)), ("sad", slice(24, 48))):
            for i in range(count):
                grey = rng.integers(0, 60, (48, 48)).astype(np.uint8)
                grey[light] += 150
                place = root / part / label / f"{i}.png"
                place.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(grey).save(place)
    return f"fer2013:{root}"


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(pictures, tmp_path_factory.mktemp("face") / "face", SMALL)


def test_it_learns_and_is_loaded_by_its_encoder(trained, pictures):
    encoder = expression.build(str(trained))
    assert (encoder.crop, encoder.dim, len(encoder.labels)) == (32, 256 + 7, 7)
    bright = np.full((2, 48, 48, 3), 30, np.uint8)
    bright[0, :24] = bright[1, 24:] = 200
    chances = encoder.probabilities(bright)
    assert chances.sum(1) == pytest.approx([1, 1], abs=1e-5)
    happy, sad = encoder.labels.index("happy"), encoder.labels.index("sad")
    assert chances[0, happy] > chances[0, sad]
    assert chances[1, sad] > chances[1, happy]
    features = encoder.encode(bright)
    assert features.shape == (2, 263)
    assert np.exp(features[:, -7:]) == pytest.approx(chances, abs=1e-3)


def test_a_mirrored_face_is_the_same_face_and_light_does_not_count(trained):
    encoder = expression.build(str(trained))
    crop = np.random.default_rng(1).integers(60, 160, (1, 48, 48, 3)).astype(np.uint8)
    plain = encoder.encode(crop)
    assert encoder.encode(crop[:, :, ::-1]) == pytest.approx(plain, abs=1e-4)
    assert encoder.encode(crop - 50) == pytest.approx(plain, abs=1e-3)


def test_a_stopped_training_ends_as_an_undisturbed_one(trained, pictures, tmp_path, monkeypatch):
    from affectrl.nano import face

    calls = []
    keep = face._keep

    def stop(*args):
        keep(*args)
        calls.append(1)
        raise KeyboardInterrupt

    monkeypatch.setattr(face, "_keep", stop)
    with pytest.raises(KeyboardInterrupt):
        train(pictures, tmp_path / "face", SMALL)
    monkeypatch.setattr(face, "_keep", keep)
    again = load_file(train(pictures, tmp_path / "face", SMALL) / "model.safetensors")
    whole = load_file(trained / "model.safetensors")
    assert len(calls) == 1
    assert all(torch.equal(again[name], whole[name]) for name in whole)


def test_kernels_are_halved_and_statistics_are_not(trained):
    kinds = {t.dtype for t in load_file(trained / "model.safetensors").values() if t.ndim > 1}
    assert kinds == {torch.float16}
    assert {t.dtype for t in load_file(trained / "model.safetensors").values() if t.ndim == 1} == {torch.float32}


def test_what_is_learned_from_keeps_its_form():
    torch.manual_seed(0)
    pixels = disturbed(torch.rand(5, 48, 48), 32)
    assert pixels.shape == (5, 1, 32, 32)
    assert pixels.isfinite().all()


def test_weights_of_another_kind_are_refused(tmp_path):
    net = network(32)
    net.config.image_size = None
    net.save_pretrained(tmp_path / "sideless")
    with pytest.raises(ModelError, match="image_size"):
        expression.build(str(tmp_path / "sideless"))
