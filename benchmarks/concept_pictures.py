"""The pictures of docs/concepts.md.

python benchmarks/concept_pictures.py docs/pictures
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from affectrl.emotions.distances import distance
from affectrl.metrics.shapley import coalitions, shapley

INK, SOFT = "#21352f", "#6b7f79"
TEAL, SAND, CORAL, SKY = "#bfe3d8", "#f3e6c4", "#f4c4b4", "#c5daf0"
VOTES = ("sad", "sad", "fearful", "sad", "angry", "sad", "neutral", "happy")
CHOICES = ("neutral", "happy", "sad", "angry", "fearful")
WORTH = {"": 0.15, "voice": 0.52, "face": 0.30, "words": 0.28, "voice face": 0.66, "voice words": 0.60,
         "face words": 0.38, "voice face words": 0.76}  # fmt: skip


def canvas(wide: float, high: float) -> Axes:
    """An empty sheet, in units of its own."""
    figure, axes = plt.subplots(figsize=(wide, high))
    axes.set(xlim=(0, wide), ylim=(0, high))
    axes.axis("off")
    figure.subplots_adjust(0, 0, 1, 1)
    return axes


def box(axes: Axes, at: tuple[float, float], size: tuple[float, float], text: str, fill: str, small: str = "") -> None:
    axes.add_patch(FancyBboxPatch(at, *size, boxstyle="round,pad=0,rounding_size=0.08", fc=fill, ec=INK, lw=0.9))
    x, y = at[0] + size[0] / 2, at[1] + size[1] / 2
    axes.text(x, y + (0.13 if small else 0), text, ha="center", va="center", color=INK, fontsize=10)
    if small:
        axes.text(x, y - 0.17, small, ha="center", va="center", color=SOFT, fontsize=7.5)


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], bend: float = 0.0) -> None:
    style = {"arrowstyle": "-|>", "color": INK, "lw": 0.9, "connectionstyle": f"arc3,rad={bend}"}
    axes.annotate("", xy=end, xytext=start, arrowprops=style)


def note(axes: Axes, x: float, y: float, text: str, **kind: object) -> None:
    axes.text(x, y, text, **{"ha": "center", "va": "center", "color": SOFT, "fontsize": 8.5, **kind})


def flow() -> None:
    axes = canvas(9.6, 3.5)
    above = (("file", "film, sound, picture, words", SAND), ("Clip", "what is there", SAND),
             ("features", "frozen encoders, cached", TEAL), ("Prefix", "P positions", TEAL))  # fmt: skip
    below = (("update", "of adapter and projections", CORAL), ("advantages", "within the group", CORAL),
             ("rewards", "of each answer", SKY), ("completions", "G a clip, and answers", SKY))  # fmt: skip
    for row, y in ((above, 2.3), (below, 0.6)):
        for place, (name, small, fill) in enumerate(row):
            box(axes, (0.3 + 2.35 * place, y), (1.95, 0.8), name, fill, small)
    for place in range(3):
        arrow(axes, (2.28 + 2.35 * place, 2.7), (2.62 + 2.35 * place, 2.7))
        arrow(axes, (2.62 + 2.35 * place, 1.0), (2.28 + 2.35 * place, 1.0))
    arrow(axes, (8.33, 2.27), (8.33, 1.43))
    arrow(axes, (1.28, 1.43), (7.1, 2.27), bend=-0.08)
    note(axes, 2.6, 2.12, "changed weights, next step")
    note(axes, 8.2, 1.75, "language model + LoRA", ha="right")
    note(axes, 7.7, 0.3, "one completion: predict, evaluate, serve")


def prefix() -> None:
    axes = canvas(9.6, 3.7)
    colours = (CORAL, SKY, SAND, "#dcd0ee")
    note(axes, 2.3, 3.45, "whole sequences: G (P + R) positions", color=INK, fontsize=10)
    note(axes, 6.9, 3.45, "shared prefix: P + G R positions", color=INK, fontsize=10)
    for row, colour in enumerate(colours):
        y = 2.6 - 0.75 * row
        box(axes, (0.3, y), (2.9, 0.5), "prefix P", TEAL)
        box(axes, (3.2, y), (1.0, 0.5), f"R {row + 1}", colour)
        box(axes, (8.0, y), (1.0, 0.5), f"R {row + 1}", colour)
        arrow(axes, (7.75, 1.72), (7.98, y + 0.25))
    box(axes, (4.85, 1.47), (2.9, 0.5), "prefix P", TEAL)
    p, r = 256, 24
    whole, shared = 8 * (p + r), p + 8 * r
    note(
        axes, 4.8, 0.12, f"P = {p}, R = {r}, G = 8: {whole:,} positions against {shared:,}, {whole / shared:.1f} times"
    )


def test_time() -> None:
    axes = canvas(9.6, 3.6)
    box(axes, (0.3, 1.5), (1.7, 0.8), "a new clip", SAND, "no label")
    box(axes, (2.5, 1.5), (1.4, 0.8), "model", TEAL, "asked 8 times")
    arrow(axes, (2.03, 1.9), (2.47, 1.9))
    winner, count = Counter(VOTES).most_common(1)[0]
    apart = distance("plutchik", CHOICES)
    for place, vote in enumerate(VOTES):
        y = 3.15 - 0.41 * place
        earned = 1 / (1 + apart.between(vote, winner))
        box(axes, (4.5, y - 0.16), (1.2, 0.32), vote, TEAL if vote == winner else SAND)
        axes.barh(y, 1.6 * earned, height=0.22, left=6.1, color=CORAL)
        note(axes, 6.2 + 1.6 * earned, y, f"{earned:.2f}", ha="left")
        arrow(axes, (3.93, 1.9), (4.47, y))
    note(axes, 5.1, 3.46, "votes")
    note(axes, 6.9, 3.46, "earned, alpha = 1")
    note(axes, 8.95, 2.0, f"majority:\n{winner}, {count} of {len(VOTES)}", color=INK, fontsize=9.5)
    note(axes, 8.95, 1.2, "likelier next time:\nwhat earned most")


def late_fusion() -> None:
    axes, names = canvas(9.6, 3.6), ("happy", "sad", "angry")
    seen = {"voice": (0.15, 0.60, 0.25), "face": (0.45, 0.35, 0.20), "words": (0.20, 0.55, 0.25)}
    weights = {"voice": 0.5, "face": 0.2, "words": 0.3}
    joined = [sum(weights[name] * chances[i] for name, chances in seen.items()) for i in range(3)]
    assert abs(sum(joined) - 1) < 1e-9
    for row, (name, chances) in enumerate(seen.items()):
        y = 2.55 - 1.1 * row
        box(axes, (0.3, y), (1.6, 0.7), f"{name} model", (TEAL, SKY, SAND)[row], f"weight {weights[name]}")
        bars(axes, 2.4, y, chances, names)
        arrow(axes, (4.55, y + 0.35), (5.5, 1.8))
    box(axes, (5.55, 1.4), (1.2, 0.8), "sum", CORAL)
    arrow(axes, (6.8, 1.8), (7.15, 1.8))
    bars(axes, 7.3, 1.45, joined, names)


def bars(axes: Axes, x: float, y: float, chances: Iterable[float], names: Iterable[str]) -> None:
    for place, (chance, name) in enumerate(zip(chances, names, strict=True)):
        at = y + 0.62 - 0.27 * place
        note(axes, x + 0.5, at, name, ha="right", fontsize=8)
        axes.barh(at, 1.1 * chance, height=0.19, left=x + 0.58, color=INK, alpha=0.75)
        note(axes, x + 0.65 + 1.1 * chance, at, f"{chance:.2f}", ha="left", fontsize=8)


def shares() -> None:
    axes, players = canvas(9.6, 3.6), ("voice", "face", "words")
    told = {frozenset(key.split()): value for key, value in WORTH.items()}
    found = shapley({one: told[frozenset(one)] for one in coalitions(players)})
    note(axes, 2.3, 3.4, "probability of the answer, asked with", color=INK, fontsize=10)
    for place, (key, value) in enumerate(WORTH.items()):
        y = 3.05 - 0.37 * place
        note(axes, 2.05, y, key.replace(" ", " + ") or "nothing", ha="right")
        axes.barh(y, 2.0 * value, height=0.24, left=2.15, color=TEAL)
        note(axes, 2.22 + 2.0 * value, y, f"{value:.2f}", ha="left")
    note(axes, 7.3, 3.4, "shares", color=INK, fontsize=10)
    left = 5.0
    parts = [("nothing", WORTH[""]), *((name, float(found[name])) for name in players)]
    for (name, value), fill in zip(parts, (SAND, TEAL, SKY, CORAL), strict=True):
        box(axes, (left, 1.6), (6.0 * value, 0.8), "", fill)
        note(axes, left + 3.0 * value, 2.0, f"{value:.3f}", color=INK)
        note(axes, left + 3.0 * value, 1.38, name, rotation=30 if value < 0.1 else 0)
        left += 6.0 * value
    whole = sum(value for _, value in parts)
    assert abs(whole - WORTH["voice face words"]) < 1e-9
    note(axes, 7.1, 2.65, f"together {whole:.2f}, the answer's probability")


PICTURES = {"flow": flow, "prefix": prefix, "test-time": test_time, "late-fusion": late_fusion, "shares": shares}


def main() -> None:
    folder = Path(sys.argv[1])
    # Text stays text, and the same numbers give the same file.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "affectrl", "font.family": "sans-serif"})
    for name, draw in PICTURES.items():
        draw()
        plt.savefig(folder / f"{name}.svg", facecolor="white", metadata={"Date": None})
        plt.close()


if __name__ == "__main__":
    main()
