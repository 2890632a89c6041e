"""The table of grpo_step.py: what the results of the two sides say together."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

SIDES = ("ours", "trl")
PHASES = ("rollout", "update")
Row = dict[str, float]
Settings = dict[str, Any]


def spread(rows: Sequence[Row], name: str) -> dict[str, float]:
    """Median, smallest and largest of a number of the steps."""
    values = [row[name] for row in rows]
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summary(settings: Settings, sides: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the two sides' results say together."""
    rows = {side: sides[side]["steps"][settings["warmup"] :] for side in SIDES}
    parts: dict[str, Any] = {}
    for phase in ("step", *PHASES):
        seconds = {side: spread(rows[side], f"{phase}_s") for side in SIDES}
        positions = {side: spread(rows[side], f"{phase}_positions")["median"] for side in SIDES}
        faster = seconds["trl"]["median"] / seconds["ours"]["median"]
        bound = positions["trl"] / positions["ours"]
        parts[phase] = {
            "seconds": seconds,
            "positions": positions,
            "faster": faster,
            "bound": bound,
            "share": faster / bound,
        }
    kind = "device" if settings["device"] == "cuda" else "rss"
    peak = {side: sides[side]["peak_mib"][kind] for side in SIDES}
    pairs = zip(sides["ours"]["logprobs"], sides["trl"]["logprobs"], strict=True)
    gaps = [abs(a - b) for one, other in pairs for a, b in zip(one, other, strict=True)]
    p, g, r = settings["prefix"], settings["group"], settings["new"]
    return {
        "parts": parts,
        "memory": {"kind": kind, "peak_mib": peak, "ratio": peak["ours"] / peak["trl"]},
        "logprobs": {"tokens": len(gaps), "largest_difference": max(gaps)},
        "formula": {"G(P+R)": g * (p + r), "P+GR": p + g * r, "ratio": g * (p + r) / (p + g * r)},
    }


def show(settings: Settings, sides: dict[str, dict[str, Any]], told: dict[str, Any]) -> None:
    """Print the table."""
    print("{model}, {dtype}, {device}, {threads} threads".format(**settings), end="; ")
    print("P = {prefix}, G = {group}, R = {new}, {prompts} prompts a step".format(**settings), end="; ")
    print(f"{settings['repeats']} steps, {settings['warmup']} before them not counted")
    logits = "completions alone" if settings["trl_compact"] or settings["device"] == "cuda" else "all positions"
    print(f"trl {sides['trl']['version']}, logits in its update: {logits}", end="; ")
    print(f"gradient checkpointing: {' and '.join(settings['recompute']) or 'off'}\n")
    print(f"{'':<9}{'ours, s (min to max)':>26}{'TRL, s (min to max)':>26}{'faster':>9}{'bound':>8}{'of it':>8}")
    for phase, part in told["parts"].items():
        cells = ["{median:.2f} ({min:.2f} to {max:.2f})".format(**part["seconds"][side]) for side in SIDES]
        numbers = f"{part['faster']:>8.2f}x{part['bound']:>7.2f}x{part['share']:>8.0%}"
        print(f"{phase:<9}{cells[0]:>26}{cells[1]:>26}{numbers}")
    peak = told["memory"]["peak_mib"]
    print(f"\npeak memory ({told['memory']['kind']}): ours {peak['ours']:,.0f} MiB, TRL {peak['trl']:,.0f} MiB", end="")
    print(f", ratio {told['memory']['ratio']:.3f}", end="; ")
    print("before the steps " + ", ".join(f"{side} {sides[side]['loaded_mib']:,.0f} MiB" for side in SIDES))
    for phase in PHASES:
        counted = told["parts"][phase]["positions"]
        print(f"positions a step, {phase}: ours {counted['ours']:,.0f}, TRL {counted['trl']:,.0f}")
    formula = told["formula"]
    print("bound on tokens, a prompt: G(P+R) = {G(P+R):,}, P+GR = {P+GR:,}, {ratio:.2f}x".format(**formula), end="; ")
    print(f"columns that the step's prompts share and ours runs once: {sides['ours']['shared_head']}")
    gap = told["logprobs"]
    print("log-probabilities of {tokens} tokens: largest difference {largest_difference:.1e}".format(**gap), end="; ")
    print(f"ours, rollout against update: {sides['ours']['rollout_update_gap']:.1e}")
    loads = ", ".join(f"{side} {sides[side]['load_before']:.1f}" for side in SIDES)
    print(f"load of the machine before each side: {loads}")
