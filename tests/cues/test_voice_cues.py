"""Measures of sounds whose pitch, level, pauses and syllables are known because we made them."""

from __future__ import annotations

import numpy as np
import pytest

from affectrl.cues.voice import RATE_HZ, measure_voice

pytest.importorskip("librosa", reason="librosa is not installed: pip install 'affectrl[cues]'")
Sound = np.ndarray


def buzz(hz: float | np.ndarray, seconds: float = 1.5, peak: float = 0.3, highest: int = 12) -> Sound:
    """A voice-like tone: harmonics that fall by 6 dB an octave."""
    n = int(seconds * RATE_HZ)
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hz, n)) / RATE_HZ
    tone = sum(np.sin(k * phase) / k for k in range(1, highest + 1))
    return (peak * tone / np.abs(tone).max()).astype(np.float32)


@pytest.mark.parametrize("hz", [85.0, 130.0, 220.0, 410.0])
def test_pitch_is_that_of_the_tone(hz: float) -> None:
    found = measure_voice(buzz(hz))
    assert found.pitch == pytest.approx(12 * np.log2(hz / 100), abs=0.1)
    assert found.range == pytest.approx(0, abs=0.1)


def test_range_and_ending_of_a_glide() -> None:
    """From 120 Hz up an octave, evenly in semitones: the quartiles lie 6 apart."""
    n = int(1.5 * RATE_HZ)
    found = measure_voice(buzz(120 * 2 ** (np.arange(n) / n)))
    assert found.range == pytest.approx(6, abs=0.5)
    # The middle of the last fifth is at 0.9 of the octave, that of the rest at 0.4.
    assert found.ending == pytest.approx(6, abs=0.6)


def test_level_is_the_rms_in_decibels() -> None:
    sound = buzz(200.0)
    rms = 20 * np.log10(np.sqrt(np.mean(sound**2)))
    assert measure_voice(sound).level == pytest.approx(rms, abs=0.3)
    assert measure_voice(sound / 4).level == pytest.approx(rms - 12.04, abs=0.3)


def test_pauses_are_the_share_of_silence_inside() -> None:
    quiet = np.zeros(int(0.5 * RATE_HZ), np.float32)
    sound = np.r_[quiet, buzz(150.0, 0.75), quiet, buzz(150.0, 0.75), quiet]
    assert measure_voice(sound).pauses == pytest.approx(0.5 / 2.0, abs=0.05)
    assert measure_voice(buzz(150.0)).pauses == 0


def test_rate_counts_syllables_heard_or_written() -> None:
    """Eight swells in two seconds; of a text with eight groups of vowels the same."""
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    sound = buzz(150.0, 2.0) * (0.15 + 0.85 * np.sin(np.pi * 4 * t) ** 2).astype(np.float32)
    assert measure_voice(sound).rate == pytest.approx(4, abs=0.5)
    assert measure_voice(sound, "a banana is not yellow").rate == pytest.approx(4, abs=0.3)
    assert measure_voice(sound, "a banana").rate == pytest.approx(2, abs=0.2)


def test_brightness_grows_with_high_harmonics() -> None:
    bright, dull = measure_voice(buzz(150.0, highest=40)), measure_voice(buzz(150.0, highest=6))
    assert bright.brightness is not None
    assert dull.brightness is not None
    assert bright.brightness > dull.brightness + 6


def test_noise_has_no_pitch_and_silence_nothing() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(2 * RATE_HZ).astype(np.float32)
    assert measure_voice(noise).pitch is None
    assert measure_voice(noise).level == pytest.approx(-20, abs=0.5)
    for silence in (np.zeros(RATE_HZ, np.float32), np.zeros(0, np.float32)):
        assert {getattr(measure_voice(silence), name) for name in measure_voice(silence).__slots__} == {None}
