"""A face drawn from action units: anti-aliased shapes with shading, at twice the size of the picture.

Not a likeness of anyone, and no evidence about people: a signal that a model can learn to read and a person can check
by eye. :class:`Artist` keeps what does not move (background, hair, shaded skin) and draws the rest anew each frame.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from affectrl.data.sandbox import geometry
from affectrl.data.sandbox.geometry import Units
from affectrl.data.sandbox.identity import Colour, Face

SIZE = 160
"""Side of a frame, pixels."""

_CANVAS = 2 * SIZE
_UNIT = 88.0
_CENTRE = np.array([_CANVAS / 2, 0.53 * _CANVAS])
_SHIFT = 4  # fractional bits of OpenCV's sub-pixel coordinates
_JAW_LEVELS = 8


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the head is: roll in degrees, yaw -1..1 (about 15 degrees), shifts in face units, size as a ratio."""

    roll: float = 0.0
    yaw: float = 0.0
    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Camera:
    """Light and lens."""

    background: Colour = (150.0, 160.0, 165.0)
    side_light: float = 0.1
    """-1 lit from the left .. 1 lit from the right."""
    gain: float = 1.0
    cast: Colour = (1.0, 1.0, 1.0)
    """Factor for each of red, green, blue."""
    blur: float = 0.0
    """Standard deviation, pixels of the finished frame."""
    noise: float = 0.0
    """Standard deviation, grey levels."""
    size: int = SIZE
    """Side of the picture that is written, pixels."""


class Artist:
    """Draws one face under one camera.

    Args:
        face: Whose.
        camera: Light, background, blur, noise.
    """

    def __init__(self, face: Face, camera: Camera | None = None) -> None:
        self.face = face
        self.camera = camera or Camera()
        self._bases: dict[int, np.ndarray] = {}

    def draw(self, units: Units, pose: Pose | None = None, rng: np.random.Generator | None = None) -> np.ndarray:
        """One frame.

        Args:
            units: Action-unit intensities 0..1, and ``blink``.
            pose: Head pose; upright by default.
            rng: Source of the camera's noise; without it there is none.

        Returns:
            Red-green-blue, uint8, of shape (size, size, 3).
        """
        pose = pose or Pose()
        level = round(min(1.0, units.get("AU26", 0.0)) * (_JAW_LEVELS - 1))
        if level not in self._bases:
            self._bases[level] = _base(self.face, self.camera, level / (_JAW_LEVELS - 1))
        canvas = self._bases[level].copy()
        turn = np.array([0.09 * pose.yaw, 0.0])
        _light(canvas, units, turn)
        _creases(canvas, self.face, units, turn)
        _nose(canvas, self.face, units, turn)
        _mouth(canvas, self.face, units, turn)
        for side in (-1, 1):
            _eye(canvas, self.face, units, side, turn)
            _fill(canvas, geometry.brow(self.face, units, side) + turn, _mix(self.face.hair, (20, 16, 14), 0.35))
        if self.face.glasses:
            _glasses(canvas, self.face, turn)
        return self._photograph(canvas, pose, rng)

    def _photograph(self, canvas: np.ndarray, pose: Pose, rng: np.random.Generator | None) -> np.ndarray:
        camera = self.camera
        matrix = cv2.getRotationMatrix2D((float(_CENTRE[0]), float(_CENTRE[1])), pose.roll, pose.scale)
        matrix[:, 2] += (pose.x * _UNIT, pose.y * _UNIT)
        frame = cv2.warpAffine(canvas, matrix, (_CANVAS, _CANVAS), borderMode=cv2.BORDER_REPLICATE)
        frame = cv2.resize(frame, (camera.size, camera.size), interpolation=cv2.INTER_AREA)
        if camera.blur > 0.05:
            frame = cv2.GaussianBlur(frame, (0, 0), camera.blur)
        light = np.array(camera.cast, np.float32) * np.float32(camera.gain)
        exposed = frame.astype(np.float32) * light
        if rng is not None and camera.noise > 0:
            exposed += rng.standard_normal(exposed.shape, dtype=np.float32) * np.float32(camera.noise)
        return np.clip(exposed, 0, 255).astype(np.uint8)


def _pixels(points: np.ndarray) -> np.ndarray:
    return np.round((points * _UNIT + _CENTRE) * (1 << _SHIFT)).astype(np.int32)


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (a + share * (b - a) for a, b in zip(one, other, strict=True))
    return (red, green, blue)


def _fill(canvas: np.ndarray, shape: np.ndarray, colour: Colour | float) -> None:
    cv2.fillPoly(canvas, [_pixels(shape)], colour, cv2.LINE_AA, _SHIFT)


def _line(canvas: np.ndarray, points: np.ndarray, colour: Colour | float, width: int) -> None:
    cv2.polylines(canvas, [_pixels(points)], False, colour, width, cv2.LINE_AA, _SHIFT)


_CIRCLE = np.stack([f(np.linspace(0, 2 * np.pi, 48, endpoint=False)) for f in (np.cos, np.sin)], axis=1)


def _ellipse(centre: tuple[float, float], half: tuple[float, float]) -> np.ndarray:
    return np.asarray(centre) + np.asarray(half) * _CIRCLE


@functools.cache
def _grid(coarse: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y in face units of the middles of squares of ``coarse`` canvas pixels, float32."""
    rows, columns = np.mgrid[0 : _CANVAS // coarse, 0 : _CANVAS // coarse].astype(np.float32) * coarse + coarse // 2
    return (columns - np.float32(_CENTRE[0])) / np.float32(_UNIT), (rows - np.float32(_CENTRE[1])) / np.float32(_UNIT)


def _base(face: Face, camera: Camera, jaw: float) -> np.ndarray:
    """All that stands still for a given jaw: background, clothes, hair, ears, neck and shaded skin."""
    x, y = _grid(1)
    fade = 1.0 + 0.10 * camera.side_light * x - 0.06 * y
    canvas = np.clip(fade[..., None] * np.array(camera.background, np.float32), 0, 255).astype(np.uint8)
    _hair_behind(canvas, face)
    _fill(canvas, _ellipse((0, 2.35), (1.75, 0.95)), face.clothes)
    shade = _mix(face.skin, (60, 30, 20), 0.28)
    _fill(canvas, np.array([(-0.45, 0.6), (0.45, 0.6), (0.52, 1.75), (0.0, 1.95), (-0.52, 1.75)]), shade)
    for side in (-1, 1):
        _fill(canvas, _ellipse((side * 1.0 * face.width, 0.0), (0.14, 0.27)), _mix(face.skin, (90, 40, 30), 0.12))
        _fill(canvas, _ellipse((side * 1.01 * face.width, 0.02), (0.07, 0.16)), shade)
    mask = np.zeros((_CANVAS, _CANVAS), np.uint8)
    _fill(mask, geometry.outline(face, jaw), 255)
    share = (mask.astype(np.float32) / 255)[..., None]
    canvas = (canvas * (1 - share) + _skin(face, camera, jaw) * share).astype(np.uint8)
    _hair_in_front(canvas, face)
    return canvas


def _skin(face: Face, camera: Camera, jaw: float) -> np.ndarray:
    """Skin colour of every pixel: round, lit from one side, with eye sockets, cheeks, nose and beard."""
    x, y = _grid(2)

    def blob(cx: float, cy: float, sx: float, sy: float) -> np.ndarray:
        return np.exp(-(((np.abs(x) if cx else x) - cx) ** 2) / sx**2 - (y - cy) ** 2 / sy**2)

    light = 1.05 - 0.24 * np.clip(x**2 + 0.45 * (y - 0.1) ** 2, 0, 1.4) + 0.22 * camera.side_light * x
    light -= 0.17 * blob(0.42, -0.24, 0.27, 0.15)  # eye sockets
    light += 0.09 * blob(0.48, 0.22, 0.26, 0.20) + 0.08 * blob(0, -0.75, 0.6, 0.3)  # cheekbones, forehead
    light += 0.12 * blob(0, 0.05, 0.075, 0.34)  # bridge of the nose
    light -= 0.11 * blob(0.17 * face.nose_width, 0.2, 0.07, 0.2) + 0.10 * blob(0, 0.43, 0.18, 0.07)
    light -= 0.12 * blob(0, 0.96 + 0.17 * jaw, 0.24, 0.07)  # under the lower lip
    colour = light[..., None] * np.array(face.skin, np.float32)
    flush = (0.5 * blob(0.52, 0.26, 0.24, 0.2))[..., None]
    colour += flush * np.array([14, -8, -6], np.float32)
    if face.beard:
        lower = np.clip((y - 0.40 - 0.12 * np.abs(x)) * 4, 0, 1) * (1 - 0.9 * blob(0, 0.70, 0.33, 0.13))
        grain = cv2.GaussianBlur(np.random.default_rng(7).normal(0, 1, x.shape).astype(np.float32), (0, 0), 0.7)
        amount = np.clip(face.beard * lower * (0.55 + 0.5 * grain), 0, 0.85)[..., None]
        colour = colour * (1 - amount) + np.array(face.hair, np.float32) * amount
    return cv2.resize(np.clip(colour, 0, 255), (_CANVAS, _CANVAS), interpolation=cv2.INTER_LINEAR)


def _hair_behind(canvas: np.ndarray, face: Face) -> None:
    dark = _mix(face.hair, (0, 0, 0), 0.25)
    if face.hair_style == 2:
        _fill(canvas, _ellipse((0, -0.2), (1.22 * face.width, 1.28)), dark)
        sides = [(-1.2, -0.2), (-1.3, 1.3), (-0.7, 1.75), (0.7, 1.75), (1.3, 1.3), (1.2, -0.2)]
        _fill(canvas, np.array(sides), dark)
    elif face.hair_style == 3:
        for angle in np.linspace(np.pi * 0.95, np.pi * 2.05, 15):
            _fill(canvas, _ellipse((1.02 * np.cos(angle), -0.30 + 1.08 * np.sin(angle)), (0.27, 0.27)), dark)
    else:
        round_it = (1.06, 1.04) if face.hair_style == 4 else (1.10, 1.10)
        _fill(canvas, _ellipse((0, -0.35), (round_it[0] * face.width, round_it[1])), dark)


def _hair_in_front(canvas: np.ndarray, face: Face) -> None:
    t = np.linspace(-1, 1, 41)
    top = np.stack([1.05 * face.width * t, -0.35 - 1.08 * np.sqrt(np.clip(1 - t**2, 0, 1))], axis=1)
    low = -0.98 + 0.12 * face.fringe
    if face.hair_style == 4:
        edge = -1.12 - 0.10 * np.cos(3 * np.pi * t) + 0.72 * np.abs(t) ** 6
    elif face.hair_style == 1:
        edge = low - 0.10 + 0.16 * np.abs(t + 0.35) + 0.5 * np.abs(t) ** 6
    elif face.hair_style == 3:
        edge = low + 0.035 * np.sin(17 * t) + 0.55 * np.abs(t) ** 5
    else:
        edge = low + 0.02 * np.sin(9 * t) + 0.62 * np.abs(t) ** 5
    bottom = np.stack([1.02 * face.width * t, edge], axis=1)
    _fill(canvas, np.concatenate([top, bottom[::-1]]), face.hair)
    for k, share in enumerate(np.linspace(0.15, 0.85, 9)):
        strand = top * (1 - share) + bottom * share
        tone = _mix(face.hair, (255, 240, 220) if k % 2 else (0, 0, 0), 0.07)
        _line(canvas, strand[4:-4], tone, 3)


def _light(canvas: np.ndarray, units: Units, turn: np.ndarray) -> None:
    """Soft light and shade that moving flesh makes; drawn small and enlarged."""
    small = np.full((_CANVAS // 4, _CANVAS // 4), 128.0, np.float32)
    x, y = _grid(4)
    mirrored = np.abs(x - np.float32(turn[0]))

    def add(cx: float, cy: float, sx: float, sy: float, amount: float) -> None:
        if abs(amount) > 0.5:
            small[...] += amount * np.exp(-(((mirrored - cx) / sx) ** 2) - ((y - cy) / sy) ** 2)

    get = units.get
    smile, cheek = get("AU12", 0), get("AU6", 0)
    add(0.50, 0.20 - 0.05 * cheek, 0.18, 0.12, 16 * cheek + 8 * smile)
    add(0.48, 0.50, 0.16, 0.12, -12 * smile)
    add(0.42, -0.33, 0.26, 0.07, -20 * get("AU4", 0) + 10 * get("AU2", 0))
    add(0.0, -0.42, 0.10, 0.12, -16 * get("AU4", 0))
    add(0.0, 1.06, 0.18, 0.09, 12 * get("AU17", 0))
    add(0.17, 0.16, 0.10, 0.14, -14 * get("AU9", 0))
    add(0.42, -0.03, 0.22, 0.06, -10 * get("AU7", 0) - 6 * cheek)
    factor = cv2.resize(np.clip(small, 60, 200), (_CANVAS, _CANVAS), interpolation=cv2.INTER_LINEAR)
    canvas[...] = cv2.multiply(canvas, cv2.merge([factor.astype(np.uint8)] * 3), scale=1 / 128)


def _creases(canvas: np.ndarray, face: Face, units: Units, turn: np.ndarray) -> None:
    mask = np.zeros((_CANVAS, _CANVAS), np.uint8)
    for line, strength in geometry.creases(face, units):
        _line(mask, _smooth(line) + turn, 150.0 * strength, 3)
    keep = 255 - cv2.GaussianBlur(mask, (5, 5), 0)
    canvas[...] = cv2.multiply(canvas, cv2.merge([keep] * 3), scale=1 / 255)


def _smooth(line: np.ndarray) -> np.ndarray:
    """A finer line through the same points."""
    return line if len(line) < 3 else _smoother(len(line)) @ line


@functools.cache
def _smoother(count: int) -> np.ndarray:
    """The linear map from ``count`` points to 12 on their least-squares curve of third degree or lower."""
    degree = min(3, count - 1)
    known, fine = np.vander(np.linspace(0, 1, count), degree + 1), np.vander(np.linspace(0, 1, 12), degree + 1)
    return fine @ np.linalg.pinv(known)


def _nose(canvas: np.ndarray, face: Face, units: Units, turn: np.ndarray) -> None:
    up = 0.06 * units.get("AU9", 0) + 0.02 * units.get("AU10", 0)
    wide = face.nose_width * (1 + 0.15 * units.get("AU9", 0) + 0.06 * units.get("AU12", 0))
    y = geometry.NOSE_Y * face.nose_length - up
    dark = _mix(face.skin, (50, 20, 15), 0.62)
    for side in (-1, 1):
        _fill(canvas, _ellipse((side * 0.085 * wide, y), (0.048 * wide, 0.026)) + turn, dark)
        wing = np.array([(0.15, y - 0.10), (0.185, y - 0.03), (0.15, y + 0.03)]) * (side * wide, 1)
        _line(canvas, _smooth(wing) + turn, _mix(face.skin, (60, 25, 20), 0.38), 2)
    tip = np.array([(-0.06, y + 0.035), (0.0, y + 0.05), (0.06, y + 0.035)]) * (wide, 1)
    _line(canvas, _smooth(tip) + turn, _mix(face.skin, (60, 25, 20), 0.40), 2)


def _mouth(canvas: np.ndarray, face: Face, units: Units, turn: np.ndarray) -> None:
    shape = geometry.mouth(face, units)
    lips = _mix(_mix(face.skin, (150, 60, 60), 0.45), (175, 40, 50), 0.55 * face.lip_red)
    _fill(canvas, np.concatenate([shape.outer_upper, shape.inner_upper[::-1]]) + turn, _mix(lips, (60, 10, 15), 0.15))
    _fill(canvas, np.concatenate([shape.inner_lower, shape.outer_lower[::-1]]) + turn, lips)
    shine = 0.45 * shape.inner_lower + 0.55 * shape.outer_lower
    _line(canvas, shine[9:-9] + turn, _mix(lips, (255, 235, 230), 0.25), 3)
    if shape.open > 0.02:
        inside = np.concatenate([shape.inner_upper, shape.inner_lower[::-1]]) + turn
        _fill(canvas, inside, (58, 18, 22))
        gap = shape.inner_lower[:, 1] - shape.inner_upper[:, 1]
        teeth = shape.inner_upper.copy()
        teeth[:, 1] += np.minimum(0.62 * gap, 0.075)
        _fill(canvas, np.concatenate([shape.inner_upper[2:-2], teeth[2:-2][::-1]]) + turn, (232, 226, 216))
        if units.get("AU26", 0) > 0.3:
            tongue = shape.inner_lower.copy()
            tongue[:, 1] -= 0.28 * gap
            _fill(canvas, np.concatenate([tongue[5:-5], shape.inner_lower[5:-5][::-1]]) + turn, (160, 72, 76))
    seam = _mix(lips, (40, 8, 12), 0.75)
    _line(canvas, shape.inner_upper + turn, seam, 2)
    for corner in (shape.inner_upper[0], shape.inner_upper[-1]):
        _fill(canvas, _ellipse((corner[0], corner[1]), (0.022, 0.018)) + turn, seam)


def _eye(canvas: np.ndarray, face: Face, units: Units, side: int, turn: np.ndarray) -> None:
    eye = geometry.eye(face, units, side)
    lash = _mix(face.hair, (16, 12, 12), 0.7)
    if eye.open > 0.12:
        opening = np.concatenate([eye.upper, eye.lower[::-1]]) + turn
        left, top, width, height = cv2.boundingRect((opening * _UNIT + _CENTRE).astype(np.float32))
        box = np.s_[top - 2 : top + height + 3, left - 2 : left + width + 3]
        corner = np.array([left - 2, top - 2]) / _UNIT
        layer = np.empty_like(canvas[box])
        mask = np.zeros(layer.shape[:2], np.uint8)
        _fill(mask, opening - corner, 255)
        _paint_ball(layer, face, eye.centre + turn * 1.15 - corner, eye.iris_radius)
        share = (mask.astype(np.float32) / 255)[..., None]
        canvas[box] = (canvas[box] * (1 - share) + layer * share).astype(np.uint8)
    _line(canvas, eye.fold + turn, _mix(face.skin, (60, 25, 20), 0.42), 2)
    _line(canvas, eye.lower + turn, _mix(face.skin, (70, 30, 25), 0.45), 2)
    _line(canvas, eye.upper + turn, lash, 4)


def _paint_ball(layer: np.ndarray, face: Face, centre: np.ndarray, radius: float) -> None:
    middle = (float(centre[0]), float(centre[1]))
    layer[...] = (236, 232, 228)
    _fill(layer, _ellipse((middle[0], middle[1] - 0.13), (0.3, 0.075)), (186, 178, 174))
    _fill(layer, _ellipse(middle, (radius, radius)), _mix(face.iris, (0, 0, 0), 0.4))
    _fill(layer, _ellipse(middle, (radius * 0.82, radius * 0.82)), face.iris)
    _fill(layer, _ellipse(middle, (radius * 0.45, radius * 0.45)), (12, 10, 10))
    glint = (middle[0] - 0.3 * radius, middle[1] - 0.35 * radius)
    _fill(layer, _ellipse(glint, (radius * 0.2, radius * 0.2)), (255, 255, 255))


def _glasses(canvas: np.ndarray, face: Face, turn: np.ndarray) -> None:
    frame = (52.0, 46.0, 48.0)
    for side in (-1, 1):
        rim = _ellipse((side * 0.43 * face.eye_gap, -0.14), (0.31, 0.235)) + turn
        _line(canvas, np.concatenate([rim, rim[:1]]), frame, 3)
        arm = np.array([(0.74, -0.17), (0.97 * face.width, -0.14)]) * (side, 1)
        _line(canvas, arm + turn * 0.5, frame, 3)
    _line(canvas, np.array([(-0.13, -0.17), (0.0, -0.20), (0.13, -0.17)]) + turn, frame, 3)
