"""``leaks``: the same content in two sets, such as a training set and a test set that were gathered apart.

Exact copies are found by content hash. Near ones, stored anew by another codec, size or loudness, are found by
fingerprint (:mod:`affectrl.data.fingerprints`): pictures by one, films by three frames and, where both have sound, by
their sound too, sounds by theirs, be they files of their own or a film's track. Texts are compared by edit distance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from affectrl.data.clip import Clip, Modality
from affectrl.data.content import media_hashes, shares_time
from affectrl.data.each import each
from affectrl.data.fingerprints import audio_bits, differing_shares, frames_bits, image_bits
from affectrl.errors import MediaError, Note

PICTURE_SHARE = 0.10
"""Largest share of differing bits between near pictures; unrelated ones have about 0.5."""
SOUND_SHARE = 0.15
"""The same for sounds."""
FILM_SOUND_SHARE = 0.30
"""The same for the sound of films whose pictures are near, where it only has to confirm."""
TEXT_SCORE = 0.90
"""Smallest similarity of near texts: 1 minus the normalised insertion and deletion distance."""
SHORTEST_TEXT = 16
"""Letters, digits and blanks below which a text is an everyday phrase that proves nothing."""

_LONGEST_S = 120.0
_FRAMES = 3
_SIDE = 160
_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Leak:
    """Content of one set that stands in the other."""

    a: str
    """Id of the clip in the first set."""
    b: str
    """Id of the clip in the second."""
    match: Literal["exact", "near"]
    modality: Modality
    score: float
    """1 for the same, in [0, 1]."""
    pairs: int = 1
    """How many pairs of clips it stands for: a text that several clips share is reported once."""

    def row(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class LeakReport:
    """What :func:`leaks` found."""

    leaks: tuple[Leak, ...]
    """Exact ones first, then by falling score."""
    notes: tuple[Note, ...]
    """Clips whose media could not be read, by the code of the error; they were compared by what is left."""


@dataclass(slots=True)
class _Traces:
    """What is compared of one clip."""

    clip: Clip
    hashes: dict[str, Modality] = field(default_factory=dict)
    bits: dict[Modality, np.ndarray] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def leaks(a: Sequence[Clip], b: Sequence[Clip], *, quiet: bool = True) -> LeakReport:
    """Find content that stands in both of two sets.

    A pair of clips is reported once for its media, by the strongest sign, and texts are reported apart. Time is linear
    in clips for decoding, and a matrix product for comparing: thousands against thousands take seconds.

    Args:
        a: One set.
        b: The other.
        quiet: Show no progress.
    """
    first = each(a, _traces, "reading first", quiet=quiet)
    second = each(b, _traces, "reading second", quiet=quiet)
    best: dict[tuple[int, int], Leak] = {}
    for i, j, leak in (*_exact(first, second), *_near(first, second)):
        if (i, j) not in best or best[i, j].score < leak.score:
            best[i, j] = leak
    found = sorted((*best.values(), *_texts(a, b)), key=lambda leak: (leak.match != "exact", -leak.score))
    return LeakReport(tuple(found), tuple(note for traces in (*first, *second) for note in traces.notes))


def _traces(clip: Clip) -> _Traces:
    traces = _Traces(clip)
    try:
        traces.hashes = {digest: modality for modality, digest in media_hashes(clip).items()}
    except MediaError as error:
        traces.notes.append(Note(error.code, f"{clip.id}: {error}"))
        return traces
    for modality in ("video", "image", "audio"):
        try:
            bits = _bits(clip, modality)
        except MediaError as error:
            traces.notes.append(Note(error.code, f"{clip.id}: {error}"))
            continue
        if bits is not None:
            traces.bits[modality] = bits
    return traces


def _bits(clip: Clip, modality: Modality) -> np.ndarray | None:
    if modality == "audio":
        return _sound_bits(clip)
    if modality == "image" and clip.image is not None:
        from affectrl.data.media.image import read_image

        return image_bits(read_image(clip.image, max_side=_SIDE).rgb[0])
    if modality == "video" and clip.video is not None:
        from affectrl.data.media.video import read_frames

        frames = read_frames(clip.video, count=_FRAMES, start=clip.start, end=clip.end, max_side=_SIDE)
        return frames_bits(frames.rgb)
    return None


def _sound_bits(clip: Clip) -> np.ndarray | None:
    from affectrl.data.media.audio import read_audio

    media = clip.audio or (clip.video if clip.use_video_audio else None)
    if media is None:
        return None
    try:
        return audio_bits(read_audio(media, start=clip.start, end=clip.end, max_seconds=_LONGEST_S).samples)
    except MediaError as error:
        if error.code == "media_no_audio" and clip.audio is None:
            return None
        raise


_Pairs = Iterator[tuple[int, int, Leak]]


def _exact(first: Sequence[_Traces], second: Sequence[_Traces]) -> _Pairs:
    holders: dict[str, list[int]] = defaultdict(list)
    for j, traces in enumerate(second):
        for digest in traces.hashes:
            holders[digest].append(j)
    for i, traces in enumerate(first):
        for digest, modality in traces.hashes.items():
            for j in holders.get(digest, ()):
                if shares_time(traces.clip, second[j].clip):
                    yield i, j, Leak(traces.clip.id, second[j].clip.id, "exact", modality, 1.0)


def _near(first: Sequence[_Traces], second: Sequence[_Traces]) -> _Pairs:
    limits: dict[Modality, float] = {"video": PICTURE_SHARE, "image": PICTURE_SHARE, "audio": SOUND_SHARE}
    for modality, limit in limits.items():
        for i, j, share in _close(first, second, modality, limit):
            a, b = first[i], second[j]
            if a.hashes.keys() & b.hashes.keys():
                # The bytes were compared already: either an exact copy, or other moments of one file.
                continue
            if modality == "video" and not _sounds_agree(a, b):
                continue
            yield i, j, Leak(a.clip.id, b.clip.id, "near", modality, round(1.0 - share, 4))


def _close(
    first: Sequence[_Traces], second: Sequence[_Traces], modality: Modality, limit: float
) -> Iterator[tuple[int, int, float]]:
    """Indices and share of differing bits of all pairs whose fingerprints are as long and differ by at most a limit."""
    lengths = {len(traces.bits[modality]) for traces in first if modality in traces.bits}
    for length in sorted(lengths):
        rows, columns = (
            [i for i, traces in enumerate(part) if len(traces.bits.get(modality, ())) == length]
            for part in (first, second)
        )
        if not columns:
            continue
        right = np.stack([second[j].bits[modality] for j in columns])
        for at in range(0, len(rows), _ROWS):
            block = rows[at : at + _ROWS]
            shares = differing_shares(np.stack([first[i].bits[modality] for i in block]), right)
            for x, y in np.argwhere(shares <= limit):
                yield block[x], columns[y], max(0.0, float(shares[x, y]))


def _sounds_agree(a: _Traces, b: _Traces) -> bool:
    if "audio" not in a.bits or "audio" not in b.bits:
        return True
    return bool(np.mean(a.bits["audio"] != b.bits["audio"]) <= FILM_SOUND_SHARE)


def _plain(text: str) -> str:
    """Letters and digits, in lower case, with single blanks."""
    return " ".join("".join(sign if sign.isalnum() else " " for sign in text.casefold()).split())


def _by_text(clips: Sequence[Clip]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = defaultdict(list)
    for clip in clips:
        if clip.text is not None and len(plain := _plain(clip.text)) >= SHORTEST_TEXT:
            ids[plain].append(clip.id)
    return ids


def _texts(a: Sequence[Clip], b: Sequence[Clip]) -> Iterator[Leak]:
    from rapidfuzz import fuzz, process

    first, second = _by_text(a), _by_text(b)
    rows, columns = list(first), list(second)
    for at in range(0, len(rows) if columns else 0, _ROWS):
        block = rows[at : at + _ROWS]
        scores = process.cdist(block, columns, scorer=fuzz.ratio, score_cutoff=100 * TEXT_SCORE, workers=-1)
        for x, y in np.argwhere(scores > 0):
            ids_a, ids_b = first[block[x]], second[columns[y]]
            score = round(float(scores[x, y]) / 100, 4)
            match: Literal["exact", "near"] = "exact" if block[x] == columns[y] else "near"
            yield Leak(ids_a[0], ids_b[0], match, "text", score, len(ids_a) * len(ids_b))
