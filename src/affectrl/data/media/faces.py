"""Faces out of frames: found, followed through time, cut out square; and which frames to look at.

No face is not an error: the frame's centre square stands in, and a note says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np

from affectrl.data.media import tracking
from affectrl.data.media.ahead import decoding
from affectrl.data.media.detector import detect
from affectrl.data.media.frames import Frames
from affectrl.errors import Note, UsageError

Who = Literal["largest", "expressive", "each"]
How = Literal["uniform", "peak"]

MARGIN = 1.15
"""Side of a crop over the side of the detector's box, which cuts chins and brows short."""

LOW = 0.04
"""How far below the box's centre a crop's lies, as a share of the box: the box favours the forehead."""

CLEARLY = 1.2
"""By what factor the last frame must differ more from the median than the first to be taken for the resting one."""


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """One face through all frames."""

    crops: np.ndarray
    """uint8 ``(F, S, S, 3)``, RGB."""
    boxes: np.ndarray
    """float64 ``(F, 4)``: left, top, width, height of each crop in pixels of the frame; may reach beyond its edges."""
    found: np.ndarray
    """bool ``(F,)``: True where the detector found the face, False where its place is interpolated or the frame's."""
    notes: tuple[Note, ...] = ()
    """``no_face``, ``face_lost``."""


@decoding
def find_faces(frames: Frames, *, who: Who = "largest", size: int = 96) -> list[FaceTrack]:
    """Find and follow the faces in a film or picture.

    Args:
        frames: At least one.
        who: ``largest``: the face with the largest area, summed over the frames; ``expressive``: the face that moves
            most (:func:`strength`), the larger when none moves; ``each``: all, from left to right.
        size: Side of the crops in pixels.

    Returns:
        One track, or with ``each`` one a face. Never empty: without a face, the centre square of every frame, and the
        note ``no_face``.

    Raises:
        UsageError: ``who`` is unknown, or ``size`` is below 8.
        ModelError: ``face_detector_missing``.
    """
    if who not in get_args(Who):
        raise UsageError(f"who must be one of {', '.join(get_args(Who))}, not {who!r}.")
    if size < 8:
        raise UsageError(f"size must be at least 8 pixels, not {size}.")
    tracks = tracking.link(detect(frames.rgb))
    if not tracks:
        return [_whole(frames.rgb, size)]
    tracks.sort(key=lambda t: -sum(box[2] * box[3] for box in t.values()))
    if who == "largest":
        return [_cut(frames.rgb, tracks[0], size)]
    faces = [_cut(frames.rgb, track, size) for track in tracks]
    if who == "expressive":
        return [max(faces, key=_liveliness)]
    return sorted(faces, key=lambda f: float(np.median(f.boxes[:, 0] + f.boxes[:, 2] / 2)))


def _whole(rgb: np.ndarray, size: int) -> FaceTrack:
    count, height, width = rgb.shape[:3]
    squares = np.tile([width / 2, height / 2, min(width, height)], (count, 1))
    note = Note("no_face", "no face was found; the centre of the picture is used instead.")
    return FaceTrack(_crops(rgb, squares, size), _boxes(squares), np.zeros(count, bool), (note,))


def _cut(rgb: np.ndarray, track: tracking.Track, size: int) -> FaceTrack:
    squares = tracking.filled(track, len(rgb))
    squares[:, 1] += LOW * squares[:, 2]
    squares[:, 2] *= MARGIN
    found = np.isin(np.arange(len(rgb)), list(track))
    notes: tuple[Note, ...] = ()
    if 2 * found.sum() < len(found):
        message = f"the face was found in {found.sum()} of {len(found)} frames; elsewhere its place is estimated."
        notes = (Note("face_lost", message),)
    return FaceTrack(_crops(rgb, squares, size), _boxes(squares), found, notes)


def _boxes(squares: np.ndarray) -> np.ndarray:
    return np.column_stack([squares[:, :2] - squares[:, 2:] / 2, squares[:, 2], squares[:, 2]])


def _crops(rgb: np.ndarray, squares: np.ndarray, size: int) -> np.ndarray:
    return np.stack([_crop(picture, square, size) for picture, square in zip(rgb, squares, strict=True)])


def _crop(picture: np.ndarray, square: np.ndarray, size: int) -> np.ndarray:
    """A square (centre x, centre y, side) scaled to ``size``; what lies beyond the picture's edge repeats the edge."""
    x, y, side = square.tolist()
    height, width = picture.shape[:2]
    whole = max(1, round(side))
    left, top = round(x - whole / 2), round(y - whole / 2)
    inside = picture[max(0, top) : max(1, top + whole), max(0, left) : max(1, left + whole)]
    rim = (max(0, -top), max(0, top + whole - height), max(0, -left), max(0, left + whole - width))
    if any(rim):
        inside = cv2.copyMakeBorder(np.ascontiguousarray(inside), *rim, cv2.BORDER_REPLICATE)
    way = cv2.INTER_AREA if whole > size else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(inside), (size, size), interpolation=way)


def pick_frames(track: FaceTrack, *, how: How, count: int) -> np.ndarray:
    """Choose frames of a track to look at.

    Args:
        track: From :func:`find_faces`.
        how: ``uniform``: the middles of ``count`` equal spans; ``peak``: those of the greatest :func:`strength`,
            frames in which the face was found before all others.
        count: How many, at least 1; all frames when there are not more.

    Returns:
        Rising frame numbers, int64 ``(min(count, F),)``.

    Raises:
        UsageError: ``how`` is unknown, or ``count`` is below 1.
    """
    if how not in get_args(How):
        raise UsageError(f"how must be one of {', '.join(get_args(How))}, not {how!r}.")
    if count < 1:
        raise UsageError(f"count must be at least 1 frame, not {count}.")
    frames = len(track.crops)
    if count >= frames:
        return np.arange(frames)
    if how == "uniform":
        return ((np.arange(count) + 0.5) * frames / count).astype(np.int64)
    order = np.lexsort((-strength(track), ~track.found))
    return np.sort(order[:count])


def strength(track: FaceTrack) -> np.ndarray:
    """How far each frame's face is from its rest: float64 ``(F,)``, 0 for a face that does not move.

    The distance between histograms of oriented gradients (Dalal & Triggs, CVPR 2005) of the frame's crop and the
    resting one, averaged with its neighbours'. Rest is taken to be the first or the last found frame, whichever
    differs more from the track's median; the first unless the last does so clearly. The median itself will not do:
    people hold an expression for most of a short clip, so that the median is the expression, and the frames far from
    it are those where it is not there yet.
    """
    known = np.flatnonzero(track.found) if track.found.any() else np.arange(len(track.found))
    shapes = _shapes(track.crops)
    usual = np.median(shapes[known], axis=0)
    first, last = shapes[known[0]], shapes[known[-1]]
    is_last = np.linalg.norm(last - usual) > CLEARLY * np.linalg.norm(first - usual)
    distance = np.linalg.norm(shapes - (last if is_last else first), axis=1).astype(np.float64)
    # A blink is over in one frame; an expression is not.
    around = np.pad(distance[known], 1, mode="edge")
    distance[known] = (around[:-2] + 2 * around[1:-1] + around[2:]) / 4
    return distance


def _liveliness(track: FaceTrack) -> float:
    """Mean strength of the quarter of found frames in which it is greatest."""
    ranked = np.sort(strength(track)[track.found])[::-1]
    return float(ranked[: max(1, len(ranked) // 4)].mean())


def _shapes(crops: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients of crops, float32 ``(F, D)``; light and contrast are evened out before."""
    hog = cv2.HOGDescriptor((64, 64), (16, 16), (8, 8), (8, 8), 9)
    rows = []
    for crop in crops:
        grey = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), (64, 64), interpolation=cv2.INTER_AREA)
        rows.append(np.asarray(hog.compute(cv2.equalizeHist(grey)), np.float32).ravel())
    return np.stack(rows)
