"""What every study keeps in its folder: whose it is, the features of its clips, and files of answers that grow.

A study that was stopped goes on where it was; one of another model or set is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affectrl import jsonl, paths
from affectrl.answers.parser import plain
from affectrl.answers.prediction import failed
from affectrl.data.clip import Clip
from affectrl.data.content import content_hash, fingerprint
from affectrl.emotions.label_set import family, normalise
from affectrl.errors import AffectError, DataError, UsageError
from affectrl.evaluation.evaluate import Row
from affectrl.evaluation.evaluate import row as row_of
from affectrl.inference.model import EmotionModel
from affectrl.models import checkpoint
from affectrl.models.features import ClipFeatures, extract_all
from affectrl.version import __version__

Bar = Callable[[str, int, int], AbstractContextManager[Callable[[str], None]]]
"""Title, steps, steps done before; see :func:`affectrl.progress.bar`."""
ROWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Opened:
    """A study that can go on."""

    model: EmotionModel
    features: list[ClipFeatures]
    """Of the clips that can be read."""
    skipped: int
    folder: Path
    bar: Bar

    def rows(
        self,
        name: str,
        clips: Sequence[ClipFeatures],
        ask: Callable[[Sequence[ClipFeatures], Callable[[str], None]], list[Row]],
    ) -> list[Row]:
        """The rows of ``predictions/NAME.jsonl``: those that are there, and then those that it lacks.

        Args:
            name: Of the file.
            clips: In the order of the rows.
            ask: Answers some of them.
        """
        file = self.folder / "predictions" / f"{name}.jsonl"
        rows = jsonl.read_rows(file) if file.is_file() else []
        if [row["id"] for row in rows] != [clip.id for clip in clips[: len(rows)]]:
            # Some clip can be read now that could not before, or the other way round.
            rows = []
            jsonl.write_rows(file, rows)
        with self.bar(name, len(clips), len(rows)) as advance:
            while len(rows) < len(clips):
                more = ask(clips[len(rows) : len(rows) + ROWS_AT_ONCE], advance)
                jsonl.append_rows(file, more)
                rows += more
        return rows


def opened(
    place: str | Path,
    clips: Sequence[Clip],
    folder: Path,
    bar: Bar,
    *,
    fresh: bool = False,
    settings: dict[str, Any] | None = None,
) -> Opened:
    """Load the model, claim the folder and encode the clips.

    Args:
        place: The model: a run or model folder, or ``ORG/NAME``.
        clips: With labels.
        folder: Where the study is kept.
        bar: Shows progress.
        fresh: Begin anew where another study is.
        settings: Whatever else makes it another study.

    Raises:
        DataError: ``no_clips``: no clip has labels, or one that the model can give, or none can be read.
        UsageError: ``attribution_differs``: the folder holds the study of another model or set.
        ModelError: The model cannot be loaded.
    """
    if not (clips := [clip for clip in clips if clip.labels]):
        raise DataError("no clip has labels.", code="no_clips", hint="Shares of a score need references.")
    model = EmotionModel.from_pretrained(place)
    claim(
        folder,
        {"model": model_print(place), "data": fingerprint(clips), "n": len(clips)} | (settings or {}),
        fresh=fresh,
    )
    choice = model.task.labels
    clips = in_words_of(clips, choice)
    if choice is not None and not (here := {plain(c.labels[0]) for c in clips}) & {plain(word) for word in choice}:
        raise DataError(
            f"none of the clips' labels ({', '.join(sorted(here)[:5])}) is one that the model can give.",
            code="no_clips",
            hint=f"It knows {', '.join(choice)}.",
        )
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
    return Opened(model, features, len(skipped), folder, bar)


def in_words_of(clips: Sequence[Clip], choice: Sequence[str] | None) -> list[Clip]:
    """The clips with labels in the words of a model's choice: ``fearful`` of a set is its ``fear``.

    A label is renamed where it is another form of one word of the choice, and no other label of the clips is; others
    stay, and no answer can be right there. Wheels are no help: on them ``calm`` is near ``happy``. Without a choice all
    stay.
    """
    if choice is None:
        return list(clips)
    known = {plain(label) for clip in clips for label in clip.labels}
    names: dict[str, str] = {}
    for word in choice:
        forms = [label for label in known if normalise(label) in family(word)]
        if len(forms) == 1:
            names[forms[0]] = word
    return [
        clip.model_copy(update={"labels": tuple(names.get(plain(label), label) for label in clip.labels)})
        for clip in clips
    ]


def claim(folder: Path, found: dict[str, Any], *, fresh: bool) -> None:
    """Make the folder this study's.

    Raises:
        UsageError: ``attribution_differs``.
    """
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


def model_print(place: str | Path) -> str:
    """16 hex digits that name a model by the bytes of its folder's weights."""
    folder = checkpoint.fetch(place)
    hashes = "".join(content_hash(file) for file in sorted(folder.rglob("*.safetensors")))
    return hashlib.sha256(hashes.encode()).hexdigest()[:16]
