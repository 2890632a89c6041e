"""How long loading takes, and how long a 5-second clip takes to answer.

    python benchmarks/predict_latency.py runs/first-light

The clip is made on the spot, so no feature of it is cached. Wall seconds; the first answer includes whatever is
loaded late.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np


def five_seconds(file: Path, seed: int) -> None:
    """A film of noise with a humming tone, 160 x 160 at 25 frames a second, 5 s."""
    random = np.random.default_rng(seed)
    with av.open(str(file), "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.width = video.height = 160
        video.pix_fmt = "yuv420p"
        audio = out.add_stream("aac", rate=16_000)
        for _ in range(125):
            picture = random.integers(0, 255, (160, 160, 3), dtype=np.uint8)
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        time_s = np.arange(5 * 16_000) / 16_000
        tone = (0.3 * np.sin(2 * np.pi * (180 + 20 * np.sin(3 * time_s)) * time_s)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
        frame.sample_rate = 16_000
        out.mux(audio.encode(frame))
        out.mux(video.encode(None))
        out.mux(audio.encode(None))


def main() -> None:
    """Print loading and answering times."""
    start = time.perf_counter()
    import affectrl

    model = affectrl.load(sys.argv[1])
    print(f"import and load: {time.perf_counter() - start:.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        for i in range(4):
            clip = Path(folder) / f"{i}.mp4"
            five_seconds(clip, time.time_ns() % 2**32 + i)
            start = time.perf_counter()
            row = model.predict(clip, labels=["happy", "sad", "angry", "neutral"] if i == 3 else None)[0]
            how = "with --labels" if i == 3 else "free"
            print(f"answer {i} ({how}): {time.perf_counter() - start:.2f} s, error {row.error}")


if __name__ == "__main__":
    main()
