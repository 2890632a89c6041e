"""A vote or a fusion as plain data: what ``--json`` writes, the report shows and the command prints."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from affectrl.ensemble.agreement import Agreement
from affectrl.ensemble.compare import Compared
from affectrl.ensemble.fuse import Fusion
from affectrl.ensemble.minority import Minority
from affectrl.ensemble.opinions import Opinions
from affectrl.ensemble.outcome import Outcome
from affectrl.ensemble.vote import Results, Scores, Voted
from affectrl.errors import Note
from affectrl.scoring.result import Result
from affectrl.version import __version__

BESIDE = {"ov": ("precision", "recall"), "hitrate": ("mscore",), "basic": ("uar", "weighted_f1"), "sentiment": ()}
"""Scores told beside the main one."""


def told(voted: Voted) -> dict[str, Any]:
    """Everything about a vote but its answers, as ``json.dumps`` takes it; what is no number is ``None``."""
    scores = voted.scores
    whole = {
        "affectrl": __version__,
        "clips": voted.opinions.n,
        "ballots": "lists" if voted.opinions.lists else "labels",
        "voters": {name: str(path) for name, path in voted.files.items()},
        "silent": {
            name: int(voted.opinions.n - voted.opinions.spoke[:, m].sum())
            for m, name in enumerate(voted.opinions.voters)
        },
        "rules": {name: _outcome(found) for name, found in voted.outcomes.items()},
        "left_out": dict(voted.left_out),
        "agreement": agreement_told(voted.agreement, voted.opinions.voters),
        "notes": [note_told(note) for note in voted.notes],
    }
    if scores is not None:
        whole |= {"scores": _scores(scores), "minority": _minority(scores.minority)}
    return clean(whole)


def fusion_told(fusion: Fusion) -> dict[str, Any]:
    """Everything about a fusion but its answers, likewise."""
    whole: dict[str, Any] = {
        "affectrl": __version__,
        "clips": fusion.opinions.n,
        "voters": {name: str(path) for name, path in fusion.files.items()},
        "cells": {
            cell.name: {
                "modalities": list(cell.modalities),
                "top_n": cell.top_n,
                "by": cell.by,
                "weights": cell.fused.weights,
            }
            for cell in fusion.cells
        },
        "agreement": agreement_told(fusion.agreement, fusion.opinions.voters),
        "notes": [note_told(note) for note in fusion.notes],
    }
    if fusion.reference is not None and fusion.voters and fusion.results:
        whole["scores"] = {
            "task": fusion.reference.task,
            "best_voter": fusion.best,
            "voters": {name: results_told(found) for name, found in fusion.voters.items()},
            "rules": {name: results_told(found) for name, found in fusion.results.items()},
        }
    return clean(whole)


def compared_told(compared: Compared) -> dict[str, Any]:
    """A comparison of systems, likewise."""
    return clean(
        {
            "affectrl": __version__,
            "task": compared.task,
            "clips": compared.opinions.n,
            "voters": {name: str(path) for name, path in compared.files.items()},
            "to": compared.to,
            "systems": {name: results_told(found) for name, found in compared.results.items()},
            "corrected": compared.corrected,
            "agreement": agreement_told(compared.agreement, compared.opinions.voters),
            "notes": [note_told(note) for note in compared.notes],
        }
    )


def note_told(note: Note) -> dict[str, str]:
    """A note as data."""
    return {"code": note.code, "message": note.message}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    thresholds = sorted(set(outcome.threshold.tolist())) if outcome.opinions.lists else None
    return {"weights": outcome.ruling.weights, "keep": thresholds}


def agreement_told(found: Agreement, voters: tuple[str, ...]) -> dict[str, Any]:
    """The agreement table and kappas as data."""
    return {
        "over": found.over,
        "k_of_n": [
            {"k": k, "clips": count, "share": share}
            for k, (count, share) in enumerate(zip(found.counts, found.shares, strict=True))
        ],
        "alpha": found.alpha,
        "voters": list(voters),
        "kappa": found.kappa.tolist(),
        "twins": [list(names) for names in found.twins],
    }


def _scores(scores: Scores) -> dict[str, Any]:
    return {
        "task": scores.reference.task,
        "best_voter": scores.best,
        "voters": {name: results_told(found) for name, found in scores.voters.items()},
        "rules": {name: results_told(found) for name, found in scores.rules.items()},
        "oracle": results_told(scores.oracle),
    }


def results_told(results: Results) -> dict[str, Any]:
    """Main score with interval, what is told beside it, and the difference where there is one, by wheels."""
    return {wheels: result_told(result) for wheels, result in results.items()}


def result_told(result: Result) -> dict[str, Any]:
    """One result, short."""
    main = result.metrics[result.main]
    found: dict[str, Any] = {
        "mode": result.provenance["mode"],
        "score": result.main,
        "value": main.value,
        "low": main.low,
        "high": main.high,
        "beside": {name: result.metrics[name].value for name in BESIDE.get(result.task, ())},
    }
    if "labels_per_sample" in result.fields:
        found["labels"] = result.fields["labels_per_sample"]["prediction"]
    if result.against is not None:
        row = result.against["scores"][result.main]
        found["difference"] = {key: row[key] for key in ("difference", "low", "high", "p_value")}
        found["difference"]["to"] = result.against["file"]
    return found


def _minority(found: Minority) -> dict[str, Any]:
    if found.levels:
        return {
            "levels": [
                {"from": level.share, "labels": level.labels, "results": results_told(level.results)}
                for level in found.levels
            ]
        }
    return {
        "majority_right": found.majority_right,
        "minority_right": found.minority_right,
        "nobody_right": found.nobody_right,
        "by_votes": [{"k": k, "clips": n, "right": right} for k, n, right in found.by_votes],
        "overturned": {
            name: {"clips": one.n, "gained": one.test.fixed, "lost": one.test.broken, "p_value": one.test.p_value}
            for name, one in (found.overturned or {}).items()
        },
    }


def clean(value: Any) -> Any:
    """Numbers that JSON does not know as ``None``."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): clean(item) for key, item in value.items()}
    return [clean(item) for item in value] if isinstance(value, list | tuple) else value


def disagreements(opinions: Opinions, outcomes: Mapping[str, Outcome], truth: list[Any] | None, most: int) -> list[Any]:
    """The clips on which voters differ most, for a browser: ballots, answers, reference; at most ``most``."""
    from affectrl.ensemble.judged import ballots_of

    pairs = opinions.candidates
    top = [0.0] * opinions.n
    for clip, votes in zip(pairs.clip.tolist(), pairs.votes.tolist(), strict=True):
        top[clip] = max(top[clip], votes)
    cast = opinions.cast.tolist()
    apart = [n for n in range(opinions.n) if cast[n] > 1 and top[n] < cast[n]]
    apart = sorted(apart, key=lambda n: (top[n] / cast[n], n))[:most]
    ballots = {name: ballots_of(opinions, m) for m, name in enumerate(opinions.voters)}
    answers = {name: found.lists() for name, found in outcomes.items()}
    return [
        {
            "id": str(opinions.ids[n]),
            "votes": f"{top[n]:g} of {cast[n]}",
            "reference": None if truth is None else truth[n] if isinstance(truth[n], str) else ", ".join(truth[n]),
            "ballots": {name: ", ".join(column[n]) for name, column in ballots.items()},
            "answers": {name: ", ".join(column[n]) for name, column in answers.items()},
        }
        for n in apart
    ]
