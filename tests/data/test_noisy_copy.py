"""Noisy copies are what they say: the distance in decibels, the slope of the noise, the same whole as in parts."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from affectrl.data.load import load_clips
from affectrl.data.media.audio import SAMPLE_RATE, read_audio
from affectrl.data.sandbox.encode import GOOD, write_audio
from affectrl.errors import DataError

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "noisy_copy.py"


@pytest.fixture(scope="module")
def noisy() -> ModuleType:
    spec = importlib.util.spec_from_file_location("noisy_copy", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    """Two actors, a clip each, in RAVDESS's layout."""
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    for actor in ("01", "02"):
        file = tmp_path / "ravdess" / f"Actor_{actor}" / f"03-01-03-01-01-01-{actor}.wav"
        file.parent.mkdir(parents=True)
        write_audio(file, (0.1 * np.sin(2 * np.pi * 220 * t)).astype(np.float32), SAMPLE_RATE, GOOD)
    return tmp_path / "ravdess"


@pytest.mark.parametrize("snr_db", [20.0, 0.0])
def test_the_distance_is_kept_and_the_reader_reads_it(noisy, originals: Path, tmp_path: Path, snr_db: float) -> None:
    out = tmp_path / "noisy"
    assert noisy.copy(originals, out, snr_db, "pink", seed=0) == 2
    for before, after in zip(load_clips(f"ravdess:{originals}"), load_clips(f"ravdess:{out}"), strict=True):
        assert (before.id, before.labels, before.speaker) == (after.id, after.labels, after.speaker)
        clean, mixed = (read_audio(clip.audio).samples.astype(np.float64) for clip in (before, after))
        distance = 10 * np.log10(np.mean(clean**2) / np.mean((mixed - clean) ** 2))
        assert distance == pytest.approx(snr_db, abs=0.05)


def test_a_part_is_copied_as_the_whole_is(noisy, originals: Path, tmp_path: Path) -> None:
    noisy.copy(originals, tmp_path / "whole", 10.0, "white", seed=3)
    assert noisy.copy(originals, tmp_path / "part", 10.0, "white", seed=3, only=["Actor_02"]) == 1
    (name,) = (path.relative_to(tmp_path / "part") for path in (tmp_path / "part").rglob("*.wav"))
    assert (tmp_path / "part" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    with pytest.raises(DataError, match="other noise"):
        noisy.copy(originals, tmp_path / "part", 5.0, "white", seed=3)


@pytest.mark.parametrize(("kind", "db_per_octave"), [("white", 0.0), ("pink", -3.01), ("brown", -6.02)])
def test_the_colour_of_the_noise(noisy, kind: str, db_per_octave: float) -> None:
    sound = noisy.noise(2**18, kind, np.random.default_rng(0))
    assert np.mean(sound**2) == pytest.approx(1)
    power = np.abs(np.fft.rfft(sound)) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    level = [10 * np.log10(power[(hz > f / 1.2) & (hz < f * 1.2)].mean()) for f in (200, 400, 800, 1600, 3200)]
    assert np.diff(level).mean() == pytest.approx(db_per_octave, abs=0.1)


def test_noise_that_would_clip_is_scaled_with_the_sound(noisy) -> None:
    loud = np.full(16_000, 0.9, np.float32)
    mixed = noisy.with_noise(loud, 3.0, "white", np.random.default_rng(0))
    assert np.abs(mixed).max() == pytest.approx(1)
