"""The attribution of one model on one set, in a folder: a file of answers a coalition, and what follows from them.

``predictions/audio+text.jsonl`` holds the answers to clips of which sound and words were left, in the rows that
``predict`` writes, so that ``score`` and other tools read them. A study that was stopped goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from affectrl import paths
from affectrl.attribution.contributions import (
    Coalition,
    Contributions,
    answers_of,
    constant,
    contributions,
    heard,
    room,
)
from affectrl.attribution.kept import Bar, opened
from affectrl.data.clip import Clip
from affectrl.evaluation.columns import Metric
from affectrl.evaluation.evaluate import Row
from affectrl.metrics.shapley import coalitions
from affectrl.models.features import ClipFeatures
from affectrl.models.senses import SENSES

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Study:
    """What was found."""

    scores: dict[Metric, Contributions]
    skipped: int
    """Clips that could not be read."""

    @property
    def over_speakers(self) -> bool:
        """Whether intervals draw whole speakers."""
        return any(told.gain.groups is not None for told in self.scores.values())


def name_of(kept: Coalition) -> str:
    """``audio+text``; ``nothing`` for the empty coalition."""
    return "+".join(sense for sense in SENSES if sense in kept) or NOTHING


def metrics_of(*, open_vocabulary: bool) -> tuple[Metric, ...]:
    """The scores whose shares are told."""
    return ("ew",) if open_vocabulary else ("war", "uar")


def attribute(
    place: str | Path, clips: Sequence[Clip], folder: Path, bar: Bar, *, fresh: bool = False, batch_size: int = 16
) -> Study:
    """Answer all coalitions, and say what each sense gives; see the module's text.

    Args:
        place: The model: a run or model folder, or ``ORG/NAME``.
        clips: With labels.
        folder: Where the study is kept.
        bar: Shows progress.
        fresh: Begin anew where another study is.
        batch_size: Clips in one forward pass.

    Returns:
        What ``attribution.json`` holds.

    Raises:
        DataError: ``no_clips``: no clip has labels, or none can be read.
        UsageError: ``attribution_differs``: the folder holds the study of another model or set.
        ModelError: The model cannot be loaded.
    """
    here = opened(place, clips, folder, bar, fresh=fresh)
    features, is_open = here.features, here.model.task.labels is None
    nothing = constant([clip.clip for clip in features], open_vocabulary=is_open)
    answers = {}
    for kept in coalitions(heard(features)):

        def ask(part: Sequence[ClipFeatures], advance: Callable[[str], None], kept: Coalition = kept) -> list[Row]:
            model = here.model
            most = room(model.policy, model.task)
            return answers_of(
                model.policy, part, model.task, kept, nothing,
                batch_size=batch_size, max_new_tokens=most, advance=advance,
            )  # fmt: skip

        answers[kept] = here.rows(name_of(kept), features, ask)
    study = Study(
        {metric: contributions(answers, metric) for metric in metrics_of(open_vocabulary=is_open)}, here.skipped
    )
    with paths.atomic(folder / "attribution.json") as scratch:
        scratch.write_text(json.dumps([_plain(each) for each in study.scores.values()], indent=1), "utf-8")
    return study


def _plain(told: Contributions) -> dict[str, Any]:
    """As JSON takes it."""
    return {
        "metric": told.metric,
        "n": told.n,
        "gain": asdict(told.gain),
        "worth": {name_of(kept): asdict(score) for kept, score in told.worth.items()},
        "by_sense": {sense: asdict(each) for sense, each in told.by_sense.items()},
    }
