"""Speech from text through espeak-ng, the same samples for the same request, whatever was spoken before.

espeak-ng keeps global state (oscillator phase, flutter position, its random generator) that outlives even its own
terminate call. So each utterance loads the shared library afresh, seeds it, speaks, and unloads it: about six
milliseconds, and no history. The library comes with the ``espeakng-loader`` wheel; nothing is downloaded.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from affectrl.errors import MediaError, ModelError

SPEECH_RATE_HZ = 22_050
"""Sampling rate of what :func:`speak` returns."""

_SYNCHRONOUS, _DO_NOT_EXIT, _UTF8 = 2, 0x8000, 1
_RATE, _VOLUME, _PITCH, _RANGE, _WORD_GAP = 1, 2, 3, 4, 7
_LONGEST_DATA_PATH = 120  # espeak-ng copies the path into a fixed buffer of 160 bytes and appends file names to it
_ONE_AT_A_TIME = threading.Lock()
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How espeak-ng is to say something, in its own units."""

    voice: str
    """Voice and variant, such as ``en-us+f3``."""
    rate_wpm: int = 175
    """Words a minute, 80 to 450."""
    pitch: int = 50
    """0 to 99; 50 is the voice's own pitch, 0 half and 99 twice that."""
    range: int = 50
    """0 to 99; 0 is monotone, 50 the voice's own range."""
    word_gap_10ms: int = 0
    """Extra pause between words, in units of 10 ms at the normal rate."""


def speak(text: str, delivery: Delivery) -> np.ndarray:
    """Say a text.

    Returns:
        Samples, float32 of shape (N,), mono, in [-1, 1], at :data:`SPEECH_RATE_HZ`.

    Raises:
        ModelError: The ``espeakng-loader`` wheel is missing, or does not know the voice.
        MediaError: Nothing audible came out, as for a text without words.
    """
    with _ONE_AT_A_TIME, _fresh_espeak() as library:
        pieces = _collect(library, text, delivery)
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
    if not np.any(samples):
        raise MediaError(f"espeak-ng said nothing for {text!r}.", code="speech_silent", hint="Give it words to say.")
    return samples.astype(np.float32) / 32768


def _collect(library: Any, text: str, delivery: Delivery) -> list[np.ndarray]:
    pieces: list[np.ndarray] = []

    @_Callback
    def receive(samples: Any, count: int, _events: object) -> int:
        if samples and count > 0:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    library.espeak_SetSynthCallback(receive)
    if library.espeak_SetVoiceByName(delivery.voice.encode()) != 0:
        raise ModelError(f"espeak-ng has no voice {delivery.voice!r}.", code="voice_unknown")
    settings = {
        _RATE: delivery.rate_wpm,
        _VOLUME: 90,
        _PITCH: delivery.pitch,
        _RANGE: delivery.range,
        _WORD_GAP: delivery.word_gap_10ms,
    }
    for parameter, value in settings.items():
        library.espeak_SetParameter(parameter, int(value), 0)
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    words = text.encode() + b"\0"
    library.espeak_Synth(words, ctypes.c_size_t(len(words)), 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    return pieces


@contextlib.contextmanager
def _fresh_espeak() -> Iterator[Any]:
    loader = _loader()
    library = ctypes.CDLL(str(loader.get_library_path()))
    try:
        with _short_path(Path(loader.get_data_path())) as data:
            rate = library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(data), _DO_NOT_EXIT)
            if rate != SPEECH_RATE_HZ:
                raise ModelError(f"espeak-ng did not start (it answered {rate}).", code="speech_engine", path=data)
            yield library
            library.espeak_Terminate()
    finally:
        _unload(library)


def _loader() -> Any:
    try:
        import espeakng_loader
    except ImportError as error:
        raise ModelError(
            "the sandbox speaks through espeak-ng, which is not installed.",
            code="speech_engine_missing",
            hint='Run: pip install "espeakng-loader>=0.2.4" (it is part of affectrl[nano-light]).',
        ) from error
    return espeakng_loader


@contextlib.contextmanager
def _short_path(data: Path) -> Iterator[Path]:
    """The data folder under a name that is short enough for espeak-ng's fixed buffer."""
    if len(os.fsencode(data)) <= _LONGEST_DATA_PATH:
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="aff") as folder:
        link = Path(folder) / "d"
        link.symlink_to(data, target_is_directory=True)
        yield link


def _unload(library: Any) -> None:
    import _ctypes

    close = getattr(_ctypes, "dlclose", None) or getattr(_ctypes, "FreeLibrary", None)
    if close is not None:
        close(library._handle)
