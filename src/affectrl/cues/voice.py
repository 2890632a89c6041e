"""What can be measured in a voice: pitch, level, speed, pauses, brightness, the ending.

Pitch is YIN's (de Cheveigné & Kawahara, JASA 111, 2002), as librosa has it, in the loud moments, which are vowels for
the most part. Its median and quartiles follow the pitch that the sandbox's voices were told to have as well as Praat's
do, and better than pYIN's, which finds no voice in a third of them. Syllables of unknown words are peaks of the level
between dips of 2 dB, after de Jong & Wempe (Behavior Research Methods 41, 2009).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy import signal

from affectrl.errors import UsageError

RATE_HZ = 16_000
"""Samples a second of what is measured."""
LOWEST_HZ, HIGHEST_HZ = 60.0, 600.0
"""Pitch that is looked for."""
PERIODIC, FEWEST = 0.35, 0.2
"""Correlation of a moment with itself one period later from which it has a pitch, and the share of the loud moments
that must have one; a whisper has none."""
STEP = 320
"""Samples between two looks: 20 ms."""
ACTIVE_DB, LOUD_DB = 25.0, 12.0
"""How far below the loud parts of a clip a moment still counts as speech, and as loud."""
BRIGHT_HZ = 1_200.0
PAUSE_S = 0.12
"""Shortest silence inside speech that is a pause; shorter ones belong to consonants."""
_WINDOW = 1024
_DIP_DB = 2.0
_VOWELS = re.compile(r"[aeiouyäöüàáâèéêìíòóôùúœæ]+", re.I)


@dataclass(frozen=True, slots=True)
class VoiceMeasures:
    """One voice in one clip. ``None`` for what cannot be told, such as the pitch of a whisper."""

    pitch: float | None
    """Median, semitones above 100 Hz."""
    range: float | None
    """Between the quartiles of pitch, semitones."""
    level: float | None
    """Of the moments of speech, dB of full scale. Of a recording that was made louder it is higher."""
    rate: float | None
    """Syllables a second of speech without its pauses: of the text where it is known, else those that are heard."""
    pauses: float | None
    """Share of the time from the first to the last moment of speech."""
    brightness: float | None
    """Level above 1.2 kHz against that below, in the loud moments, dB."""
    ending: float | None
    """Pitch of the last fifth of the loud moments against the middle of the others, semitones."""


VOICE_CUES = tuple(field.name for field in fields(VoiceMeasures))


def measure_voice(samples: np.ndarray, text: str | None = None) -> VoiceMeasures:
    """Measure a voice.

    Args:
        samples: float32 ``(N,)`` in [-1, 1] at :data:`RATE_HZ`.
        text: What is said, if it is known; its syllables are groups of vowels.

    Returns:
        All fields ``None`` for silence, or for sound shorter than a tenth of a second.

    Raises:
        UsageError: ``package_missing``: librosa cannot be imported.
    """
    if len(samples) < RATE_HZ // 10 or (level := _level(samples)).max() < -60:
        return VoiceMeasures(*[None] * len(VOICE_CUES))
    top = np.percentile(level, 95)
    active, loud = level > top - ACTIVE_DB, level > top - LOUD_DB
    places = np.flatnonzero(loud)
    tracked = _pitch(samples)[: len(level)][places]
    periodic = _periodicity(samples, places, tracked) >= PERIODIC
    voiced = periodic.mean() >= FEWEST
    semitones = tracked[periodic] if voiced else tracked
    quarter, middle, three = np.percentile(semitones, (25, 50, 75))
    silent = _pauses(active)
    spoken_s = float((_span(active) & ~silent).sum()) * STEP / RATE_HZ
    known = len(_VOWELS.findall(text)) if text else 0
    heard = known or _syllables(level, loud)
    return VoiceMeasures(
        pitch=_number(middle) if voiced else None,
        range=_number(three - quarter) if voiced else None,
        level=_number(10 * np.log10(np.mean(10 ** (level[active] / 10)))),
        rate=_number(heard / spoken_s) if heard and spoken_s > 0.2 else None,
        pauses=_number(silent.sum() / _span(active).sum()),
        brightness=_brightness(samples, loud),
        ending=_ending(semitones) if voiced else None,
    )


def _pitch(samples: np.ndarray) -> np.ndarray:
    """Semitones above 100 Hz, every :data:`STEP`; of noise any number."""
    try:
        import librosa
    except ImportError as error:
        raise UsageError(
            "measuring voices needs librosa.", code="package_missing", hint="pip install 'affectrl[cues]'"
        ) from error
    hz = librosa.yin(
        samples.astype(np.float32),
        fmin=LOWEST_HZ,
        fmax=HIGHEST_HZ,
        sr=RATE_HZ,
        frame_length=_WINDOW,
        hop_length=STEP,
    )
    return 12 * np.log2(np.asarray(hz) / 100)


def _periodicity(samples: np.ndarray, places: np.ndarray, semitones: np.ndarray) -> np.ndarray:
    """Correlation of each moment with what follows one period later, -1 to 1."""
    found = np.zeros(len(places))
    half = _WINDOW // 2
    padded = np.pad(np.asarray(samples, np.float64), half)
    for i, (place, height) in enumerate(zip(places, semitones, strict=True)):
        window = padded[place * STEP : place * STEP + _WINDOW]
        lag = round(RATE_HZ / (100 * 2 ** (height / 12)))
        a, b = window[:-lag] - window[:-lag].mean(), window[lag:] - window[lag:].mean()
        found[i] = float(a @ b) / (float(np.sqrt((a @ a) * (b @ b))) + 1e-12)
    return found


def _level(samples: np.ndarray) -> np.ndarray:
    """dB of full scale in windows of 64 ms around every :data:`STEP`."""
    power = np.convolve(np.asarray(samples, np.float64) ** 2, np.ones(_WINDOW) / _WINDOW, mode="same")[::STEP]
    return 10 * np.log10(np.maximum(power, 1e-10))


def _span(active: np.ndarray) -> np.ndarray:
    """True from the first to the last moment of speech."""
    there = np.flatnonzero(active)
    inside = np.zeros(len(active), bool)
    if len(there):
        inside[there[0] : there[-1] + 1] = True
    return inside


def _pauses(active: np.ndarray) -> np.ndarray:
    """True in silences inside speech that are long enough."""
    still = _span(active) & ~active
    edges = np.flatnonzero(np.diff(np.r_[0, still.astype(int), 0]))
    found = np.zeros(len(active), bool)
    for start, end in edges.reshape(-1, 2):
        if (end - start) * STEP / RATE_HZ >= PAUSE_S:
            found[start:end] = True
    return found


def _syllables(level: np.ndarray, loud: np.ndarray) -> int:
    peaks, _ = signal.find_peaks(level, prominence=_DIP_DB)
    return int(loud[peaks].sum())


def _brightness(samples: np.ndarray, loud: np.ndarray) -> float | None:
    _, _, power = signal.spectrogram(
        samples, RATE_HZ, nperseg=_WINDOW, noverlap=_WINDOW - STEP, mode="psd", scaling="spectrum"
    )
    # The first window is centred half a window in.
    places = np.clip(np.flatnonzero(loud) - _WINDOW // 2 // STEP, 0, power.shape[1] - 1)
    mean = power[:, places].mean(axis=1)
    edge = int(BRIGHT_HZ / RATE_HZ * _WINDOW)
    return _number(10 * np.log10((mean[edge:].sum() + 1e-12) / (mean[2:edge].sum() + 1e-12)))


def _ending(semitones: np.ndarray) -> float | None:
    last = len(semitones) // 5
    return _number(np.median(semitones[-last:]) - np.median(semitones[:-last])) if last >= 3 else None


def _number(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 3)
