"""From boxes in single frames to people: which box belongs to whom, and where a face was while it was not found."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

REACH = 1.25
"""How far apart two boxes of one face may be: distance of centres in face widths, plus doublings of size."""

SEEN_SHARE = 0.25
"""A face found in fewer frames than this share of the best seen one's is taken for a mistake of the detector."""

Track = dict[int, np.ndarray]
"""Frame number to box ``(4,)``: left, top, width, height."""


def link(found: list[np.ndarray]) -> list[Track]:
    """Join boxes of successive frames into tracks: the pairing with the least movement and change of size in all.

    Args:
        found: For each frame, boxes ``(N, 4)`` in order of time.

    Returns:
        One entry a face, those that the detector saw too rarely left out; empty when there is no box at all.
    """
    tracks: list[Track] = []
    for i, boxes in enumerate(found):
        taken = _pair(tracks, boxes)
        for j, box in enumerate(boxes):
            if j in taken:
                tracks[taken[j]][i] = box
            else:
                tracks.append({i: box})
    enough = SEEN_SHARE * max((len(t) for t in tracks), default=0)
    return [t for t in tracks if len(t) >= enough]


def _pair(tracks: list[Track], boxes: np.ndarray) -> dict[int, int]:
    """Number of the box to number of the track it continues."""
    if not tracks or not len(boxes):
        return {}
    last = np.stack([t[max(t)] for t in tracks])
    size = (last[:, None, 2] + boxes[None, :, 2]) / 2
    shift = (last[:, None, :2] + last[:, None, 2:] / 2) - (boxes[None, :, :2] + boxes[None, :, 2:] / 2)
    apart = np.linalg.norm(shift, axis=-1) / size + np.abs(np.log2(last[:, None, 2] / boxes[None, :, 2]))
    rows, columns = linear_sum_assignment(np.minimum(apart, 10 * REACH))
    return {int(c): int(r) for r, c in zip(rows, columns, strict=True) if apart[r, c] <= REACH}


def filled(track: Track, frames: int) -> np.ndarray:
    """Squares ``(F, 3)`` (centre x, centre y, side) of a track in every frame, steadied.

    Between frames where the face was found its place is interpolated, before the first and after the last it stays.
    """
    at = np.asarray(sorted(track))
    boxes = np.stack([track[i] for i in at])
    squares = np.column_stack([boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2]])
    return np.column_stack([np.interp(np.arange(frames), at, column) for column in _steady(squares).T])


def _steady(squares: np.ndarray) -> np.ndarray:
    """Take out the detector's jitter: a median of three, and for the size, which changes slowly, of five."""
    return np.column_stack([_median(squares[:, :2], 1, "edge"), _median(squares[:, 2:], 2, "reflect")])


def _median(rows: np.ndarray, reach: int, beyond: Literal["edge", "reflect"]) -> np.ndarray:
    """Running median over ``2 reach + 1`` rows; ``beyond`` says what stands before the first and after the last."""
    padded = np.pad(rows, ((reach, reach), (0, 0)), mode=beyond)
    return np.median([padded[k : k + len(rows)] for k in range(2 * reach + 1)], axis=0)
