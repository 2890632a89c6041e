"""The emotions of one recording over time, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from affectrl import paths
from affectrl.errors import UsageError

SUFFIXES = (".svg", ".png", ".pdf")


def draw(rows: Sequence[dict[str, Any]], file: Path) -> None:
    """A bar a window in the line of its emotion, the darker the surer; windows without an answer stay empty.

    Args:
        rows: Of windows of one recording, as ``predict --window`` gives them.
        file: Where to; its suffix says what.

    Raises:
        UsageError: ``plot_suffix``; ``srt_times``: rows have no times, or are of several recordings.
    """
    from matplotlib.figure import Figure

    from affectrl.inference.writers.srt import check

    if file.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"no picture has the suffix {file.suffix!r}.", code="plot_suffix", path=file, hint=f"One of {SUFFIXES}."
        )
    check(rows)
    told = [row for row in rows if row.get("top")]
    names = list(dict.fromkeys(row["top"] for row in told))
    figure = Figure(figsize=(9, 1.2 + 0.35 * max(1, len(names))), layout="constrained")
    axes = figure.subplots()
    for row in told:
        start = row.get("start") or 0.0
        sure = row.get("confidence")
        alpha = 1.0 if sure is None else 0.25 + 0.75 * sure
        axes.barh(names.index(row["top"]), row["end"] - start, left=start, height=0.7, color="#0072b2", alpha=alpha)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(min((r.get("start") or 0.0 for r in rows), default=0), max((r["end"] for r in rows), default=1))
    axes.set_xlabel("seconds")
    axes.set_title(Path(rows[0]["path"]).name if rows and rows[0]["path"] else "", loc="left", fontsize=10)
    axes.set_axisbelow(True)
    axes.grid(axis="x", linewidth=0.4)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    with paths.atomic(file) as scratch:
        figure.savefig(
            scratch, format=file.suffix[1:].lower(), metadata={"Date": None} if file.suffix == ".svg" else {}
        )
