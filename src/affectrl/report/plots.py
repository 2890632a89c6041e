"""Charts as inline SVG that takes its colours from the page, each with the numbers that matter in words.

Matplotlib draws with stand-in colours that are then replaced by CSS variables, so one drawing serves light and dark
pages. Series differ in dash and marker as well as colour; the colours follow Okabe and Ito's colour-blind safe set.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from affectrl.metrics.calibration import ece, reliability
from affectrl.report.load import Group, Prediction, Run, ends

_INK, _GRID = "#010101", "#010102"
_SERIES = ("#0101a1", "#0101a2", "#0101a3", "#0101a4", "#0101a5")
_CSS = {_INK: "currentColor", _GRID: "var(--line)"} | {c: f"var(--c{i})" for i, c in enumerate(_SERIES, start=1)}
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)))
_MARKERS = ("o", "s", "^", "D", "v")
_FEW = 24
"""Up to this many points a line is drawn with markers and without smoothing."""

Points = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure of the report."""

    title: str
    caption: str
    """What the chart shows, in words and numbers; serves readers who do not see it."""
    svg: str


def _draw(title: str, caption: str, paint: Callable[[Any], None]) -> Chart:
    """Run ``paint`` on a small pair of axes and turn the figure into themed SVG."""
    import matplotlib
    from matplotlib.figure import Figure

    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": title,
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": _GRID,
        "axes.grid": True,
        "grid.color": _GRID,
        "grid.linewidth": 0.5,
        "legend.frameon": False,
        "legend.fontsize": 8,
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), _INK),
        **dict.fromkeys(("xtick.color", "ytick.color"), _GRID),
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(4.3, 2.6), layout="constrained")
        paint(figure.subplots())
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return Chart(title, caption, _themed(buffer.getvalue()))


def _themed(svg: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<g) id="[^"]*"', r"\1", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r'\1 aria-hidden="true"', svg)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg)
    for stand_in, css in _CSS.items():
        svg = svg.replace(stand_in, css)
    return svg


def lines(title: str, series: Mapping[str, Points], *, unit: str = "", share: bool = False) -> Chart | None:
    """Curves over training steps; ``None`` when no series has a point.

    Args:
        title: Heading of the chart.
        series: Name to ``(step, value)`` points.
        unit: Shown on the vertical axis.
        share: Values are shares, so the axis runs from 0 to 1.
    """
    present = {name: points for name, points in series.items() if points}
    if not present:
        return None

    def paint(axes: Any) -> None:
        for i, (name, points) in enumerate(present.items()):
            _curve(axes, points, name, i % len(_SERIES))
        axes.set_xlabel("step")
        axes.set_ylabel(unit)
        axes.xaxis.get_major_locator().set_params(integer=True)
        if share:
            axes.set_ylim(-0.03, 1.03)
        if len(present) > 1:
            axes.legend(loc="best")

    return _draw(title, _course(present), paint)


def _curve(axes: Any, points: Points, name: str, i: int) -> None:
    steps, values = np.array([p[0] for p in points]), np.array([p[1] for p in points])
    look = {"color": _SERIES[i], "linestyle": _DASHES[i], "label": name, "linewidth": 1.8}
    if len(points) <= _FEW:
        axes.plot(steps, values, marker=_MARKERS[i], markersize=4, **look)
        return
    axes.plot(steps, values, color=_SERIES[i], linewidth=0.7, alpha=0.35)
    window = max(3, len(points) // 15)
    weight = np.convolve(np.ones_like(values), np.ones(window), mode="same")
    axes.plot(steps, np.convolve(values, np.ones(window), mode="same") / weight, **look)


def _course(series: Mapping[str, Points]) -> str:
    """Where each curve began and ended, in a sentence a curve."""
    words = [_told(name, [p[0] for p in points], [p[1] for p in points]) for name, points in series.items()]
    longest = max(len(points) for points in series.values())
    if longest > _FEW:
        words.append(f"(Means over the first and the last tenth of {longest} logged steps.)")
    return " ".join(words)


def _told(name: str, steps: list[int], values: list[float]) -> str:
    if len(values) == 1:
        return f"{name}: {values[0]:.3g} at step {steps[0]}."
    if len(values) > _FEW:
        first, last = ends(values)
        return f"{name}: from {first:.3g} to {last:.3g}."
    return f"{name}: {values[0]:.3g} at step {steps[0]}, {values[-1]:.3g} at step {steps[-1]}."


def learning_curves(run: Run) -> list[Chart]:
    """Every curve that the run has numbers for."""
    names = {k.removeprefix("reward/"): k for k in run.keys("grpo", "train") if k.startswith("reward/")}
    parts = {name: run.series("grpo", "train", key) for name, key in names.items()}

    def of(label: str, key: str, stage: str = "grpo", kind: str = "train") -> dict[str, Points]:
        return {label: run.series(stage, kind, key)}

    held_out = {name: run.series("grpo", "eval", key) for name, key in _HELD_OUT.items()}
    charts = [
        lines("Cold start: training loss", of("Loss", "loss", "sft"), unit="loss per token"),
        lines("GRPO: reward", of("Total", "reward") | parts, unit="reward"),
        lines("GRPO: held-out scores", held_out, share=True),
        lines("GRPO: groups without a signal", of("Share of groups", "zero_variance_share"), share=True),
        lines("GRPO: entropy of the answers", of("Entropy", "entropy"), unit="nats per token"),
        lines("GRPO: length of the answers", of("Length", "completion_tokens"), unit="tokens"),
        lines("GRPO: distance from the start", of("KL", "kl"), unit="KL, nats per token"),
    ]
    return [c for c in charts if c]


_HELD_OUT = {"WAR": "war", "UAR": "uar", "Parse rate": "parse_rate"}


def reward_distribution(groups: Sequence[Group]) -> Chart | None:
    """Rewards of the sampled answers in the first and the last fifth of the steps; ``None`` without rollouts."""
    early, late = early_and_late(groups)
    if not early:
        return None
    first, last = ([c.reward for g in side for c in g.completions] for side in (early, late))
    if not first or not last:
        return None
    low, high = min(*first, *last), max(*first, *last)
    edges = np.linspace(low, high if high > low else low + 1, 13)
    names = [f"steps {side[0].step} to {side[-1].step}" for side in (early, late)]

    def paint(axes: Any) -> None:
        width = (edges[1] - edges[0]) * 0.42
        for i, values in enumerate((first, last)):
            share = np.histogram(values, edges)[0] / len(values)
            left = edges[:-1] + width * (0.15 + i)
            axes.bar(left, share, width, align="edge", color=_SERIES[i], hatch=("", "///")[i], edgecolor=_GRID)
        axes.legend(axes.containers, names)
        axes.set_xlabel("reward of one answer")
        axes.set_ylabel("share of answers")

    words = "; ".join(
        f"{n}: mean {np.mean(v):.2f}, {100 * np.mean(np.isclose(v, high)):.0f} % reach the highest reward seen "
        f"({high:.2g}), {len(v)} answers"
        for n, v in zip(names, (first, last), strict=True)
    )
    return _draw("Rewards, early and late", f"{words}.", paint)


def early_and_late(groups: Sequence[Group]) -> tuple[list[Group], list[Group]]:
    """Groups of the first and the last fifth of the sampled steps; both empty when fewer than two steps were."""
    steps = sorted({g.step for g in groups})
    if len(steps) < 2:
        return [], []
    fifth = max(1, len(steps) // 5)
    return [g for g in groups if g.step <= steps[fifth - 1]], [g for g in groups if g.step >= steps[-fifth]]


def calibration(before: Sequence[Prediction], after: Sequence[Prediction]) -> Chart | None:
    """Accuracy found at each stated confidence, before and after; ``None`` when no answer states one."""
    sides = {"cold start": before, "at the end": after}
    stated = {
        name: [(p.confidence, p.correct) for p in side if p.reference and p.confidence is not None]
        for name, side in sides.items()
    }
    kept = {name: pairs for name, pairs in stated.items() if pairs}
    if not kept or any(not 0 <= c <= 1 for pairs in kept.values() for c, _ in pairs):
        return None
    tables = {
        name: [b for b in reliability([c for c, _ in pairs], [r for _, r in pairs]) if b.n]
        for name, pairs in kept.items()
    }

    def paint(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle=":")
        for name, table in tables.items():
            i = list(sides).index(name)
            sizes = [12 + 120 * math.sqrt(b.n / len(kept[name])) for b in table]
            xy = [b.confidence for b in table], [b.accuracy for b in table]
            axes.plot(*xy, color=_SERIES[i], linestyle=_DASHES[i], linewidth=1.2)
            axes.scatter(*xy, s=sizes, color=_SERIES[i], marker=_MARKERS[i], alpha=0.8, label=name)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.04, 1.04), xlabel="stated confidence", ylabel="share that was right")
        axes.legend(markerscale=0.6)

    words = " ".join(_calibrated(name, pairs) for name, pairs in kept.items())
    return _draw("Can its confidence be trusted?", f"{words} On the dotted line, confidence is accuracy.", paint)


def _calibrated(name: str, pairs: Sequence[tuple[float, bool]]) -> str:
    stated, right = [c for c, _ in pairs], [r for _, r in pairs]
    return (
        f"{name.capitalize()}: mean confidence {100 * np.mean(stated):.0f} %, right {100 * np.mean(right):.0f} %, "
        f"calibration error (ECE) {ece(stated, right):.3f}, {len(pairs)} clips."
    )
