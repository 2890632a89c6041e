"""The report of a vote, a fusion or a comparison: one HTML file, with everything inside it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from affectrl import paths
from affectrl.ensemble.compare import Compared
from affectrl.ensemble.fuse import Fusion
from affectrl.ensemble.outcome import Outcome
from affectrl.ensemble.told import disagreements
from affectrl.ensemble.vote import Voted

_HERE = Path(__file__).parent
MOST = 200
"""Clips in the disagreement browser: those on which voters differ most."""


def write_vote(place: Path, voted: Voted, whole: dict[str, Any]) -> None:
    """The report of a vote.

    Args:
        place: The file.
        voted: The vote.
        whole: As :func:`affectrl.ensemble.told.told` tells it.
    """
    truth = None if voted.scores is None else voted.scores.reference.truth
    apart = disagreements(voted.opinions, voted.outcomes, truth, MOST)
    weights = {name: rule["weights"] for name, rule in whole["rules"].items() if rule["weights"]}
    _write(place, "Vote", whole, apart, weights, list(voted.outcomes))


def write_fusion(place: Path, fusion: Fusion, whole: dict[str, Any]) -> None:
    """The report of a fusion, likewise."""
    truth = None if fusion.reference is None else fusion.reference.truth
    outcomes: dict[str, Outcome] = {}
    apart = disagreements(fusion.opinions, outcomes, truth, MOST)
    places = {str(one): n for n, one in enumerate(fusion.opinions.ids)} if apart else {}
    shown = fusion.cells[-4:]
    for row in apart:
        codes = {cell.name: int(cell.winners[places[row["id"]]]) for cell in shown}
        row["answers"] = {name: fusion.opinions.labels[k] if k >= 0 else "" for name, k in codes.items()}
    weights = {name: cell["weights"] for name, cell in whole["cells"].items() if cell["weights"]}
    _write(place, "Late fusion", whole, apart, weights, [cell.name for cell in shown])


def write_comparison(place: Path, compared: Compared, whole: dict[str, Any]) -> None:
    """The report of a comparison of systems, likewise."""
    apart = disagreements(compared.opinions, {}, list(compared.truth), MOST)
    scores = {"task": whole["task"], "best_voter": whole["to"], "voters": whole["systems"], "rules": {}}
    _write(place, "Comparison", whole | {"scores": scores}, apart, {}, [])


def _write(
    place: Path, title: str, whole: dict[str, Any], apart: list[Any], weights: dict[str, Any], answers: list[str]
) -> None:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": _percent, "span": _span, "shade": _shade}
    page = environment.get_template("template.html").render(
        title=title,
        whole=whole,
        scores=whole.get("scores"),
        corrected=whole.get("corrected"),
        minority=whole.get("minority"),
        agreement=whole["agreement"],
        weights=weights,
        apart=apart,
        answers=answers,
        style=resources.files("affectrl.report").joinpath("style.css").read_text("utf-8"),
    )
    with paths.atomic(place) as scratch:
        scratch.write_text(page, encoding="utf-8")


def _percent(value: float | None, sign: str = "") -> str:
    return "–" if value is None else f"{100 * value:{sign}.1f}"


def _span(found: dict[str, Any], sign: str = "") -> str:
    return "" if found["low"] is None else f"[{_percent(found['low'], sign)}, {_percent(found['high'], sign)}]"


def _shade(value: float | None) -> str:
    """A colour of the heat map of kappas, white at 0."""
    share = 0 if value is None else round(100 * min(max(value, 0.0), 1.0))
    return f"background: color-mix(in srgb, #3b82c4 {share}%, transparent)"
