"""A microphone or webcam in place of files: windows are answered as they come.

Features and words of what is recorded are kept in a folder that goes when the recording ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from affectrl.answers.prediction import Prediction
from affectrl.data.clip import Clip
from affectrl.data.media.capture import Device, Sense, device_of, record
from affectrl.errors import UsageError
from affectrl.inference.model import EmotionModel
from affectrl.models.cache import FeatureCache


def wanted(**asked: str | None) -> tuple[dict[Sense, Device], float]:
    """Devices, and for how long, from what ``--microphone`` and ``--webcam`` say: ``SECONDS`` or ``SECONDS@DEVICE``.

    Raises:
        UsageError: ``usage``: no length above 0, or two different ones.
        MediaError: ``device_missing``.
    """
    devices: dict[Sense, Device] = {}
    lengths = set()
    for sense, said in asked.items():
        if said is None:
            continue
        length, _, name = said.partition("@")
        try:
            seconds = float(length.removesuffix("s"))
        except ValueError:
            seconds = 0.0
        if not seconds >= 0.2:
            raise UsageError(f"--{sense} {said!r}: say for how many seconds, such as 10, or inf.", code="usage")
        lengths.add(seconds)
        devices[sense] = device_of(sense, name or None)  # type: ignore[index, arg-type]
    if len(lengths) > 1:
        raise UsageError("--microphone and --webcam run for the same time.", code="usage")
    return devices, lengths.pop() if lengths else 0.0


def live(
    model: EmotionModel, devices: dict[Sense, Device], seconds: float, window: float | None, **asked: Any
) -> Iterator[list[Prediction]]:
    """Predictions of each window, a list for each, as soon as it is complete.

    Args:
        model: Its cache is put aside meanwhile.
        devices: From :func:`wanted`.
        seconds: How long; infinite needs ``window``, and goes on until the caller stops.
        window: Length of a window in seconds; ``None`` takes all as one.
        **asked: As for :meth:`EmotionModel.stream`.

    Raises:
        UsageError: ``usage``: without an end and without windows.
        MediaError: ``device_missing``.
    """
    if window is None and seconds == float("inf"):
        raise UsageError("a recording without an end needs --window.", code="usage")
    usual = model.extractor.cache
    transcriber = asked.get("transcriber")
    with TemporaryDirectory() as scratch, closing(record(devices, seconds, window)) as takes:
        model.extractor.cache = FeatureCache(Path(scratch))
        if transcriber is not None:
            transcriber.cache = model.extractor.cache
        try:
            for take in takes:
                name = f"{'+'.join(take.media)}@{take.start:g}-{take.end:g}"
                clip = Clip(id=name, video=take.media.get("webcam"), audio=take.media.get("microphone"))
                for rows in model.stream([clip], **asked):
                    yield [replace(row, start=take.start, end=take.end) for row in rows]
        finally:
            model.extractor.cache = usual
