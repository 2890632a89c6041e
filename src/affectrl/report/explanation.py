"""What answers rest on, to look at: words in colour, sound with a strip of heat beneath it, frames and their regions.

One page that makes no request. It shows rows of ``predict --explain --parts``; what a row does not hold is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from affectrl import paths
from affectrl.data.clip import modality_of_suffix
from affectrl.errors import AffectError, UsageError
from affectrl.report.gallery import envelope, jpeg

_HERE = Path(__file__).parent
WIDE, CROP_SIDE = 720.0, 220
"""Width of the strip of sound in units of its drawing, and longest side of pictures in pixels."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Mark:
    """A part, and how it is to be shown."""

    text: str
    gave: float
    strength: float
    """``abs(gave)`` over the largest of the clip, in [0, 1]."""
    left: float = 0.0
    width: float = 0.0
    picture: str = ""

    @property
    def shade(self) -> int:
        """Per cent of colour, from 0 to 75, so that text on it can be read."""
        return round(75 * self.strength)

    @property
    def tone(self) -> str:
        """The colour's name: for the answer, or against it."""
        return "var(--c1)" if self.gave >= 0 else "var(--c2)"

    @property
    def told(self) -> str:
        """The number as people read it, in points of per cent."""
        return f"{round(100 * self.gave, 1) + 0.0:+.1f}"


@dataclass(frozen=True, slots=True)
class View:
    """One row, ready for the page."""

    row: Row
    words: list[Mark]
    sound: list[Mark]
    wave: str
    frames: list[Mark]
    regions: list[Mark]
    crop: str
    problems: list[str]


def write(rows: Sequence[Row], file: Path) -> Path:
    """Write the page, and give its path.

    Args:
        rows: Of ``predictions.jsonl``.
        file: Ends in ``.html``.

    Raises:
        UsageError: ``plot_suffix``: it does not.
    """
    if file.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"a page has no suffix {file.suffix!r}.", code="plot_suffix", path=file, hint="Write .html.")
    with paths.atomic(file) as scratch:
        scratch.write_text(render(rows), encoding="utf-8")
    return file


def render(rows: Sequence[Row]) -> str:
    """The page's text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("explanation.html").render(
        views=[view(row) for row in rows], style=(_HERE / "style.css").read_text(encoding="utf-8"), wide=WIDE
    )


def view(row: Row) -> View:
    """One row's marks and pictures; a file that cannot be shown any more is told among ``problems``."""
    parts = row.get("parts", {})
    most = max((abs(part["gave"]) for kind in parts.values() for part in kind), default=0.0) or 1.0
    problems: list[str] = []

    def mark(part: Row, text: str, **more: Any) -> Mark:
        return Mark(text, part["gave"], abs(part["gave"]) / most, **more)

    def shown(make: Callable[[], str]) -> str:
        try:
            return make()
        except AffectError as error:
            if error.message not in problems:
                problems.append(error.message)
            return ""

    path = None if row.get("path") is None else Path(row["path"])
    sound, seen, regions = parts.get("sound", []), parts.get("frames", []), parts.get("regions", [])
    strip: list[Mark] = []
    if sound:
        first, span = sound[0]["start"], sound[-1]["end"] - sound[0]["start"]
        for part in sound:
            left, width = WIDE * (part["start"] - first) / span, WIDE * (part["end"] - part["start"]) / span
            strip.append(mark(part, f"{part['start']:.1f} to {part['end']:.1f} s", left=left, width=width))
    return View(
        row,
        [mark(part, part["text"]) for part in parts.get("words", [])],
        strip,
        shown(lambda: _wave(path, sound)) if sound and path else "",
        [mark(p, f"{p['time']:.1f} s", picture=shown(partial(_picture, path, p))) for p in seen if path],
        [mark(part, _place(part["box"])) for part in regions],
        shown(lambda: _picture(path, regions[0])) if regions and path else "",
        problems,
    )


def _wave(path: Path, sound: Sequence[Row]) -> str:
    from affectrl.data.media.audio import read_audio

    return envelope(read_audio(path, start=sound[0]["start"], end=sound[-1]["end"]).samples)


def _picture(path: Path, part: Row) -> str:
    """What the encoder saw of the frame at the part's time, as a data address."""
    if modality_of_suffix(path) == "image":
        from affectrl.data.media.image import read_image

        frame = read_image(path).rgb[0]
    else:
        from affectrl.data.media.video import read_frames

        frame = read_frames(path, count=1, start=part["time"], end=part["time"] + 1e-3).rgb[0]
    height, width = frame.shape[:2]
    left, top, right, bottom = np.clip(part["of"], 0, 1) * [width, height, width, height]
    crop = frame[int(top) : max(int(top) + 1, round(bottom)), int(left) : max(int(left) + 1, round(right))]
    return jpeg(np.ascontiguousarray(crop), CROP_SIDE)


def _place(box: Sequence[float]) -> str:
    """A region's place in words."""
    rows, columns = ("top", "middle", "bottom"), ("left", "centre", "right")
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return f"{rows[min(2, int(3 * y))]} {columns[min(2, int(3 * x))]}"
