"""A dozen clips to look at: what the model saw and heard, what it answered before and after."""

from __future__ import annotations

import base64
import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from affectrl.data.clip import modality_of_suffix
from affectrl.errors import AffectError, Note
from affectrl.report.load import Prediction

T = TypeVar("T")

SIZE = 12
_FRAMES, _FRAME_SIDE, _WAVE_SECONDS, _WAVE_COLUMNS = 4, 160, 60.0, 180

KINDS: tuple[tuple[str, str], ...] = (
    ("fixed", "Wrong before, right after"),
    ("broken", "Right before, wrong after"),
    ("right", "Right"),
    ("wrong", "Wrong"),
)


@dataclass(frozen=True, slots=True)
class Card:
    """One clip of the gallery."""

    kind: str
    kind_name: str
    before: Prediction | None
    after: Prediction | None
    frames: list[str]
    """JPEG data addresses, in order of time."""
    wave: str | None
    """SVG path of the sound's envelope in a box 180 wide and 40 high."""
    seconds: float | None
    """Length of the sound that the wave shows."""
    notes: tuple[Note, ...]

    @property
    def shown(self) -> Prediction:
        """The row that says what the clip is."""
        shown = self.after or self.before
        assert shown is not None
        return shown

    @property
    def raw(self) -> list[tuple[str, str]]:
        """What the model wrote, by when."""
        sides = (("Before", self.before), ("After", self.after))
        return [(when, side.raw) for when, side in sides if side and side.raw]


def gallery(before: Sequence[Prediction], after: Sequence[Prediction], run: Path, *, seed: int = 0) -> list[Card]:
    """Up to :data:`SIZE` clips, the same number of each kind as far as there are, drawn at random within a kind."""
    return [_card(kind, *pair, run) for kind, pair in _choose(before, after, seed)]


def _choose(
    before: Sequence[Prediction], after: Sequence[Prediction], seed: int
) -> list[tuple[str, tuple[Prediction | None, Prediction | None]]]:
    old, new = ({p.id: p for p in side if p.reference} for side in (before, after))
    piles: dict[str, list[str]] = {kind: [] for kind, _ in KINDS}
    for clip in sorted(old | new):
        piles[_kind(old.get(clip), new.get(clip))].append(clip)
    rng = random.Random(seed)
    for pile in piles.values():
        rng.shuffle(pile)
    taken = dict.fromkeys(piles, 0)
    while sum(taken.values()) < min(SIZE, len(old | new)):
        for kind, pile in piles.items():
            if taken[kind] < len(pile) and sum(taken.values()) < SIZE:
                taken[kind] += 1
    return [(kind, (old.get(c), new.get(c))) for kind, n in taken.items() for c in piles[kind][:n]]


def _kind(before: Prediction | None, after: Prediction | None) -> str:
    last = after or before
    right = last is not None and last.correct
    if before is None or after is None or before.correct == right:
        return "right" if right else "wrong"
    return "fixed" if right else "broken"


def _card(kind: str, before: Prediction | None, after: Prediction | None, run: Path) -> Card:
    clip = after or before
    path = find_media(clip.path if clip else None, run)
    notes: list[Note] = []
    frames: list[str] = []
    wave, seconds = None, None
    if clip and clip.path and path is None:
        notes.append(Note("media_gone", f"The media file is not at {clip.path} any more, so it cannot be shown."))
    elif clip and path:
        # A row names one file: of a clip with a photograph and a recording beside it, that is the recording.
        kind_of_file = modality_of_suffix(path)
        frames = (_try(lambda: _pictures(path, clip.modalities), notes) or []) if kind_of_file != "audio" else []
        heard = "audio" in clip.modalities and kind_of_file != "image"
        sound = _try(lambda: _sound(path), notes) if heard else None
        wave, seconds = sound or (None, None)
    return Card(kind, dict(KINDS)[kind], before, after, frames, wave, seconds, tuple(notes))


def find_media(path: str | None, run: Path) -> Path | None:
    """The media file of a row: as written, else relative to the run folder or a folder above it."""
    if path is None:
        return None
    places = (Path(path), *(parent / path for parent in [run, *run.resolve().parents[:3]]))
    return next((p for p in places if p.is_file()), None)


def _try(read: Callable[[], T], notes: list[Note]) -> T | None:
    """A clip that cannot be shown is noted on its card; the report goes on."""
    try:
        return read()
    except AffectError as error:
        notes.append(Note(error.code, error.message))
        return None


def _pictures(path: Path, modalities: Sequence[str]) -> list[str]:
    if "video" in modalities:
        from affectrl.data.media.video import read_frames

        return [jpeg(f) for f in read_frames(path, count=_FRAMES, max_side=_FRAME_SIDE).rgb]
    if "image" in modalities:
        from affectrl.data.media.image import read_image

        return [jpeg(f) for f in read_image(path, max_side=2 * _FRAME_SIDE).rgb]
    return []


def jpeg(rgb: NDArray[np.uint8], max_side: int | None = None) -> str:
    """A picture ``(H, W, 3)`` as a JPEG data address, scaled down to ``max_side`` pixels if it is larger."""
    from PIL import Image

    picture, buffer = Image.fromarray(rgb), io.BytesIO()
    if max_side is not None:
        picture.thumbnail((max_side, max_side))
    picture.save(buffer, "JPEG", quality=78)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _sound(path: Path) -> tuple[str, float]:
    from affectrl.data.media.audio import read_audio

    heard = read_audio(path, max_seconds=_WAVE_SECONDS)
    return envelope(heard.samples), heard.duration_s


def envelope(samples: NDArray[np.float32]) -> str:
    """The outline of a waveform ``(N,)`` as an SVG path, scaled to its own peak; a flat line for silence."""
    loud = np.abs(samples)
    peaks = np.array([column.max(initial=0.0) for column in np.array_split(loud, _WAVE_COLUMNS)])
    tall = 19 * peaks / peaks.max() if peaks.max() > 0 else np.zeros_like(peaks)
    top = [f"{x},{20 - h:.1f}" for x, h in enumerate(tall)]
    bottom = [f"{x},{20.5 + h:.1f}" for x, h in reversed(list(enumerate(tall)))]
    return f"M{' '.join(top + bottom)}Z"
