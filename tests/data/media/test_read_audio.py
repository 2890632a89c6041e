"""Sound: right pitch, level, length and place, whatever the container; checked against what went in."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from affectrl.data.clip import Blob
from affectrl.data.media.audio import SAMPLE_RATE, read_audio
from affectrl.errors import MediaError

FILES = ["a.wav", "a.flac", "a.mp3", "a.m4a", "a.mkv", "a.webm"]


def pitch_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * SAMPLE_RATE / len(samples))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_every_format_gives_the_tone_that_went_in(make, name, layout):
    heard = read_audio(make.sound(name, 1.5, layout=layout))
    assert heard.samples.dtype == np.float32
    assert heard.samples.ndim == 1
    assert heard.duration_s == pytest.approx(1.5, abs=0.06)
    middle = heard.samples[4000:20000]
    assert pitch_hz(middle) == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), abs=0.02)
    assert not heard.notes


def test_a_video_gives_its_sound_track(make):
    heard = read_audio(make.video("v.mp4", frames=25, sound_s=1.0))
    assert heard.duration_s == pytest.approx(1.0, abs=0.06)
    assert pitch_hz(heard.samples[2000:14000]) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_resampling_agrees_with_scipy(make, rate):
    rng = np.random.default_rng(0)
    smooth = signal.sosfiltfilt(signal.butter(6, 3000, fs=rate, output="sos"), rng.standard_normal(rate))
    samples = (0.3 * smooth / np.abs(smooth).max()).astype(np.float32)
    heard = read_audio(make.sound("n.wav", rate=rate, samples=samples)).samples
    common = np.gcd(rate, SAMPLE_RATE)
    reference = signal.resample_poly(samples, SAMPLE_RATE // common, rate // common)
    assert abs(len(heard) - len(reference)) <= 16
    inner = slice(200, 15_700)
    assert np.corrcoef(heard[inner], reference[inner])[0, 1] > 0.999
    assert np.abs(heard[inner] - reference[inner]).max() < 0.01


def test_sound_at_16_khz_mono_comes_through_untouched(make):
    samples = (np.random.default_rng(1).integers(-30_000, 30_000, 16_000) / 32768).astype(np.float32)
    heard = read_audio(make.sound("x.flac", rate=16_000, samples=samples)).samples
    assert np.abs(heard - samples).max() < 1e-4


def test_opposite_channels_cancel_and_say_so(make):
    tone = make.tone(1.0, 48_000)
    heard = read_audio(make.sound("o.wav", layout="stereo", samples=np.stack([tone, -tone])))
    assert [note.code for note in heard.notes] == ["silent_audio"]


def test_six_channels_and_float_samples(make):
    tone = np.stack([make.tone(1.0, 48_000)] * 6)
    heard = read_audio(make.sound("s.wav", layout="5.1", samples=tone, codec="pcm_f32le"))
    assert np.abs(heard.samples).max() <= 1.0
    assert pitch_hz(heard.samples) == pytest.approx(440, abs=2)


def test_float_files_with_nan_and_overload_are_tamed(make):
    samples = make.tone(1.0, 16_000)
    samples[100:110], samples[200:210] = np.nan, 7.0
    heard = read_audio(make.sound("w.wav", rate=16_000, samples=samples, codec="pcm_f32le")).samples
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() <= 1.0


@pytest.mark.parametrize(("name", "slack"), [("w.wav", 3), ("w.flac", 3), ("w.mp3", 20), ("w.m4a", 20), ("w.mkv", 40)])
def test_a_window_is_the_same_part_of_the_whole(make, name, slack):
    rng = np.random.default_rng(2)
    smooth = signal.sosfiltfilt(signal.butter(4, 2000, fs=48_000, output="sos"), rng.standard_normal(48_000 * 6))
    path = make.sound(name, samples=(0.4 * smooth / np.abs(smooth).max()).astype(np.float32))
    whole = read_audio(path).samples
    part = read_audio(path, start=3.2, end=4.7)
    assert part.duration_s == pytest.approx(1.5, abs=1e-3)
    at = round(3.2 * SAMPLE_RATE)
    near = whole[at - 200 : at + len(part.samples) + 200]
    shift = int(np.argmax(signal.correlate(near, part.samples, "valid"))) - 200
    assert abs(shift) <= slack
    matched = near[200 + shift :][: len(part.samples)]
    # Packets begin between our samples, so half a sample of difference is left.
    assert np.corrcoef(matched, part.samples)[0, 1] > 0.98


def test_too_long_is_cut_and_said(make):
    path = make.sound("l.wav", 3.0)
    heard = read_audio(path, max_seconds=2.0)
    assert len(heard.samples) == 2 * SAMPLE_RATE
    assert [note.code for note in heard.notes] == ["audio_cut"]
    assert not read_audio(path, max_seconds=3.0).notes
    assert not read_audio(path, start=0.5, end=1.5, max_seconds=2.0).notes


def test_silence_is_said(make):
    heard = read_audio(make.sound("q.wav", samples=np.zeros(48_000, np.float32)))
    assert [note.code for note in heard.notes] == ["silent_audio"]


def test_a_window_beyond_the_end_is_cut_or_refused(make):
    path = make.sound("w.wav", 2.0)
    assert [note.code for note in read_audio(path, start=1.0, end=9.0).notes] == ["window_cut"]
    for window in ({"start": 5.0}, {"start": 1.0, "end": 1.0}, {"start": -1.0}):
        with pytest.raises(MediaError) as caught:
            read_audio(path, **window)
        assert caught.value.code == "media_window"


@pytest.mark.parametrize("name", ["b.wav", "b.mp3", "b.m4a"])
def test_bytes_in_memory_read_like_the_file(make, name):
    path = make.sound(name)
    np.testing.assert_array_equal(read_audio(Blob(path.read_bytes(), name)).samples, read_audio(path).samples)


def test_real_speech_reads_without_a_note(shared_data):
    path = next(iter(sorted((shared_data / "ravdess").glob("Actor_01/*.flac"))))
    heard = read_audio(path)
    assert 1.0 < heard.duration_s < 8.0
    assert not heard.notes
