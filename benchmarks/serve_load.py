"""What a server does under load: clients that ask again as soon as they are answered.

    affectrl serve --model runs/first-light --port 7860 &
    python benchmarks/serve_load.py http://127.0.0.1:7860 --pid $! --clients 16 --seconds 120

Each client sends words, a sound of two seconds or a film of one in turn, every one different, so that no feature is
cached. A 429 is waited out as its Retry-After says. Printed: answers by status, their times, and the memory of the
server's process after a warm-up, at half time and at the end.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import threading
import time
from collections import Counter

import av
import httpx
import numpy as np
import psutil

WARM_UP_S = 15.0
SAID = ("So good!", "Go away!", "I miss her.", "It is noon.")


def sound(seed: int) -> bytes:
    """Two seconds of humming noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(32_000) / 16_000
    wave = 0.3 * np.sin(2 * np.pi * rng.uniform(100, 300) * t) + 0.05 * rng.standard_normal(len(t))
    out = io.BytesIO()
    with av.open(out, "w", format="wav") as box:
        stream = box.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray((wave * 32_000).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = 16_000
        box.mux([*stream.encode(frame), *stream.encode(None)])
    return out.getvalue()


def film(seed: int) -> bytes:
    """A second of moving noise, 96 x 96 at 10 frames a second."""
    still = np.random.default_rng(seed).integers(0, 255, (96, 96, 3), np.uint8)
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as box:
        stream = box.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv420p"
        for shift in range(10):
            box.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(still, 5 * shift, axis=1), format="rgb24")))
        box.mux(stream.encode(None))
    return out.getvalue()


class Client(threading.Thread):
    """One who asks until the time is over."""

    def __init__(self, address: str, number: int, end: float) -> None:
        super().__init__()
        self.address, self.number, self.end = address, number, end
        self.statuses: Counter[str] = Counter()
        self.times: list[float] = []

    def run(self) -> None:
        """Ask."""
        rng = random.Random(self.number)
        with httpx.Client(base_url=self.address, timeout=180) as http:
            turn = 0
            while time.monotonic() < self.end:
                turn += 1
                seed = rng.randrange(2**31)
                request: dict = {"data": {"text": f"{rng.choice(SAID)} {seed}"}}
                if (self.number + turn) % 3:
                    request["files"] = {"media": sound(seed) if (self.number + turn) % 3 == 1 else film(seed)}
                start = time.monotonic()
                try:
                    told = http.post("/v1/predict", **request)
                except httpx.HTTPError as error:
                    self.statuses[type(error).__name__] += 1
                    continue
                self.statuses[str(told.status_code)] += 1
                if told.status_code == 200:
                    self.times.append(time.monotonic() - start)
                elif told.status_code == 429:
                    time.sleep(int(told.headers["Retry-After"]) * rng.uniform(0.8, 1.2))


def main() -> None:
    """Ask, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("--pid", type=int, help="Of the server, for its memory.")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=120)
    args = parser.parse_args()
    server = psutil.Process(args.pid) if args.pid else None

    def memory() -> float:
        return float("nan") if server is None else server.memory_info().rss / 2**20

    load = os.getloadavg()[0]
    start = time.monotonic()
    clients = [Client(args.address, number, start + WARM_UP_S + args.seconds) for number in range(args.clients)]
    for client in clients:
        client.start()
    time.sleep(WARM_UP_S)
    first = memory()
    time.sleep(args.seconds / 2)
    half = memory()
    for client in clients:
        client.join()
    wall = time.monotonic() - start
    last = memory()
    statuses = sum((client.statuses for client in clients), Counter())
    times = np.array([each for client in clients for each in client.times] or [float("nan")])
    print(
        f"{args.clients} clients, {wall:.0f} s; load of the machine before: {load:.1f} on {os.cpu_count()} processors"
    )
    print(f"answers by status: {dict(statuses)}; {statuses['200'] / wall:.2f} a second")
    print(f"seconds: p50 {np.percentile(times, 50):.2f}, p95 {np.percentile(times, 95):.2f}, most {times.max():.2f}")
    print(f"memory, MiB: {first:.0f} after {WARM_UP_S:.0f} s, {half:.0f} at half time, {last:.0f} at the end")


if __name__ == "__main__":
    main()
