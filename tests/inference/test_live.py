"""A microphone and a webcam: FFmpeg's test devices in their place, and what is said where there are none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from affectrl.data.media import capture
from affectrl.data.media.audio import read_audio
from affectrl.data.media.capture import Device, device_of, record
from affectrl.data.media.video import read_frames
from affectrl.errors import MediaError, UsageError
from affectrl.inference.live import wanted
from affectrl.inference.model import EmotionModel

TONE = Device("lavfi", "sine=frequency=440:sample_rate=48000")
PICTURES = Device("lavfi", "testsrc=size=320x240:rate=10")


def test_windows_of_a_tone_join_without_a_gap() -> None:
    takes = list(record({"microphone": TONE}, 1.4, 0.5))
    assert [(t.start, t.end) for t in takes] == [(0.0, 0.5), (0.5, 1.0), (1.0, 1.4)]
    samples = np.concatenate([read_audio(t.media["microphone"]).samples for t in takes])
    assert len(samples) == 3 * 8000  # the last window is read whole
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.fft.rfftfreq(len(samples), 1 / 16_000)[spectrum.argmax()] == pytest.approx(440, abs=1)
    # A gap would be a jump that the tone itself does not make.
    assert np.abs(np.diff(samples)).max() < 1.2 * np.abs(np.diff(samples[:4000])).max()


def test_pictures_and_sound_together() -> None:
    takes = list(record({"webcam": PICTURES, "microphone": TONE}, 2.0, 1.0))
    assert [t.start for t in takes] == [0.0, 1.0]
    for take in takes:
        frames = read_frames(take.media["webcam"], count=4)
        assert frames.rgb.shape == (4, 240, 320, 3)
        assert read_audio(take.media["microphone"]).duration_s == pytest.approx(1.0)
    assert len({read_frames(t.media["webcam"], count=1).rgb.tobytes() for t in takes}) == 2


def test_a_short_recording_is_one_take() -> None:
    (take,) = record({"microphone": TONE}, 0.5)
    assert (take.start, take.end) == (0.0, 0.5)


@pytest.mark.parametrize(
    "device", [Device("v4l2", "/dev/no-such-camera"), Device("lavfi", "testsrc"), Device("alsa", "no-such-card")]
)
def test_a_microphone_that_is_none(device: Device) -> None:
    with pytest.raises(MediaError) as error:
        list(record({"microphone": device}, 1.0))
    assert error.value.code == "device_missing"
    assert str(device) in str(error.value)


def test_no_device_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(capture, "Path", lambda _: tmp_path / "none")
    monkeypatch.setattr(capture.av, "formats_available", {"alsa"})
    monkeypatch.setattr(capture.sys, "platform", "linux")
    for sense in ("microphone", "webcam"):
        with pytest.raises(MediaError, match=f"no {sense} can be used"):
            device_of(sense)
    monkeypatch.setattr(capture.sys, "platform", "darwin")
    assert str(device_of("microphone")) == "avfoundation::default"


def test_what_is_asked_for() -> None:
    devices, seconds = wanted(microphone="2@lavfi:sine", webcam="2s@lavfi:testsrc")
    assert (devices, seconds) == ({"microphone": Device("lavfi", "sine"), "webcam": Device("lavfi", "testsrc")}, 2.0)
    for wrong in ({"microphone": "soon"}, {"microphone": "0"}, {"microphone": "2@sofa"}, {"microphone": "nan"}):
        with pytest.raises(UsageError):
            wanted(**wrong)
    with pytest.raises(UsageError, match="same time"):
        wanted(microphone="2@lavfi:sine", webcam="3@lavfi:testsrc")


def test_the_command(affectrl_command, tiny_model: Path, tmp_path: Path, home: Path) -> None:
    before = sorted((home / "features").rglob("*"))
    asked = ("--labels", "happy,sad", "--model", tiny_model, "--window", "0.5s")
    heard = ("--microphone", f"1@{TONE}", "--webcam", f"1@{PICTURES}")
    done = affectrl_command("predict", *heard, *asked)
    assert done.status == 0, done.err
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [(row["start"], row["end"]) for row in rows] == [(0.0, 0.5), (0.5, 1.0)]
    assert all({"video", "audio"} == set(row["modalities"]) for row in rows)
    assert sorted((home / "features").rglob("*")) == before, "nothing of it stays"
    subtitles = affectrl_command("predict", *heard, *asked, "--format", "srt")
    assert subtitles.status == 0, subtitles.err
    assert subtitles.out.count("-->") == 2
    for wrong in (["--microphone", "inf@lavfi:sine"], ["clip.wav", "--microphone", "1@lavfi:sine"]):
        refused = affectrl_command("predict", *wrong, "--model", tiny_model)
        assert (refused.status, "[usage]" in refused.err) == (2, True)


def test_the_models_cache_is_its_own_again(model: EmotionModel) -> None:
    from affectrl.inference.live import live

    cache = model.extractor.cache
    stream = live(model, {"microphone": TONE}, float("inf"), 0.3, labels=["happy", "sad"])
    first = next(stream)
    assert first[0].error is None
    assert model.extractor.cache is not cache
    stream.close()  # as Ctrl-C would
    assert model.extractor.cache is cache
