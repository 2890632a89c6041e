from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from affectrl.data.media.audio import SAMPLE_RATE, Waveform
from affectrl.data.media.faces import FaceTrack
from affectrl.errors import AffectError, ModelError
from affectrl.models import weights
from affectrl.models.encoders import face_hog, whisper
from affectrl.models.weight_formats.ctranslate2_bin import read_tensors


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    """Something with pitch, rhythm and noise, float32."""
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(seed).normal(size=len(t))
    level = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * t)
    return (0.2 * level * (np.sin(2 * np.pi * (150 + 40 * t) * t) + 0.2 * noise)).astype(np.float32)


@pytest.fixture(scope="module")
def encoder():
    return whisper.build()


@pytest.fixture(scope="module")
def package_file() -> Path:
    found = weights.resolve("whisper-tiny.en")
    if found.origin != "package":
        pytest.skip("whisper-tiny.en is not resolved to its package here")
    return Path(found.location)


@pytest.mark.parametrize("seconds", [3.0, 30.0])
def test_equal_to_what_the_ctranslate2_runtime_computes(encoder, package_file, seconds):
    runtime = pytest.importorskip("ctranslate2")
    theirs = runtime.models.Whisper(str(package_file.parent), device="cpu", compute_type="float32", inter_threads=1)
    mel = encoder._mel(sound(seconds), sampling_rate=SAMPLE_RATE, padding=False, return_tensors="np").input_features
    view = runtime.StorageView.from_array(np.ascontiguousarray(mel))
    wanted = np.array(theirs.encode(view, to_cpu=True))
    with torch.inference_mode():
        ours = encoder._states(torch.from_numpy(mel))[-1].numpy()
    assert ours.shape == wanted.shape == (1, round(50 * seconds), 384)
    assert np.abs(wanted).max() > 1
    np.testing.assert_allclose(ours, wanted, atol=1e-3, rtol=1e-3)


def test_states_equal_those_of_transformers_at_full_length(encoder):
    samples = sound(30)
    mel = encoder._mel(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
    with torch.inference_mode():
        wanted = encoder.model(mel, output_hidden_states=True).hidden_states
        ours = encoder._states(mel)
    assert len(ours) == len(wanted) == 5
    for state, theirs in zip(ours, wanted, strict=True):
        torch.testing.assert_close(state, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("seconds", "rows"), [(0.001, 1), (0.05, 1), (0.1, 1), (0.15, 2), (1.0, 10), (2.55, 26), (30.0, 300), (31.0, 310)]
)
def test_ten_rows_a_second_however_short_or_long(encoder, seconds, rows):
    features = encoder.encode(Waveform(sound(seconds)))
    assert features.shape == (rows, encoder.dim)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert np.isfinite(features.astype(np.float16)).all(), "features are kept as float16"


def test_a_long_clip_is_its_windows_one_after_another(encoder):
    samples = sound(32.5)
    window = 30 * SAMPLE_RATE
    parts = [encoder.encode(Waveform(part)) for part in (samples[:window], samples[window:])]
    np.testing.assert_allclose(encoder.encode(Waveform(samples)), np.concatenate(parts), atol=1e-5)


def test_rows_are_means_of_states(encoder):
    samples = sound(1.0)
    mel = encoder._mel(samples, sampling_rate=SAMPLE_RATE, padding=False, return_tensors="pt").input_features
    with torch.inference_mode():
        states = torch.cat(encoder._states(mel), -1)[0].numpy()
    wanted = np.stack([states[5 * i : 5 * i + 5].mean(0) for i in range(10)])
    np.testing.assert_allclose(encoder.encode(Waveform(samples)), wanted, atol=1e-4)


def test_layers_and_rate_are_chosen_and_part_of_the_key(encoder):
    other = whisper.build(layers=[1, 4], rate_hz=25)
    waveform = Waveform(sound(1.0))
    assert other.encode(waveform).shape == (25, 2 * 384)
    assert other.dim == 768
    assert other.key != encoder.key
    whole = encoder.encode(waveform).reshape(10, 5, 384)
    pairs = other.encode(waveform).reshape(25, 2, 384)
    np.testing.assert_allclose(pairs.mean(0), whole[:, [1, 4]].mean(0), atol=1e-3)


@pytest.mark.parametrize(
    "settings", [{"layers": [9]}, {"layers": []}, {"layers": [1, 1]}, {"rate_hz": 7}, {"rate_hz": 0}]
)
def test_settings_that_cannot_be(settings):
    with pytest.raises(ModelError, match=next(iter(settings))):
        whisper.build(**settings)


def test_weights_of_one_name_in_two_places_are_told_apart(encoder, tmp_path):
    from transformers import WhisperConfig, WhisperModel

    keys = set()
    for seed in (0, 1):
        torch.manual_seed(seed)
        small = {"encoder_layers": 1, "decoder_layers": 1, "d_model": 16, "vocab_size": 60, "pad_token_id": 0}
        heads = {
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 16,
            "decoder_ffn_dim": 16,
        }
        folder = tmp_path / str(seed) / "whisper-tiny.en"
        tokens = {"bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
        WhisperModel(WhisperConfig(**small, **heads, **tokens)).save_pretrained(folder)
        built = whisper.build(str(folder))
        assert built.encode(Waveform(sound(0.5))).shape == (5, 2 * 16)
        keys.add(built.key)
    assert len(keys | {encoder.key}) == 3


def test_a_file_that_is_cut_short_or_of_another_kind(package_file, tmp_path):
    head = package_file.open("rb").read(1 << 20)
    assert head[:4] == b"\x06\0\0\0"
    cut = tmp_path / "model.bin"
    for size in (0, 3, 4, 20, 100, 5000, 1 << 20):
        cut.write_bytes(head[:size])
        with pytest.raises(ModelError) as caught:
            read_tensors(cut)
        assert caught.value.code == "weights_corrupt"
    cut.write_bytes(b"\x05" + head[1:])
    with pytest.raises(ModelError, match="version 5") as caught:
        read_tensors(cut)
    assert caught.value.code == "weights_version"


def track(count: int, side: int) -> FaceTrack:
    crops = np.random.default_rng(0).integers(0, 255, (count, side, side, 3), np.uint8)
    return FaceTrack(crops, np.zeros((count, 4)), np.ones(count, bool))


@pytest.mark.parametrize(("count", "side"), [(1, 64), (8, 64), (3, 96)])
def test_a_row_a_crop(count, side):
    encoder = face_hog.build()
    features = encoder.encode(track(count, side).crops)
    # 7 x 7 blocks of 2 x 2 cells with 9 bins, twice
    assert encoder.dim == 2 * 7 * 7 * 4 * 9
    assert features.shape == (count, encoder.dim)
    assert features.dtype == np.float32


def test_face_hog_equals_the_formula_on_gradients():
    """A vertical edge puts all of a block's energy into the bins of horizontal gradients."""
    crop = np.zeros((1, 64, 64, 3), np.uint8)
    crop[:, :, 32:] = 200
    rows = face_hog.build().encode(crop)[0]
    hog = rows[: len(rows) // 2].reshape(-1, 9)
    assert hog.sum() > 1
    assert hog[:, [0, 8]].sum() > 0.95 * hog.sum()


def test_the_second_half_is_what_the_face_did():
    encoder = face_hog.build()
    rows = encoder.encode(track(5, 64).crops)
    hog, moved = np.split(rows, 2, axis=1)
    np.testing.assert_allclose(moved, hog - np.median(hog, axis=0), atol=1e-6)
    still = FaceTrack(np.repeat(track(1, 64).crops, 4, 0), np.zeros((4, 4)), np.ones(4, bool))
    assert np.abs(np.split(encoder.encode(still.crops), 2, axis=1)[1]).max() == 0


def test_brightness_and_contrast_hardly_matter():
    encoder = face_hog.build()
    crops = np.kron(np.random.default_rng(0).integers(60, 180, (1, 16, 16, 1)), np.ones((1, 4, 4, 3))).astype(np.uint8)
    dim = (crops * 0.5 + 10).astype(np.uint8)
    a, b = (encoder.encode(c)[0] for c in (crops, dim))
    assert np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b) > 0.98


def test_other_crops_have_another_key():
    small = face_hog.build(crop=32, cell=8, bins=6)
    assert small.key != face_hog.build().key
    assert small.encode(track(2, 96).crops).shape == (2, small.dim)


@pytest.mark.parametrize("settings", [{"crop": 60, "cell": 8}, {"cell": 0}, {"bins": 0}, {"crop": 8, "cell": 8}])
def test_hog_settings_that_cannot_be(settings):
    with pytest.raises(AffectError):
        face_hog.build(**settings)
