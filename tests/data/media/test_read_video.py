"""Frames: the right ones, at the right times, the right way up. Every frame of a test film shows its own number."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from affectrl.data.clip import Blob
from affectrl.data.media.image import read_image
from affectrl.data.media.probe import probe
from affectrl.data.media.video import read_frames
from affectrl.errors import MediaError, UsageError


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.webm", "v.ts", "v.avi"])
def test_frames_are_the_middles_of_equal_spans(make, name):
    frames = read_frames(make.video(name, frames=40, fps=20), count=8)
    assert frames.rgb.shape == (8, 96, 128, 3)
    assert frames.rgb.dtype == np.uint8
    assert frames.times_s.dtype == np.float64
    expected = [int(40 * (i + 0.5) / 8) for i in range(8)]
    assert np.abs(np.subtract(make.numbers(frames), expected)).max() <= 1
    # Transport streams begin their clock somewhere; ours begins with the file.
    assert np.allclose(frames.times_s, np.asarray(make.numbers(frames)) / 20, atol=0.051)
    assert not frames.notes


@pytest.mark.parametrize("gop", [1, 7, 250])
def test_jumping_and_decoding_straight_through_agree(make, gop):
    path = make.video("g.mp4", frames=200, fps=20, gop=gop)
    frames = read_frames(path, count=5)
    assert make.numbers(frames) == [20, 60, 100, 140, 180]
    np.testing.assert_allclose(frames.times_s, [1, 3, 5, 7, 9], atol=1e-6)


def test_a_window_is_kept_to(make):
    frames = read_frames(make.video("w.mp4", frames=100, fps=20), count=4, start=2.0, end=3.0)
    assert make.numbers(frames) == [42, 47, 52, 57]
    assert ((frames.times_s >= 2.0) & (frames.times_s < 3.0)).all()


def test_a_window_beyond_the_end_is_cut_or_refused(make):
    path = make.video("w.mp4", frames=50, fps=25)
    cut = read_frames(path, count=2, start=1.0, end=60.0)
    assert [note.code for note in cut.notes] == ["window_cut"]
    assert cut.times_s.max() < 2.0
    with pytest.raises(MediaError) as caught:
        read_frames(path, count=2, start=2.5)
    assert caught.value.code == "media_window"


def test_fewer_frames_than_asked_for_are_said(make):
    frames = read_frames(make.video("f.mp4", frames=3, fps=10), count=16)
    assert make.numbers(frames) == [0, 1, 2]
    assert [note.code for note in frames.notes] == ["few_frames"]


def test_one_frame_is_enough(make):
    assert make.numbers(read_frames(make.video("o.mp4", frames=1), count=1)) == [0]


@pytest.mark.parametrize("name", ["vfr.mp4", "vfr.mkv"])
def test_variable_frame_rate_goes_by_time_not_by_number(make, name):
    # Ten frames within the first half second, then one every second.
    ticks = [50 * i for i in range(10)] + [1000 * i for i in range(1, 10)]
    frames = read_frames(make.video(name, frames=len(ticks), fps=20, ticks=ticks), count=8, end=9.0)
    seconds = np.asarray(ticks) / 1000
    for number, shown in zip(make.numbers(frames), frames.times_s, strict=True):
        assert shown == pytest.approx(seconds[number], abs=1e-3)
    middles = (np.arange(8) + 0.5) * 9 / 8
    on_screen = [int(np.searchsorted(seconds, m, "right")) - 1 for m in middles]
    assert make.numbers(frames) == sorted(set(on_screen))


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotated_video_stands_upright_as_opencv_turns_it(make, degrees):
    path = make.video("r.mp4", frames=5, turn=(degrees, False))
    ours = read_frames(path, count=5).rgb[0]
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_ORIENTATION_AUTO)
    _, theirs = cv2.VideoCapture(str(path)).read()
    assert ours.shape == theirs.shape
    assert np.abs(ours.astype(int) - theirs[..., ::-1].astype(int)).mean() < 4
    info = probe(path)
    assert (info.width, info.height) == (ours.shape[1], ours.shape[0])
    assert info.rotation in (90, 180, 270)


def test_mirrored_video_is_mirrored_back(make):
    plain = read_frames(make.video("p.mp4", frames=10), count=3).rgb
    mirrored = read_frames(make.video("m.mp4", frames=10, turn=(0, True)), count=3).rgb
    assert np.abs(plain[:, :, ::-1].astype(int) - mirrored.astype(int)).mean() < 4


def test_max_side_shrinks_and_never_enlarges(make):
    path = make.video("s.mp4", frames=10, size=(320, 180))
    assert read_frames(path, count=2, max_side=160).rgb.shape[1:3] == (90, 160)
    assert read_frames(path, count=2, max_side=640).rgb.shape[1:3] == (180, 320)


def test_colours_are_right(make):
    rgb = read_frames(make.video("c.mp4", frames=10), count=1).rgb[0]
    assert np.abs(rgb[-8:].reshape(-1, 3).mean(axis=0) - (200, 0, 0)).max() < 12


def test_bytes_in_memory_read_like_the_file(make):
    path = make.video("b.mp4", frames=30)
    blob = read_frames(Blob(path.read_bytes(), "b.mp4"), count=4)
    np.testing.assert_array_equal(blob.rgb, read_frames(path, count=4).rgb)


def test_senseless_counts_and_sizes_are_refused(make):
    path = make.video("u.mp4", frames=5)
    for wrong in ({"count": 0}, {"count": 1, "max_side": 3}):
        with pytest.raises(UsageError):
            read_frames(path, **wrong)
    with pytest.raises(UsageError):
        read_image(path, max_side=0)
