"""How an emotion sounds: the profile of ``acoustics.yaml``, its per-clip variation, and the sound itself.

espeak-ng takes care of rate, pitch, range and pauses; level, spectral tilt, tremor, final contour and breath are
applied to its samples afterwards.
"""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass, fields
from importlib import resources
from typing import Any

import numpy as np
import yaml
from scipy import signal

from affectrl.data.sandbox.speech import SPEECH_RATE_HZ, Delivery, speak

NEUTRAL_RATE_WPM = 180
MAX_SPEECH_S = 3.5
_REFERENCE_RMS = 0.055  # about -25 dBFS, so that the loudest emotion still fits below full scale
_TILT_HZ = 1_200.0


@dataclass(frozen=True, slots=True)
class VoiceCues:
    """One delivery, relative to the speaker's neutral voice; units as in ``acoustics.yaml``."""

    rate: float = 1.0
    pitch: float = 0.0
    range: float = 1.0
    loudness: float = 0.0
    tilt: float = 0.0
    gap: float = 0.0
    tremor: float = 0.0
    contour: float = 0.0
    breath: float = 0.0


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker's own voice, the neutral that :class:`VoiceCues` bend."""

    variant: str
    pitch: float
    """Semitones above the variant's own pitch."""
    rate: float
    loudness: float
    """dB: distance from the microphone, mostly."""


_RATIOS = ("rate", "range")


@functools.cache
def acoustics_table() -> dict[str, Any]:
    """The parsed ``acoustics.yaml``: ``sources``, ``emotions``, ``variation``."""
    return yaml.safe_load(resources.files(__package__).joinpath("acoustics.yaml").read_text("utf-8"))


def profile(emotion: str, strength: float = 1.0) -> VoiceCues:
    """The average delivery of an emotion. ``strength`` 0 is neutral, 1 the full profile."""
    rows = acoustics_table()["emotions"]
    calm, full = rows["neutral"], rows[emotion]
    return VoiceCues(**{f.name: calm[f.name] + strength * (full[f.name] - calm[f.name]) for f in fields(VoiceCues)})


def vary(cues: VoiceCues, rng: np.random.Generator) -> VoiceCues:
    """The same delivery as one person gives it once: every cue moved at random, as ``variation`` says."""
    spread = acoustics_table()["variation"]
    varied = {}
    for name, value in asdict(cues).items():
        step = float(rng.normal(0.0, spread[name]))
        varied[name] = value * float(np.exp(step)) if name in _RATIOS else value + step
    for name in ("gap", "tremor", "breath"):
        varied[name] = max(0.0, varied[name])
    return VoiceCues(**varied)


def delivery(voice: Voice, cues: VoiceCues) -> Delivery:
    """espeak-ng's settings for a voice and its cues, inside espeak-ng's limits."""
    semitones = voice.pitch + cues.pitch
    return Delivery(
        voice=voice.variant,
        rate_wpm=int(np.clip(NEUTRAL_RATE_WPM * voice.rate * cues.rate, 90, 400)),
        pitch=int(np.clip(round(50 + 49 * semitones / 12), 0, 99)),
        range=int(np.clip(round(50 * cues.range), 0, 99)),
        word_gap_10ms=int(np.clip(round(cues.gap), 0, 20)),
    )


def say(text: str, voice: Voice, cues: VoiceCues, rng: np.random.Generator) -> np.ndarray:
    """Speech with all cues applied.

    Returns:
        Samples, float32 of shape (N,), mono, in [-1, 1], at :data:`~affectrl.data.sandbox.speech.SPEECH_RATE_HZ`;
        at most :data:`MAX_SPEECH_S` long (a longer sentence is said faster, then cut).

    Raises:
        ModelError, MediaError: As :func:`~affectrl.data.sandbox.speech.speak`.
    """
    asked = delivery(voice, cues)
    samples = speak(text, asked)
    seconds = len(samples) / SPEECH_RATE_HZ
    if seconds > MAX_SPEECH_S:
        faster = min(400, int(asked.rate_wpm * 1.05 * seconds / MAX_SPEECH_S))
        samples = speak(text, Delivery(asked.voice, faster, asked.pitch, asked.range, asked.word_gap_10ms))
    samples = _bend_pitch(samples, cues)[: int(MAX_SPEECH_S * SPEECH_RATE_HZ)]
    samples = _breathe(samples, cues.breath, rng)
    return _set_level(_tilt(samples, cues.tilt), voice.loudness + cues.loudness)


def _bend_pitch(samples: np.ndarray, cues: VoiceCues) -> np.ndarray:
    """Wobble (tremor) and glide over the last third (contour), by playing the samples faster and slower."""
    if abs(cues.contour) < 0.1 and cues.tremor < 0.05:
        return samples
    seconds = np.arange(len(samples)) / SPEECH_RATE_HZ
    ending = np.clip((seconds / seconds[-1] - 0.6) / 0.4, 0.0, 1.0)
    semitones = cues.contour * ending + cues.tremor * np.sin(2 * np.pi * 6.5 * seconds)
    position = np.cumsum(2.0 ** (semitones / 12))
    inside = position[position < len(samples) - 1]
    return np.interp(inside, np.arange(len(samples)), samples).astype(np.float32)


def _breathe(samples: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Noise that follows the voice's envelope, high-passed as breath is."""
    if amount < 0.01:
        return samples
    envelope = signal.lfilter([0.01], [1.0, -0.99], np.abs(samples))
    noise = np.diff(rng.standard_normal(len(samples) + 1)) * envelope
    return (samples + amount * noise).astype(np.float32)


def _tilt(samples: np.ndarray, decibels: float) -> np.ndarray:
    low = signal.lfilter(*signal.butter(1, _TILT_HZ, fs=SPEECH_RATE_HZ), samples)
    return (low + 10.0 ** (decibels / 20) * (samples - low)).astype(np.float32)


def _set_level(samples: np.ndarray, decibels: float) -> np.ndarray:
    """Bring to the reference level plus ``decibels``; peaks beyond full scale are bent, as a microphone would."""
    rms = float(np.sqrt(np.mean(samples**2))) + 1e-9
    louder = samples * (_REFERENCE_RMS / rms * 10.0 ** (decibels / 20))
    return (0.98 * np.tanh(louder / 0.98)).astype(np.float32)
