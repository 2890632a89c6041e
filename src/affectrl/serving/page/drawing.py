"""Pictures of the page, as addresses that hold their own data: nothing in such a picture can run."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from affectrl.emotions.distances import plutchik
from affectrl.errors import UsageError

COLOURS = {
    "joy": "#e3a600",
    "trust": "#5f9e2f",
    "fear": "#1f7a3d",
    "surprise": "#0f88a8",
    "sadness": "#2f5fb3",
    "disgust": "#7a4aa8",
    "anger": "#c2362b",
    "anticipation": "#d9731a",
}
"""Of the petals, after Plutchik's own print, darkened so that words on white can be read."""
PLAIN = "#6b7480"
INK, SOFT = "#24292f", "#57606a"
MOST = 12
"""Emotions that are written on a wheel."""


def colour(word: str) -> str:
    """Of the petal on which a word stands; grey in the centre and off the wheel."""
    try:
        angle, radius = plutchik.spot(word)
    except UsageError:
        return PLAIN
    return PLAIN if radius == 0 else COLOURS[plutchik.PETALS[int(angle + 0.5) % len(plutchik.PETALS)]]


def strengths(row: Mapping[str, Any]) -> dict[str, float]:
    """Emotion -> how strongly it is drawn, in [0, 1]: its probability in a closed choice, else by its rank."""
    if row.get("scores"):
        return dict(row["scores"])
    sure = row.get("confidence")
    first = 0.6 if sure is None else max(0.15, float(sure))
    return {word: first / (1 + rank) for rank, word in enumerate(row.get("emotions", ()))}


def wheel(values: Mapping[str, float]) -> tuple[str, str, list[str]]:
    """A wheel with these emotions on it.

    Args:
        values: Emotion -> strength in [0, 1].

    Returns:
        The picture's address, its text for those who do not see it, and the words that are not on the wheel.
    """
    from matplotlib import patheffects
    from matplotlib.figure import Figure

    ranked = sorted(values.items(), key=lambda pair: -pair[1])[:MOST]
    spots: list[tuple[str, float, float, float]] = []
    off = []
    for word, strength in ranked:
        try:
            spots.append((word, strength, *plutchik.spot(word)))
        except UsageError:
            off.append(word)
    if not spots:
        return "", "", off
    figure = Figure(figsize=(3.9, 3.9), layout="constrained")
    axes: Any = figure.add_subplot(projection="polar")
    step = 2 * math.pi / len(plutchik.PETALS)
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    for index, petal in enumerate(plutchik.PETALS):
        for inner, outer, alpha in ((0.0, 0.5, 0.08), (0.5, 1.0, 0.14), (1.0, 1.5, 0.22)):
            axes.bar(
                index * step, outer - inner, step * 0.96, bottom=inner, color=COLOURS[petal], alpha=alpha, linewidth=0
            )
        axes.text(index * step, 1.75, petal, ha="center", va="center", fontsize=10, color=SOFT)
    for word, strength, angle, radius in spots:
        shade = colour(word)
        axes.scatter(
            [angle * step], [radius], s=80 + 1500 * strength, color=shade, alpha=0.6, edgecolors="white", zorder=3
        )
    for place, (word, _, angle, radius) in enumerate(_apart(spots)):
        bold = "bold" if place == 0 else "normal"
        size = 14 if place == 0 else 10
        text = axes.text(angle * step, radius, word[:24], ha="center", va="center", fontsize=size, color=INK)
        text.set(fontweight=bold, zorder=4, parse_math=False)
        text.set_path_effects([patheffects.withStroke(linewidth=2.5, foreground="white", alpha=0.85)])
    axes.set_ylim(0, 1.85)
    axes.set_axis_off()
    told = ", ".join(f"{word} {strength:.0%}" for word, strength, *_ in spots)
    return _address(figure), f"Emotion wheel: {told}.", off


def _apart(spots: Sequence[tuple[str, float, float, float]]) -> list[tuple[str, float, float, float]]:
    """Where words are written: below their own dot where another word is written already."""
    taken: list[tuple[float, float]] = []
    placed = []
    for word, strength, angle, radius in spots:
        turn = 2 * math.pi * angle / len(plutchik.PETALS)
        x, y = radius * math.sin(turn), radius * math.cos(turn)
        while any(abs(x - a) < 0.55 and abs(y - b) < 0.15 for a, b in taken):
            y -= 0.16
        taken.append((x, y))
        placed.append((word, strength, math.atan2(x, y) / (2 * math.pi) * len(plutchik.PETALS), math.hypot(x, y)))
    return placed


def curves(series: Mapping[str, Sequence[tuple[int, float]]], steps: int) -> tuple[str, str]:
    """Lines over the steps of an adaptation, and their text."""
    from matplotlib.figure import Figure

    drawn = {name: points for name, points in series.items() if points}
    if not drawn:
        return "", ""
    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    axes = figure.subplots()
    for (name, points), shade, mark in zip(drawn.items(), ("#0b63a5", "#b4541a"), ("o", "s"), strict=False):
        xs, ys = zip(*points, strict=True)
        axes.plot(xs, ys, label=name, color=shade, marker=mark, markersize=4, linewidth=2)
    axes.set_xlim(0.8, max(2, steps) + 0.2)
    axes.set_ylim(-0.03, 1.06)
    axes.set_xlabel("step", color=SOFT)
    axes.locator_params(axis="x", integer=True)
    axes.grid(axis="y", linewidth=0.4)
    axes.legend(frameon=False, loc="lower right", fontsize=9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    told = "; ".join(f"{name}: {points[0][1]:.2f} at first, {points[-1][1]:.2f} now" for name, points in drawn.items())
    return _address(figure), f"{told}."


def _address(figure: Any) -> str:
    out = io.BytesIO()
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(out.getvalue()).decode()}"
