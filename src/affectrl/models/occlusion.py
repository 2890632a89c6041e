"""Clips with one small part hidden: a word left out, a second of sound muted, a frame left out, a region blurred.

Occlusion (Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2) asks what
the model would have said without the part. Parts are hidden before the encoder hears or sees them, so that nothing of
them is left in its features; those are remembered like any others.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any, Literal, get_args

import cv2
import numpy as np
import torch

from affectrl.data.media.audio import SAMPLE_RATE, Waveform, read_audio
from affectrl.errors import Note
from affectrl.models.features import Arrays, ClipFeatures, FeatureExtractor, identity
from affectrl.recipes.streams import FaceStream, FrameStream

VERSION = "1"
"""Part of every cache key: raised when hiding a part changes what an encoder gets."""
Kind = Literal["words", "sound", "frames", "regions"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_WORDS, MOST_PIECES, GRID = 48, 12, 3
"""Longer texts are hidden in runs of words and longer sound in longer pieces, so many at most; a picture is cut into
``GRID`` x ``GRID`` regions."""
PIECE_S = 0.5
"""Of sound that is muted at a time, at least."""
FADE_S = 0.01
"""Of muted sound, at both ends: a jump to silence would be a click."""

# Where a writing system puts no blanks, each character counts as a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Hidden:
    """A clip without one of its parts."""

    kind: Kind
    place: dict[str, Any]
    """``text``; or ``start`` and ``end``; or ``stream``, the ``time`` of a frame and ``of``, what the encoder sees of
    it: left, top, right, bottom as shares of its sides. A region, which is hidden in all frames, has ``box`` besides:
    where it lies in what the encoder sees. Times are seconds of the file."""
    clip: ClipFeatures


def hidden(clip: ClipFeatures, extractor: object) -> list[Hidden]:
    """The clip without each of its parts, one after the other.

    Args:
        clip: As ``extractor`` gave it.
        extractor: A :class:`FeatureExtractor`; of others, such as native models', only words are hidden.

    Raises:
        MediaError: A file of the clip cannot be read any more.
    """
    found = _words(clip)
    if isinstance(extractor, FeatureExtractor):
        found += _sound(clip, extractor)
        for stream in ("face", "frame"):
            if stream in clip.streams:
                found += _pictures(clip, extractor, stream)
    return found


def _words(clip: ClipFeatures) -> list[Hidden]:
    if not clip.text:
        return []
    words = list(_WORD.finditer(clip.text))
    runs = np.array_split(np.arange(len(words)), min(len(words), MOST_WORDS))
    out = []
    for run in runs:
        begin, end = words[run[0]].start(), words[run[-1]].end()
        rest = f"{clip.text[:begin]}{clip.text[end:].lstrip()}".strip()
        out.append(Hidden("words", {"text": clip.text[begin:end]}, replace(clip, text=rest or None)))
    return out


def _sound(clip: ClipFeatures, extractor: FeatureExtractor) -> list[Hidden]:
    spec, source = extractor.spec.voice, clip.clip.sound
    if "voice" not in clip.streams or spec is None or source is None:
        return []
    heard = read_audio(source, start=clip.clip.start, end=clip.clip.end, max_seconds=spec.max_seconds)
    count = max(1, min(MOST_PIECES, math.floor(heard.duration_s / PIECE_S + 0.5)))
    edges = np.linspace(0, len(heard.samples), count + 1).round().astype(int).tolist()
    if count == 1:
        return []  # that is the whole modality, whose share is known
    encoder: Any = extractor.encoder("voice")
    out = []
    for a, b in pairwise(edges):
        key = f"{identity(source, clip.clip)}|voice|{spec.max_seconds:g}s|{encoder.key}|muted-v{VERSION}-{a}-{b}"
        muted = replace(heard, samples=muted_between(heard.samples, a, b))
        arrays, _ = extractor.cache.remember(key, partial(_voice, encoder, muted))
        first = clip.clip.start or 0.0
        place = {"start": first + a / SAMPLE_RATE, "end": first + b / SAMPLE_RATE}
        rows = torch.from_numpy(arrays["voice"])
        out.append(Hidden("sound", place, replace(clip, streams=clip.streams | {"voice": rows})))
    return out


def _voice(encoder: Any, waveform: Waveform) -> tuple[Arrays, tuple[Note, ...]]:
    return {"voice": encoder.encode(waveform).astype(np.float16)}, ()


def muted_between(samples: np.ndarray, start: int, end: int) -> np.ndarray:
    """Samples ``(N,)`` with silence from ``start`` to ``end``, faded at both ends within them."""
    fade = min(int(FADE_S * SAMPLE_RATE), (end - start) // 2)
    slope = np.linspace(1, 0, fade, dtype=np.float32)
    gain = np.zeros(end - start, np.float32)
    if fade and start > 0:
        gain[:fade] = slope
    if fade and end < len(samples):
        gain[-fade:] = slope[::-1]
    out = samples.copy()
    out[start:end] *= gain
    return out


def _pictures(clip: ClipFeatures, extractor: FeatureExtractor, stream: str) -> list[Hidden]:
    spec: FaceStream | FrameStream = getattr(extractor.spec, stream)
    seen = extractor.looked_at(stream, clip.clip)[clip.face or 0]
    encoder: Any = extractor.encoder(stream)
    source = clip.clip.video or clip.clip.image
    assert source is not None
    base = f"{identity(source, clip.clip)}|{stream}|{spec.model_dump_json()}|{encoder.key}|face{clip.face or 0}"

    def hide(kind: Kind, place: dict[str, Any], pictures: np.ndarray, name: str) -> Hidden:
        key = f"{base}|hidden-v{VERSION}-{name}"
        arrays, _ = extractor.cache.remember(key, lambda: ({stream: encoder.encode(pictures).astype(np.float16)}, ()))
        rows = torch.from_numpy(arrays[stream])
        return Hidden(kind, {"stream": stream, **place}, replace(clip, streams=clip.streams | {stream: rows}))

    def at(i: int) -> dict[str, Any]:
        return {"time": float(seen.times_s[i]), "of": seen.boxes[i].round(4).tolist()}

    out = []
    count = len(seen.pictures)
    for i in range(count if count > 1 else 0):  # the only frame is the whole modality
        # Encoded anew, since a picture's row may depend on the others.
        out.append(hide("frames", at(i), np.delete(seen.pictures, i, axis=0), f"frame{i}"))
    for y in range(GRID):
        for x in range(GRID):
            box = (x / GRID, y / GRID, (x + 1) / GRID, (y + 1) / GRID)
            blurred = np.stack([blurred_within(picture, box) for picture in seen.pictures])
            out.append(hide("regions", {**at(count // 2), "box": list(box)}, blurred, f"region{GRID}-{x}-{y}"))
    return out


def blurred_within(picture: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """A picture ``(H, W, 3)`` with one region blurred beyond recognition, its rim soft.

    Args:
        picture: uint8.
        box: Left, top, right, bottom, as shares of the picture.
    """
    height, width = picture.shape[:2]
    left, top, right, bottom = (round(v * s) for v, s in zip(box, (width, height, width, height), strict=True))
    mask = np.zeros((height, width), np.float32)
    mask[top:bottom, left:right] = 1.0
    side = max(height, width)
    soft = cv2.GaussianBlur(mask, (0, 0), side / 60)[..., None]
    vague = cv2.GaussianBlur(picture, (0, 0), side / 8)
    return (picture * (1 - soft) + vague * soft).round().astype(np.uint8)
