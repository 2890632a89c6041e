"""Media files that tests write: what a file holds is what its test needs, and no more."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any


def write_film(path: Path, sound: Any, frames: Any, fps: int = 10) -> None:
    """A media file with sound (16 kHz mono float32), RGB frames, or both."""
    import av

    with av.open(str(path), "w") as box:
        voice = (
            box.add_stream("aac" if frames else "pcm_s16le", rate=16_000, layout="mono") if sound is not None else None
        )
        for number, rgb in enumerate(frames or ()):
            if number == 0:
                picture = box.add_stream("libx264", rate=fps)
                picture.height, picture.width, picture.pix_fmt = *rgb.shape[:2], "yuv420p"
            box.mux(picture.encode(av.VideoFrame.from_ndarray(rgb, "rgb24")))
        if frames:
            box.mux(picture.encode(None))
        if voice is not None:
            frame = av.AudioFrame.from_ndarray(sound[None], "fltp", "mono")
            frame.sample_rate, frame.pts = 16_000, 0
            resampler = av.AudioResampler(voice.format.name, "mono", 16_000)
            for ready in [*resampler.resample(frame), *resampler.resample(None)]:
                box.mux(voice.encode(ready))
            box.mux(voice.encode(None))


def repeat_film(path: Path, source: Path, times: int) -> Path:
    """A long file for little work: the packets of a short one over and over, each time later."""
    import av

    with av.open(str(source)) as short, av.open(str(path), "w") as box:
        span = Fraction(short.duration, 1_000_000) + Fraction(1, 4)
        out = {s.index: box.add_stream_from_template(s) for s in short.streams}
        packets = [
            (p.stream.index, p.pts, p.dts, p.duration, p.time_base, p.is_keyframe, bytes(p))
            for p in short.demux()
            if p.dts is not None
        ]
        packets.sort(key=lambda p: p[2] * p[4])
        for k in range(times):
            for index, pts, dts, duration, base, key, data in packets:
                packet = av.Packet(data)
                later = round(k * span / base)
                packet.pts, packet.dts, packet.duration = pts + later, dts + later, duration
                packet.time_base, packet.is_keyframe, packet.stream = base, key, out[index]
                box.mux(packet)
    return path
