"""How much faster than real time a 60-second recording is answered in windows, and how much memory that takes.

    python benchmarks/predict_speed.py runs/first-light
    python benchmarks/predict_speed.py runs/first-light --transcribe

The recording is made of the sandbox's talking faces, with another seed at each call, so that no feature of it is
cached; making it is not counted. The command runs in a process of its own, start and loading included, on two threads
and the cores that this process may use. The load average says how busy the machine was.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SECONDS, RATE_HZ = 60, 16_000


def recording(folder: Path, seed: int) -> Path:
    """A film of :data:`SECONDS`, one talking face after the other."""
    from affectrl.data.media.audio import read_audio
    from affectrl.data.media.video import read_frames
    from affectrl.data.sandbox.encode import FPS, GOOD, write_video
    from affectrl.data.sandbox.generate import generate

    share = {"video+audio+text": 1.0}
    clips = generate(folder / "sandbox", 12, seed=seed, modalities=share, splits={"test": 1.0}, workers=1)
    pieces, pictures = [], []
    for clip in clips:
        assert clip.video is not None
        sound = read_audio(clip.video).samples
        pieces.append(sound)
        pictures.append(read_frames(clip.video, count=round(len(sound) / RATE_HZ * FPS)).rgb)
    samples, frames = np.concatenate(pieces), np.concatenate(pictures)
    samples = np.resize(samples, SECONDS * RATE_HZ)
    frames = np.resize(frames, (round(SECONDS * FPS), *frames.shape[1:]))
    write_video(folder / "talk.mp4", frames, samples, RATE_HZ, GOOD)
    return folder / "talk.mp4"


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("model")
    asked.add_argument("--window", default="4s")
    asked.add_argument("--labels")
    asked.add_argument("--transcribe", action="store_true")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        film = recording(Path(scratch), time.time_ns() % 2**31)
        out = Path(scratch) / "rows.jsonl"
        code = "from affectrl.cli.main import run; run()"
        command = [sys.executable, "-c", code, "predict", str(film), "--model", given.model, "-o", str(out)]
        command += ["--window", given.window, *(["--transcribe"] if given.transcribe else [])]
        command += ["--labels", given.labels] if given.labels else []
        before, start = os.getloadavg()[0], time.perf_counter()
        subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "2"})
        wall = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        rows = len(out.read_text("utf-8").splitlines())
    work = used.ru_utime + used.ru_stime
    print(f"{rows} windows of {given.window} out of {SECONDS} s: {wall:.1f} s, {SECONDS / wall:.1f} times real time")
    print(f"processor time {work:.1f} s, peak memory {used.ru_maxrss / 2**20:.2f} GiB")
    print(f"load average before {before:.1f}, after {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
