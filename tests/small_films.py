"""Media files that tests write: what a file holds is what its test needs, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write_film(path: Path, sound: Any, frames: Any) -> None:
    """A media file with sound (16 kHz mono float32), RGB frames at 10 a second, or both."""
    import av

    with av.open(str(path), "w") as box:
        voice = (
            box.add_stream("aac" if frames else "pcm_s16le", rate=16_000, layout="mono") if sound is not None else None
        )
        for number, rgb in enumerate(frames or ()):
            if number == 0:
                picture = box.add_stream("libx264", rate=10)
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
