"""Faces: found on drawn people and one real photograph, followed, told apart, and never missing without a word."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import matplotlib.cbook
import numpy as np
import pytest

from affectrl.data.clip import Blob
from affectrl.data.media import detector
from affectrl.data.media.faces import FaceTrack, find_faces, pick_frames, strength
from affectrl.data.media.frames import Frames
from affectrl.data.media.image import read_image
from affectrl.data.media.tracking import filled, link
from affectrl.data.sandbox.face import Artist, Pose
from affectrl.data.sandbox.identity import speaker
from affectrl.errors import ModelError, UsageError

SMILE = {"AU6": 0.9, "AU12": 1.0, "AU25": 0.9, "AU1": 0.5}


def person(number: int = 1, **looks) -> Artist:
    return Artist(replace(speaker(0, "source", number).face, resting={}, glasses=False, vividness=1.0, **looks))


def film(*pictures: np.ndarray) -> Frames:
    return Frames(np.stack(pictures), np.arange(len(pictures)) / 10.0)


def smiling(artist: Artist, levels) -> np.ndarray:
    return np.stack([artist.draw({unit: level * peak for unit, peak in SMILE.items()}) for level in levels])


def beside(*films: np.ndarray) -> Frames:
    return film(*np.concatenate(films, axis=2))


def scaled(rgb: np.ndarray, side: int, canvas: int) -> np.ndarray:
    """Pictures shrunk to ``side`` in the middle of grey ones of ``canvas``."""
    out = np.full((len(rgb), canvas, canvas, 3), 150, np.uint8)
    at = (canvas - side) // 2
    for picture, room in zip(rgb, out, strict=True):
        room[at : at + side, at : at + side] = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return out


def centre(track: FaceTrack) -> np.ndarray:
    return track.boxes[:, :2] + track.boxes[:, 2:] / 2


def test_a_face_is_found_and_cut_out_square():
    (track,) = find_faces(film(*smiling(person(), [0.0, 0.5, 1.0, 0.5])), size=64)
    assert track.crops.shape == (4, 64, 64, 3)
    assert track.crops.dtype == np.uint8
    assert track.boxes.shape == (4, 4)
    assert track.found.all()
    assert not track.notes
    assert np.abs(centre(track) - (80, 85)).max() < 12
    assert (track.boxes[:, 2] == track.boxes[:, 3]).all()


def test_a_real_photograph():
    photograph = read_image(Path(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    (track,) = find_faces(photograph)
    assert track.found.all()
    assert np.abs(centre(track)[0] - (265, 222)).max() < 25
    assert 190 < track.boxes[0, 2] < 290


def test_no_face_falls_back_to_the_centre_square_and_says_so():
    rng = np.random.default_rng(0)
    rgb = cv2.resize(rng.integers(0, 255, (9, 16, 3), np.uint8), (320, 180))
    for who in ("largest", "expressive", "each"):
        (track,) = find_faces(film(rgb, rgb), who=who)
        assert [note.code for note in track.notes] == ["no_face"]
        assert not track.found.any()
        np.testing.assert_allclose(track.boxes, [[70, 0, 180, 180]] * 2)
        expected = cv2.resize(rgb[:, 70:250], (96, 96), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(track.crops[0], expected)
        assert pick_frames(track, how="peak", count=1).shape == (1,)


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (16, 16), (48, 48)])
def test_tiny_and_odd_pictures_fall_back_too(shape):
    (track,) = find_faces(film(np.full((*shape, 3), 90, np.uint8)))
    assert track.crops.shape == (1, 96, 96, 3)
    assert [note.code for note in track.notes] == ["no_face"]


def test_a_moving_face_is_followed():
    artist = person()
    shifts = np.linspace(-0.35, 0.35, 12)
    (track,) = find_faces(film(*[artist.draw({}, Pose(x=x)) for x in shifts]))
    assert track.found.sum() >= 11
    moved = centre(track)[:, 0] - centre(track)[:, 0].mean()
    pixels = shifts * 44  # a face unit is 88 pixels of the canvas, which is twice as large as the picture
    assert np.abs(moved - pixels).max() < 5
    assert np.ptp(centre(track)[:, 1]) < 5


def test_where_the_face_is_hidden_its_place_is_interpolated():
    artist = person()
    pictures = [artist.draw({}, Pose(x=x)) for x in np.linspace(-0.3, 0.3, 9)]
    for hidden in (3, 4, 5):
        pictures[hidden] = np.full_like(pictures[0], 128)
    (track,) = find_faces(film(*pictures))
    assert track.found.tolist() == [True] * 3 + [False] * 3 + [True] * 3
    assert (np.diff(centre(track)[:, 0]) > -0.5).all()
    assert not track.notes
    mostly_hidden = [pictures[0]] + [np.full_like(pictures[0], 128)] * 5 + [pictures[8]]
    (track,) = find_faces(film(*mostly_hidden))
    assert [note.code for note in track.notes] == ["face_lost"]


def test_largest_is_by_area_over_time():
    small = scaled(smiling(person(), [0.0] * 5), 110, 160)
    large = smiling(person(skin=(120, 80, 60)), [0.0] * 5)
    (track,) = find_faces(beside(small, large))
    assert (centre(track)[:, 0] > 160).all()
    (track,) = find_faces(beside(large, small))
    assert (centre(track)[:, 0] < 160).all()


def test_expressive_is_the_one_that_moves():
    moving = scaled(smiling(person(), [0, 0, 0.4, 0.8, 1, 1, 0.8, 0.4]), 130, 160)
    still = smiling(person(), [0.0] * 8)
    for films, left in (((moving, still), True), ((still, moving), False)):
        (track,) = find_faces(beside(*films), who="expressive")
        assert ((centre(track)[:, 0] < 160) == left).all()
    (track,) = find_faces(beside(moving[:1], still[:1]), who="expressive")
    assert centre(track)[0, 0] > 160  # one frame moves nothing: the larger face


def test_each_gives_everybody_from_left_to_right():
    films = [smiling(person(skin=skin), [0, 0.3, 0.6]) for skin in ((220, 180, 160), (150, 110, 80), (90, 60, 45))]
    tracks = find_faces(beside(*films), who="each")
    assert [round(float(centre(t)[0, 0]) // 160) for t in tracks] == [0, 1, 2]
    assert all(t.found.all() for t in tracks)


def test_faces_in_large_frames_keep_their_place():
    small = smiling(person(), [0.0])
    (before,) = find_faces(film(*small))
    large = np.stack([cv2.resize(p, (2400, 2400), interpolation=cv2.INTER_CUBIC) for p in small])
    (after,) = find_faces(film(*large))
    np.testing.assert_allclose(after.boxes, before.boxes * 15, atol=15 * 8)


@pytest.mark.parametrize("skin", [(220, 180, 160), (120, 80, 60), (70, 45, 35)])
@pytest.mark.parametrize("light", [1.0, 0.25])
def test_dark_skin_and_dim_light_hide_no_face(skin, light):
    pictures = [smiling(person(number, skin=skin), [0.0])[0] * light for number in range(12)]
    found = [find_faces(film(picture.astype(np.uint8)))[0].found[0] for picture in pictures]
    assert np.mean(found) >= 0.9


def test_crops_beyond_the_edge_repeat_it():
    picture = smiling(person(), [0.0])[0]
    (track,) = find_faces(film(picture[:, 28:]))
    assert track.found.all()
    assert track.crops[0].min(axis=2).mean() > 30


@pytest.mark.parametrize("wrong", [{"who": "nobody"}, {"size": 2}])
def test_wrong_choices_are_refused(wrong):
    with pytest.raises(UsageError):
        find_faces(film(np.zeros((32, 32, 3), np.uint8)), **wrong)


def track_of(crops: np.ndarray, found=None) -> FaceTrack:
    count = len(crops)
    return FaceTrack(crops, np.zeros((count, 4)), np.ones(count, bool) if found is None else np.asarray(found))


def test_uniform_frames_are_the_middles_of_equal_spans():
    track = track_of(np.zeros((16, 8, 8, 3), np.uint8))
    assert pick_frames(track, how="uniform", count=4).tolist() == [2, 6, 10, 14]
    assert pick_frames(track, how="uniform", count=1).tolist() == [8]
    for how in ("uniform", "peak"):
        assert pick_frames(track, how=how, count=99).tolist() == list(range(16))
        with pytest.raises(UsageError):
            pick_frames(track, how=how, count=0)
    with pytest.raises(UsageError):
        pick_frames(track, how="median", count=1)


@pytest.mark.parametrize(
    ("levels", "apex"),
    [
        ([0, 0, 0, 0.2, 1, 1, 0.2, 0, 0, 0], {4, 5}),  # short: the median face is at rest
        ([0, 0.2, 0.9, 1, 1, 0.95, 0.95, 0.9, 0.2, 0], {2, 3, 4, 5, 6, 7}),  # held: the median face is the expression
        ([0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1, 1], {7, 8, 9}),  # only the onset
        ([0.9, 1, 1, 1, 1, 1, 0.9, 0.4, 0.1, 0], {0, 1, 2, 3, 4, 5, 6}),  # only the offset
    ],
)
def test_peak_frames_are_those_of_the_strongest_expression(levels, apex):
    (track,) = find_faces(film(*smiling(person(), levels)))
    picked = pick_frames(track, how="peak", count=2)
    assert set(picked.tolist()) <= apex
    assert (np.diff(picked) > 0).all()


def test_strength_of_a_still_face_is_nothing():
    crops = np.repeat(smiling(person(), [0.5]), 5, axis=0)
    assert strength(track_of(crops)).tolist() == [0.0] * 5
    assert strength(track_of(crops[:1])).tolist() == [0.0]


def test_peak_frames_avoid_those_without_the_face():
    crops = smiling(person(), [0, 0.2, 1, 0.6, 0.2, 0])
    crops[3] = np.random.default_rng(0).integers(0, 255, crops[3].shape)
    found = [True, True, True, False, True, True]
    assert pick_frames(track_of(crops, found), how="peak", count=1).tolist() == [2]
    assert 3 not in pick_frames(track_of(crops, found), how="peak", count=5)


def test_linking_keeps_crossing_faces_apart_and_drops_flashes():
    left = [np.array([10.0 + 3 * i, 20, 30, 30]) for i in range(12)]
    right = [np.array([120.0 - 3 * i, 22, 44, 44]) for i in range(12)]
    flash = np.array([200.0, 200, 90, 90])
    found = [np.stack([right[i], left[i]] if i % 2 else [left[i], right[i]]) for i in range(12)]
    found[5] = np.vstack([found[5], flash])
    tracks = link(found)
    assert len(tracks) == 2
    for track in tracks:
        assert len({box[2] for box in track.values()}) == 1
        assert len(track) == 12
    assert link([np.zeros((0, 4))] * 3) == []


def test_filling_interpolates_between_and_holds_beyond():
    squares = filled({2: np.array([0.0, 0, 10, 10]), 6: np.array([40.0, 20, 10, 10])}, 9)
    assert squares.shape == (9, 3)
    np.testing.assert_allclose(squares[:, 0], [5, 5, 5, 15, 25, 35, 45, 45, 45])
    np.testing.assert_allclose(squares[4], [25, 15, 10])


def test_sixteen_frames_take_well_under_a_tenth_of_a_second():
    frames = film(*smiling(person(), np.linspace(0, 1, 16)))
    find_faces(frames)
    # The processor's time, since other work on the machine says nothing about ours.
    assert min(_cpu_seconds(frames) for _ in range(5)) < 0.1


def _cpu_seconds(frames: Frames) -> float:
    began = time.process_time()
    find_faces(frames)
    return time.process_time() - began


def test_the_cascade_is_loaded_once(monkeypatch):
    frames = film(*smiling(person(), [0.0]))
    find_faces(frames)
    before = detector._cascade.cache_info().misses
    find_faces(frames)
    assert detector._cascade.cache_info().misses == before == 1


def test_an_opencv_without_cascades_is_reported(monkeypatch):
    monkeypatch.setattr(detector, "CASCADE", "absent.xml")
    detector._cascade.cache_clear()
    try:
        with pytest.raises(ModelError) as caught:
            find_faces(film(np.zeros((64, 64, 3), np.uint8)))
        assert caught.value.code == "face_detector_missing"
    finally:
        detector._cascade.cache_clear()


def test_media_needs_no_torch():
    names = "audio, faces, image, probe, video"
    code = f"import sys; from affectrl.data.media import {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_real_faces_that_fill_the_picture(shared_data):
    pq = pytest.importorskip("pyarrow.parquet")
    rows = pq.read_table(shared_data / "fer2013" / "validation.parquet").slice(0, 200).to_pylist()
    blobs = [Blob(r["image"]["bytes"] if isinstance(r["image"], dict) else r["image"], "f.jpg") for r in rows]
    found = [find_faces(read_image(blob), size=48)[0].found[0] for blob in blobs]
    assert np.mean(found) > 0.6
