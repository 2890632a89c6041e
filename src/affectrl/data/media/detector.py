"""Where faces are in a picture, by the Haar cascade that OpenCV's wheel carries (Viola & Jones, CVPR 2001).

It needs no download, runs in milliseconds, and knows upright, roughly frontal faces. A whole picture is searched every
few frames only; in between, a small window around each face that is known already is enough.
"""

from __future__ import annotations

import functools
import threading
from pathlib import Path

import cv2
import numpy as np

from affectrl.errors import ModelError

CASCADE = "haarcascade_frontalface_alt2.xml"
SEARCH_SIDE = 320
"""Longest side of the picture in which faces are looked for, in pixels; larger ones are scaled down."""

SMALLEST = 20
"""Side of the smallest face that can be found at that scale, in pixels: the cascade's own window."""

SMALLEST_SHARE = 1 / 8
"""Smallest face, as a share of the picture's shorter side."""

WHOLE_EVERY = 4
"""Every how many frames the whole picture is searched, though all faces of the last frame were found again."""

FOLLOW_SIDE = 48
"""Size to which a known face is scaled to be found again, in pixels."""

EVENING = (4.0, (2, 2))
"""Clip limit and grid of the adaptive histogram equalization before the search."""

_LOCK = threading.Lock()

Boxes = np.ndarray
"""float64 ``(N, 4)``: left, top, width, height."""


@functools.cache
def _cascade() -> cv2.CascadeClassifier:
    shipped = Path(cv2.__file__).parent / "data" / CASCADE
    found = cv2.CascadeClassifier(str(shipped)) if shipped.is_file() else None
    if found is None or found.empty():
        raise ModelError(
            f"this OpenCV ({cv2.__version__}) carries no face detector ({CASCADE}).",
            code="face_detector_missing",
            hint="Install 'opencv-python-headless>=4.9,<5'.",
        )
    return found


def detect(rgb: np.ndarray) -> list[Boxes]:
    """Faces in each picture of a film.

    Contrast is evened out first: without that, the cascade misses most dark-skinned and dimly lit faces. When no face
    is found anywhere, a second, slower look follows that also finds faces cut by the picture's edge, as in images that
    hold hardly more than a face.

    Args:
        rgb: uint8 ``(F, H, W, 3)``.

    Returns:
        For each picture the boxes of its faces, in its pixels; ``(0, 4)`` where there is none.

    Raises:
        ModelError: ``face_detector_missing``.
    """
    scale = min(1.0, SEARCH_SIDE / max(rgb.shape[1:3]))
    greys = [_grey(picture, scale) for picture in rgb]
    even = cv2.createCLAHE(*EVENING)
    found = _first_look([even.apply(grey) for grey in greys])
    if not any(len(boxes) for boxes in found):
        found = _second_look(even, greys)
    return [boxes / scale for boxes in found]


def _grey(rgb: np.ndarray, scale: float) -> np.ndarray:
    if scale < 1.0:
        rgb = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY)


def _first_look(greys: list[np.ndarray]) -> list[Boxes]:
    found: list[Boxes] = []
    for i, grey in enumerate(greys):
        known = found[-1] if found and i % WHOLE_EVERY else None
        again = None if known is None or not len(known) else _follow(grey, known)
        found.append(_run(grey, 1.2, 3, _smallest(grey)) if again is None else again)
    return found


def _smallest(grey: np.ndarray) -> int:
    return max(SMALLEST, round(min(grey.shape) * SMALLEST_SHARE))


def _second_look(even: cv2.CLAHE, greys: list[np.ndarray]) -> list[Boxes]:
    """A closer look at some pictures, and at the others too if one of those shows a face."""
    found: list[Boxes] = [np.zeros((0, 4))] * len(greys)
    some = range(0, len(greys), WHOLE_EVERY)
    for turn in (some, sorted(set(range(len(greys))) - set(some))):
        for i in turn:
            found[i] = _closer_look(even.apply(greys[i]), cv2.equalizeHist(greys[i]), greys[i])
        if not any(len(boxes) for boxes in found):
            break
    return found


def _closer_look(*versions: np.ndarray) -> Boxes:
    """In the first version of a picture that shows one, continued beyond its edges, and in finer steps of size."""
    boxes: Boxes = np.zeros((0, 4))
    for version in versions:
        rim = max(version.shape) // 4
        wide = cv2.copyMakeBorder(version, rim, rim, rim, rim, cv2.BORDER_REPLICATE)
        boxes = _run(wide, 1.1, 4, _smallest(version)) - (rim, rim, 0, 0)
        if len(boxes):
            break
    return boxes


def _follow(grey: np.ndarray, known: Boxes) -> Boxes | None:
    """Each known face, looked for near where it was; ``None`` unless all are found, apart from each other."""
    boxes = [_near(grey, box) for box in known]
    if any(box is None for box in boxes):
        return None
    again = np.asarray(boxes)
    centres = again[:, :2] + again[:, 2:] / 2
    gaps = np.linalg.norm(centres[:, None] - centres[None], axis=-1) + np.diag(np.full(len(again), np.inf))
    return again if (gaps > again[:, 2] / 2).all() else None


def _near(grey: np.ndarray, box: np.ndarray) -> np.ndarray | None:
    x, y, side = box[0], box[1], box[2]
    left, top = max(0, int(x - side / 2)), max(0, int(y - side / 2))
    window = grey[top : int(y + 1.5 * side), left : int(x + 1.5 * side)]
    scale = min(1.0, FOLLOW_SIDE / side)
    if scale < 1.0:
        window = cv2.resize(window, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    boxes = _run(window, 1.1, 3, max(SMALLEST, round(0.75 * side * scale)), round(1.33 * side * scale))
    if not len(boxes):
        return None
    boxes = boxes / scale + (left, top, 0, 0)
    away = np.abs(boxes[:, :2] + boxes[:, 2:] / 2 - box[:2] - side / 2).sum(axis=1)
    return boxes[int(away.argmin())]


def _run(grey: np.ndarray, step: float, votes: int, smallest: int, largest: int = 0) -> Boxes:
    with _LOCK:  # a cascade keeps the picture it works on inside itself
        found = _cascade().detectMultiScale(grey, step, votes, 0, (smallest, smallest), (largest, largest))
    return np.asarray(found, np.float64).reshape(-1, 4)
