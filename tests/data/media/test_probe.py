"""What a file says it holds."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from affectrl.data.clip import Blob
from affectrl.data.media.probe import probe


def test_a_video_with_sound(make):
    info = probe(make.video("v.mp4", frames=50, fps=25, size=(128, 96), sound_s=2.0))
    assert info.duration_s == pytest.approx(2.0, abs=0.1)
    assert (info.has_video, info.has_audio) == (True, True)
    assert (info.width, info.height, info.fps, info.rotation) == (128, 96, 25.0, 0)
    assert (info.rate_hz, info.channels) == (48_000, 1)


def test_sound_alone(make):
    path = make.sound("s.wav", 1.0, rate=22_050, layout="stereo")
    for source in (path, Blob(path.read_bytes(), "s.wav")):
        info = probe(source)
        assert info.duration_s == pytest.approx(1.0, abs=0.01)
        assert (info.has_video, info.has_audio, info.rate_hz, info.channels) == (False, True, 22_050, 2)
        assert info.width is info.height is info.fps is None


def test_an_image(make):
    path = make.folder / "i.png"
    Image.fromarray(np.zeros((30, 50, 3), np.uint8)).save(path)
    info = probe(path)
    assert (info.width, info.height, info.has_video, info.has_audio, info.duration_s) == (50, 30, False, False, None)
