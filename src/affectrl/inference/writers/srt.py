"""Subtitles: each window's emotion over the player, by pysubs2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from affectrl.errors import UsageError


def check(rows: Sequence[dict[str, Any]]) -> None:
    """Whether the rows are windows of one recording.

    Raises:
        UsageError: ``srt_times``: a row has no times, or they are of several recordings.
    """
    if untimed := [row["id"] for row in rows if row.get("end") is None]:
        raise UsageError(
            f"subtitles need times, and {untimed[0]!r} has none.",
            code="srt_times",
            hint="Cut the recording into windows: --window 4.",
        )
    if len({row["path"] for row in rows}) > 1:
        raise UsageError(
            "subtitles are of one recording, and there are several.",
            code="srt_times",
            hint="Run the command once a file.",
        )


def render(rows: Sequence[dict[str, Any]]) -> str:
    """An event a window: its emotion, how sure the model is, and the words if they were heard.

    Windows without an answer are left out.
    """
    import pysubs2

    file = pysubs2.SSAFile()
    for row in rows:
        if row.get("top") is None:
            continue
        sure = "" if row.get("confidence") is None else f" {row['confidence']:.0%}"
        start, end = (pysubs2.make_time(s=row.get(edge) or 0.0) for edge in ("start", "end"))
        words = f"\\N{row['transcript']}" if row.get("transcript") else ""
        file.append(pysubs2.SSAEvent(start=start, end=end, text=f"{row['top']}{sure}{words}"))
    return str(file.to_string("srt"))
