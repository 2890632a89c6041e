"""The attribution of one model on one set, in a folder: a file of answers a coalition, and what follows from them.

``predictions/audio+text.jsonl`` holds the answers to clips of which sound and words were left, in the rows that
``predict`` writes, so that ``score`` and other tools read them. A study that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from affectrl import jsonl, paths
from affectrl.answers.prediction import failed
from affectrl.attribution.contributions import Coalition, Contributions, answers_of, constant, contributions, heard
from affectrl.data.clip import Clip
from affectrl.data.content import content_hash, fingerprint
from affectrl.errors import AffectError, DataError, UsageError
from affectrl.evaluation.columns import Metric
from affectrl.evaluation.evaluate import Row
from affectrl.evaluation.evaluate import row as row_of
from affectrl.inference.model import EmotionModel
from affectrl.metrics.shapley import coalitions
from affectrl.models import checkpoint, hub
from affectrl.models.features import ClipFeatures, extract_all
from affectrl.models.senses import SENSES
from affectrl.version import __version__

NOTHING = "nothing"
Bar = Callable[[str, int, int], AbstractContextManager[Callable[[str], None]]]
"""Title, steps, steps done before; see :func:`affectrl.progress.bar`."""
ROWS_AT_ONCE = 64


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
    if not (clips := [clip for clip in clips if clip.labels]):
        raise DataError("no clip has labels.", code="no_clips", hint="Shares of a score need references.")
    model = EmotionModel.from_pretrained(place)
    found = {"model": _model_print(place), "data": fingerprint(clips), "n": len(clips)}
    _claim(folder, found, fresh=fresh)
    skipped: list[Row] = []

    def skip(clip: Clip, error: AffectError) -> None:
        skipped.append(row_of(failed(clip.id, clip.path, error), clip))

    features: list[ClipFeatures] = []
    with bar("features", len(clips), 0) as advance:
        for clip in clips:
            features += extract_all(model.extractor, [clip], skip)
            advance("")
    jsonl.write_rows(folder / "skipped.jsonl", skipped)
    if not features:
        raise DataError("none of the clips could be read.", code="no_clips", path=folder / "skipped.jsonl")
    is_open = model.task.labels is None
    nothing = constant([clip.clip for clip in features], open_vocabulary=is_open)
    answers = {
        kept: _answered(model, features, kept, nothing, folder, bar, batch_size) for kept in coalitions(heard(features))
    }
    study = Study(
        {metric: contributions(answers, metric) for metric in metrics_of(open_vocabulary=is_open)}, len(skipped)
    )
    with paths.atomic(folder / "attribution.json") as scratch:
        scratch.write_text(json.dumps([_plain(each) for each in study.scores.values()], indent=1), "utf-8")
    return study


def _answered(
    model: EmotionModel,
    features: list[ClipFeatures],
    kept: Coalition,
    nothing: Sequence[str],
    folder: Path,
    bar: Bar,
    batch_size: int,
) -> list[Row]:
    """A coalition's rows: those of its file, and then those that it lacks."""
    file = folder / "predictions" / f"{name_of(kept)}.jsonl"
    rows = jsonl.read_rows(file) if file.is_file() else []
    if [row["id"] for row in rows] != [clip.id for clip in features[: len(rows)]]:
        # Some clip can be read now that could not before, or the other way round.
        rows = []
        jsonl.write_rows(file, rows)
    with bar(name_of(kept), len(features), len(rows)) as advance:
        while len(rows) < len(features):
            part = features[len(rows) : len(rows) + ROWS_AT_ONCE]
            more = answers_of(model.policy, part, model.task, kept, nothing, batch_size=batch_size, advance=advance)
            jsonl.append_rows(file, more)
            rows += more
    return rows


def _claim(folder: Path, found: dict[str, Any], *, fresh: bool) -> None:
    """Make the folder this study's."""
    file = folder / "manifest.json"
    if fresh:
        paths.remove(folder / "predictions")
        paths.remove(file)
    if file.is_file():
        old = json.loads(file.read_text("utf-8"))
        if changed := [name for name, value in found.items() if old.get(name) != value]:
            raise UsageError(
                f"holds an attribution of another {changed[0]}.",
                code="attribution_differs",
                path=folder,
                hint="Choose another --output, or --fresh to replace it.",
            )
    (folder / "predictions").mkdir(parents=True, exist_ok=True)
    with paths.atomic(file) as scratch:
        scratch.write_text(json.dumps(found | {"affectrl": __version__}, indent=1), "utf-8")


def _model_print(place: str | Path) -> str:
    """16 hex digits that name a model by the bytes of its folder's weights."""
    folder = checkpoint.find(hub.fetched(place))
    hashes = "".join(content_hash(file) for file in sorted(folder.rglob("*.safetensors")))
    return hashlib.sha256(hashes.encode()).hexdigest()[:16]


def _plain(told: Contributions) -> dict[str, Any]:
    """As JSON takes it."""
    return {
        "metric": told.metric,
        "n": told.n,
        "gain": asdict(told.gain),
        "worth": {name_of(kept): asdict(score) for kept, score in told.worth.items()},
        "by_sense": {sense: asdict(each) for sense, each in told.by_sense.items()},
    }
