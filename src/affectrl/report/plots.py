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
from affectrl.metrics.intervals import Estimate
from affectrl.report.load import Group, Prediction, ends

_INK, _GRID = "#010101", "#010102"
_SERIES = ("#0101a1", "#0101a2", "#0101a3", "#0101a4", "#0101a5")
_CSS = {_INK: "currentColor", _GRID: "var(--line)"} | {c: f"var(--c{i})" for i, c in enumerate(_SERIES, start=1)}
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)))
_MARKERS = ("o", "s", "^", "D", "v")
_STRETCHES, _LEVELS = 20, 12
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
        figure = Figure(figsize=(4.3, 2.6))
        # Fixed margins: finding tight ones would take as long as the drawing itself.
        paint(figure.add_axes((0.16, 0.19, 0.82, 0.77)))
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


def lines(
    title: str, series: Mapping[str, Points], remark: str, *, unit: str = "", share: bool = False
) -> Chart | None:
    """Curves over training steps; ``None`` when no series has a point.

    Args:
        title: Heading of the chart.
        series: Name to ``(step, value)`` points.
        remark: What to look for, for the caption.
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

    return _draw(title, f"{_course(present)} {remark}", paint)


def bars(title: str, values: Mapping[str, Estimate], remark: str, *, signed: bool = True) -> Chart:
    """A bar for each value, with its interval.

    Args:
        title: Heading of the chart.
        values: By name, from top to bottom.
        remark: What to look for, for the caption.
        signed: Write values with their signs, as differences are.
    """
    names, found = list(values), list(values.values())
    middle = np.array([each.value for each in found])
    ends = np.array([[each.value - each.low, each.high - each.value] for each in found]).T

    def paint(axes: Any) -> None:
        axes.barh(names, middle, color=_SERIES[0], height=0.55, zorder=2)
        axes.errorbar(middle, names, xerr=np.nan_to_num(ends), fmt="none", ecolor=_INK, capsize=3, linewidth=1)
        axes.axvline(0, color=_INK, linewidth=0.8)
        axes.invert_yaxis()

    told = "; ".join(f"{name} {each.signed if signed else each}" for name, each in values.items())
    return _draw(title, f"{told}. {remark}", paint)


def curves(title: str, series: Mapping[str, Sequence[tuple[float, Estimate]]], scale: str, remark: str) -> Chart:
    """Values along a scale, each with its interval as a band.

    Args:
        title: Heading of the chart.
        series: Name to ``(place on the scale, value)``; five at most can be told apart.
        scale: Name of the horizontal axis.
        remark: What to look for, for the caption.
    """

    def paint(axes: Any) -> None:
        for i, (name, points) in enumerate(series.items()):
            x = [place for place, _ in points]
            axes.plot(
                x,
                [each.value for _, each in points],
                color=_SERIES[i % len(_SERIES)],
                linestyle=_DASHES[i % len(_DASHES)],
                marker=_MARKERS[i % len(_MARKERS)],
                markersize=4,
                label=name,
            )
            low, high = [each.low for _, each in points], [each.high for _, each in points]
            axes.fill_between(x, low, high, color=_SERIES[i % len(_SERIES)], alpha=0.15, linewidth=0)
        axes.set_xlabel(scale)
        if len(series) > 1:
            axes.legend(loc="best")

    told = " ".join(
        f"{name}: " + ", ".join(f"{each} at {place:g}" for place, each in points) + "."
        for name, points in series.items()
    )
    return _draw(title, f"{told} {remark}", paint)


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


def reward_course(groups: Sequence[Group]) -> Chart | None:
    """How the rewards were spread at each stretch of steps; ``None`` when fewer than two steps were sampled."""
    steps = sorted({g.step for g in groups if g.completions})
    if len(steps) < 2:
        return None
    stretches = np.array_split(np.array(steps), min(_STRETCHES, len(steps)))
    rewards = [[c.reward for g in groups if s[0] <= g.step <= s[-1] for c in g.completions] for s in stretches]
    high = max(map(max, rewards))
    edges, levels = _reward_levels(np.concatenate(rewards))

    def paint(axes: Any) -> None:
        for stretch, values in zip(stretches, rewards, strict=True):
            left, right = stretch[0] - 0.5, stretch[-1] + 0.5
            shares = np.histogram(values, edges)[0] / len(values)
            for bottom, top, share in zip(edges[:-1], edges[1:], shares, strict=True):
                box = {"width": right - left, "bottom": bottom, "color": _SERIES[0], "linewidth": 0}
                axes.bar(left, top - bottom, align="edge", alpha=0.85 * share**0.7, **box)
        axes.plot([s.mean() for s in stretches], [np.mean(r) for r in rewards], color=_SERIES[1], linewidth=2)
        axes.grid(False)
        axes.set(xlabel="step", ylabel="reward of one answer")
        if levels is not None:
            axes.set_yticks(levels)

    best = [100 * float(np.mean(np.isclose(r, high))) for r in (rewards[0], rewards[-1])]
    words = (
        "The stronger the blue, the more answers of those steps earned that reward; the line is their mean. "
        f"The highest ({high:.2g}) went to {best[0]:.0f} % of the answers in the first stretch of steps and to "
        f"{best[1]:.0f} % in the last."
    )
    return _draw("Rewards over training", words, paint)


def _reward_levels(rewards: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Borders to count rewards between, and the levels themselves when they are few enough to name."""
    levels = np.unique(rewards.round(6))
    if len(levels) > _LEVELS:
        return np.linspace(levels[0], levels[-1], _LEVELS + 1), None
    middles = (levels[:-1] + levels[1:]) / 2
    margin = (levels[-1] - levels[0]) / (2 * max(1, len(levels) - 1)) or 0.5
    return np.array([levels[0] - margin, *middles, levels[-1] + margin]), levels


def reward_distribution(groups: Sequence[Group]) -> Chart | None:
    """Rewards of the sampled answers in the first and the last fifth of the steps; ``None`` without rollouts."""
    early, late = early_and_late(groups)
    if not early:
        return None
    first, last = ([c.reward for g in side for c in g.completions] for side in (early, late))
    if not first or not last:
        return None
    high = max(*first, *last)
    edges, levels = _reward_levels(np.array(first + last))
    names = [f"steps {side[0].step} to {side[-1].step}" for side in (early, late)]

    def paint(axes: Any) -> None:
        room = np.diff(edges)
        for i, values in enumerate((first, last)):
            share = np.histogram(values, edges)[0] / len(values)
            left = edges[:-1] + room * (0.1 + 0.4 * i)
            axes.bar(left, share, 0.4 * room, align="edge", color=_SERIES[i], hatch=("", "///")[i], edgecolor=_GRID)
        axes.legend(axes.containers, names)
        axes.set_xlabel("reward of one answer")
        if levels is not None:
            axes.set_xticks(levels)
        axes.set_ylabel("share of answers")

    words = "; ".join(
        f"{n}: mean {np.mean(v):.2f}, {100 * np.mean(np.isclose(v, high)):.0f} % reach the highest reward seen "
        f"({high:.2g}), {len(v)} answers"
        for n, v in zip(names, (first, last), strict=True)
    )
    return _draw("Rewards, early and late", f"{words[0].upper()}{words[1:]}.", paint)


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
    return reliability_chart("Can its confidence be trusted?", kept, tuple(sides))


def reliability_chart(
    title: str, sides: Mapping[str, Sequence[tuple[float, bool]]], order: Sequence[str] | None = None
) -> Chart:
    """Accuracy found at each confidence, a line a set of answers.

    Args:
        title: Heading of the chart.
        sides: By name, (confidence, right) of each answer; none is empty.
        order: All names that there could be, so that each keeps its colour; by default those of ``sides``.
    """
    tables = {
        name: [b for b in reliability([c for c, _ in pairs], [r for _, r in pairs]) if b.n]
        for name, pairs in sides.items()
    }

    def paint(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle=":")
        for name, table in tables.items():
            i = list(order or sides).index(name)
            sizes = [12 + 120 * math.sqrt(b.n / len(sides[name])) for b in table]
            xy = [b.confidence for b in table], [b.accuracy for b in table]
            axes.plot(*xy, color=_SERIES[i], linestyle=_DASHES[i], linewidth=1.2)
            axes.scatter(*xy, s=sizes, color=_SERIES[i], marker=_MARKERS[i], alpha=0.8, label=name)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.04, 1.04), xlabel="stated confidence", ylabel="share that was right")
        axes.legend(markerscale=0.6)

    words = " ".join(_calibrated(name, pairs) for name, pairs in sides.items())
    return _draw(title, f"{words} On the dotted line, confidence is accuracy.", paint)


def _calibrated(name: str, pairs: Sequence[tuple[float, bool]]) -> str:
    stated, right = [c for c, _ in pairs], [r for _, r in pairs]
    return (
        f"{name.capitalize()}: mean confidence {100 * np.mean(stated):.0f} %, right {100 * np.mean(right):.0f} %, "
        f"calibration error (ECE) {100 * ece(stated, right):.1f} %, {len(pairs)} clips."
    )
