from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from affectrl.data.fingerprints import (
    BITS,
    SOUND_BITS,
    audio_bits,
    differing_shares,
    frames_bits,
    image_bits,
)
from affectrl.data.leaks import PICTURE_SHARE, SOUND_SHARE
from affectrl.data.media.audio import read_audio


def share(a: np.ndarray | None, b: np.ndarray | None) -> float:
    assert a is not None
    assert b is not None
    return float(np.mean(a != b))


def test_shares_are_counted_exactly() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((7, 575)) > 0.5, rng.random((5, 575)) > 0.5
    expected = (a[:, None, :] != b[None, :, :]).mean(axis=2)
    np.testing.assert_allclose(differing_shares(a, b), expected, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "change",
    [
        lambda x: 0.05 * x,
        lambda x: np.clip(2 * x, -1, 1),
        lambda x: np.concatenate([np.zeros(7777, np.float32), x, np.zeros(3333, np.float32)]),
        lambda x: x + np.random.default_rng(9).normal(0, 0.1 * x.std(), len(x)).astype(np.float32),
        lambda x: -x,
    ],
    ids=["quiet", "clipped", "padded", "noisy", "inverted"],
)
def test_sound_survives(speak, seed: int, change) -> None:
    samples = speak(seed)
    assert share(audio_bits(samples), audio_bits(change(samples))) < SOUND_SHARE


@pytest.mark.parametrize(
    ("name", "rate", "bit_rate"),
    [("a.mp3", 44_100, 48_000), ("a.m4a", 22_050, 48_000), ("a.ogg", 48_000, 24_000), ("a.wav", 8_000, None)],
)
def test_sound_survives_codecs(files, speak, name: str, rate: int, bit_rate: int | None) -> None:
    again = read_audio(files.sound(name, speak(4), rate, bit_rate)).samples
    assert share(audio_bits(speak(4)), audio_bits(again)) < SOUND_SHARE


def test_different_sounds_are_far_apart(speak) -> None:
    bits = [audio_bits(speak(seed)) for seed in range(20)]
    assert all(len(b) == SOUND_BITS for b in bits)
    assert min(share(a, b) for a, b in combinations(bits, 2)) > 2 * SOUND_SHARE


def test_nothing_to_tell_gives_none() -> None:
    assert audio_bits(np.zeros(16_000, np.float32)) is None
    assert audio_bits(np.ones(100, np.float32)) is None
    assert image_bits(np.full((48, 48, 3), 200, np.uint8)) is None
    assert frames_bits(np.zeros((3, 48, 48, 3), np.uint8)) is None


def test_pictures_survive_size_and_light(paint) -> None:
    from PIL import Image

    rgb = paint(1)
    bits = image_bits(rgb)
    assert bits is not None
    assert len(bits) == BITS
    small = np.asarray(Image.fromarray(rgb).resize((64, 64)))
    assert share(bits, image_bits(small)) < PICTURE_SHARE
    assert share(bits, image_bits((rgb * 0.7).astype(np.uint8))) < PICTURE_SHARE
    assert share(bits, image_bits(paint(2))) > 3 * PICTURE_SHARE


def test_film_is_its_frames_in_a_row(paint) -> None:
    a, b = paint(1), paint(2)
    bits = frames_bits(np.stack([a, b]))
    np.testing.assert_array_equal(bits, np.concatenate([image_bits(a), image_bits(b)]))
