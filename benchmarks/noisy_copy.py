"""A noisy copy of a folder of recordings: the same names and folders, the same sound, and noise at a given distance.

    python benchmarks/noisy_copy.py ../shared/data/ravdess sandbox/ravdess-noisy --only Actor_16 Actor_17 Actor_18

A shifted domain whose labels are known: test-time RL adapts to it without seeing them (recipe `ravdess-merit-noisy`).
Every file becomes 16 kHz mono WAV. The noise depends on the seed and on the file's place in the folder alone, so that a
part of a folder is copied as the whole would be; files that are there already are kept.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from affectrl import paths, progress
from affectrl.data.clip import SUFFIXES
from affectrl.data.media.audio import SAMPLE_RATE, read_audio
from affectrl.data.readers._folder import files_below
from affectrl.data.sandbox.encode import GOOD, write_audio
from affectrl.errors import DataError

KINDS = {"white": 0.0, "pink": 1.0, "brown": 2.0}
"""Noise by how fast its power falls with frequency f: 1 / f to this power."""
LOWEST_HZ = 50.0
"""Below this, noise is as strong as here: what loudspeakers do not play must not use up the level."""
_MARK = "noise.json"


def noise(n: int, kind: str, rng: np.random.Generator) -> np.ndarray:
    """``n`` samples at :data:`SAMPLE_RATE` of mean power 1, float64 (n,)."""
    hz = np.fft.rfftfreq(n, 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(rng.standard_normal(n)) / np.maximum(hz, LOWEST_HZ) ** (KINDS[kind] / 2)
    sound = np.fft.irfft(spectrum, n)
    return sound / np.sqrt(np.mean(sound**2))


def with_noise(samples: np.ndarray, snr_db: float, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Samples (N,) with noise whose mean power is ``snr_db`` below theirs; both scaled down where they would clip."""
    level = np.sqrt(np.mean(samples.astype(np.float64) ** 2)) * 10 ** (-snr_db / 20)
    mixed = samples + level * noise(len(samples), kind, rng)
    return (mixed / max(1.0, np.abs(mixed).max())).astype(np.float32)


def copy(source: Path, out: Path, snr_db: float, kind: str, seed: int, only: Sequence[str] = ()) -> int:
    """Write the copy; gives how many files there are.

    Args:
        source: Searched with all below it.
        out: May hold an earlier copy with the same settings.
        snr_db: Decibels between sound and noise, over the whole file.
        kind: Of :data:`KINDS`.
        seed: Same seed, same noise.
        only: Folders right below ``source``; all by default.

    Raises:
        DataError: ``source`` is missing, or ``out`` holds a copy with other settings.
        MediaError: A file cannot be read or written.
    """
    _claim(out / _MARK, {"snr_db": snr_db, "kind": kind, "seed": seed})
    files = [file for file in files_below(source, SUFFIXES["audio"]) if not only or _part(file, source) in only]
    with progress.bar("noisy copies", len(files)) as advance:
        for file in files:
            place = file.relative_to(source).with_suffix(".wav")
            if not (out / place).exists():
                rng = np.random.default_rng([seed, zlib.crc32(place.as_posix().encode())])
                (out / place).parent.mkdir(parents=True, exist_ok=True)
                mixed = with_noise(read_audio(file).samples, snr_db, kind, rng)
                write_audio(out / place, mixed, SAMPLE_RATE, GOOD)
            advance(file.name)
    return len(files)


def _part(file: Path, source: Path) -> str:
    return file.relative_to(source).parts[0]


def _claim(mark: Path, settings: dict[str, object]) -> None:
    if mark.exists() and json.loads(mark.read_text("utf-8")) != settings:
        raise DataError("this folder holds a copy with other noise.", path=mark, hint="Use an empty folder.")
    with paths.atomic(mark) as part:
        part.write_text(json.dumps(settings) + "\n", "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--snr", type=float, default=10.0, help="decibels")
    parser.add_argument("--kind", choices=sorted(KINDS), default="pink")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=(), help="folders right below the source")
    given = parser.parse_args()
    print(copy(given.source, given.out, given.snr, given.kind, given.seed, given.only), "files in", given.out)
