"""Opinions of a model as voters: a folder with a prediction file for each prompt and sample, kept clip by clip.

``opinions/visual.2.jsonl`` holds what the prompt ``visual`` was answered in its third sample, in the rows that
``predict`` writes, so that votes, fusions, comparisons and scores read it. ``reference.jsonl`` holds the clips' own
labels. A call that was stopped goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from affectrl import jsonl, paths
from affectrl.answers.prediction import failed
from affectrl.attribution.kept import model_print
from affectrl.data.clip import Clip
from affectrl.data.content import fingerprint
from affectrl.emotions.label_set import LabelSet
from affectrl.errors import AffectError, UsageError
from affectrl.inference.model import EmotionModel
from affectrl.inference.opinions import Sampling, check, opinions
from affectrl.models.features import ClipFeatures
from affectrl.models.senses import only
from affectrl.models.task import Task
from affectrl.version import __version__

REFERENCE = "reference.jsonl"
SETTINGS = "opinions.json"
Bar = Callable[[str, int, int], AbstractContextManager[Callable[[str], None]]]
"""Title, steps, steps done before; see :func:`affectrl.progress.bar`."""


@dataclass(frozen=True)
class Sampled:
    """Where the opinions are."""

    files: dict[str, Path]
    """Voter -> its file."""
    reference: Path | None
    """The clips' own labels; ``None`` when a clip has none."""
    unread: int
    """Clips that could not be read; every voter has a row with the error."""
    features: dict[str, ClipFeatures] = field(default_factory=dict)
    """By the name of the clip, as the model got them, where they were wanted."""


def sampled(
    model: EmotionModel,
    place: str | Path,
    clips: Sequence[Clip],
    how: Sampling,
    folder: Path,
    bar: Bar,
    *,
    task: Task | None = None,
    senses: Sequence[str] | None = None,
    features: bool = False,
    fresh: bool = False,
) -> Sampled:
    """Sample the opinions that the folder does not have yet.

    Args:
        model: Who is asked.
        place: Where it was loaded from, for the folder's settings.
        clips: What it is asked about.
        how: See :class:`affectrl.inference.opinions.Sampling`.
        folder: Where opinions are kept.
        bar: Shows progress.
        task: The model's own, or that with another choice.
        senses: Only these of ``audio``, ``vision``, ``text``.
        features: Return what the model got of each clip.
        fresh: Replace opinions that were sampled in another way.

    Raises:
        UsageError: ``opinions_differ``: the folder holds opinions of another model, set or setting; ``no_input``: no
            clip; as :func:`affectrl.inference.opinions.check`.
    """
    own = task or model.task
    if not clips:
        raise UsageError("no clip was given.", code="no_input", hint="See --data, --split and --limit.")
    check(model.policy, own, how)
    files = {voter: folder / f"{voter}.jsonl" for voter in how.voters}
    _claim(folder, _settings(place, clips, own, how, senses), fresh=fresh)
    done = set.intersection(*({_clip_of(row) for row in jsonl.read_rows(file)} for file in files.values()))
    for file in files.values():
        # A stop between two files leaves the last clip in some of them.
        jsonl.write_rows(file, [row for row in jsonl.read_rows(file) if _clip_of(row) in done])
    kept: dict[str, ClipFeatures] = {}
    labels: list[dict[str, Any]] = []
    unread = 0
    left = sum(clip.id not in done for clip in clips)
    with bar("opinions", len(clips), len(clips) - left) as advance:
        for clip in clips:
            try:
                found = [_left(each, senses) for each in model.extractor.extract(clip)]
            except AffectError as error:
                unread += 1
                labels += [_reference(clip.id, clip)]
                if clip.id not in done:
                    row = failed(clip.id, clip.path, error).to_dict()
                    for voter, file in files.items():
                        jsonl.append_rows(file, [row | _named(voter)])
                    advance("")
                continue
            labels += [_reference(each.id, clip) for each in found]
            kept |= {each.id: each for each in found if features}
            if clip.id in done:
                continue
            told = [opinions(model.policy, each, own, how) for each in found]
            for voter, file in files.items():
                jsonl.append_rows(file, [row[voter].to_dict() | _named(voter) for row in told])
            advance("")
    reference = folder / REFERENCE if all(row["labels"] for row in labels) else None
    if reference is not None:
        jsonl.write_rows(reference, labels)
    return Sampled(files, reference, unread, kept)


def choice_of(labels: Sequence[str] | None) -> LabelSet | None:
    """A choice of labels as a set that a vote and a judge may keep to."""
    return None if labels is None else LabelSet("choice", tuple(labels), {}, "given")


def _left(clip: ClipFeatures, senses: Sequence[str] | None) -> ClipFeatures:
    return clip if senses is None else only(clip, senses)


def _named(voter: str) -> dict[str, Any]:
    # Beside being useful: samples that happen to agree on all clips are no copies of one file.
    prompt, _, number = voter.rpartition(".")
    return {"prompt": prompt, "sample": int(number)}


def _clip_of(row: Mapping[str, Any]) -> str:
    return str(row["id"]).split("#face", 1)[0]


def _reference(name: str, clip: Clip) -> dict[str, Any]:
    row: dict[str, Any] = {"id": name, "labels": list(clip.labels)}
    if clip.labels:
        row["label"] = clip.labels[0]
    return row if clip.speaker is None else row | {"speaker": clip.speaker}


def _settings(
    place: str | Path, clips: Sequence[Clip], own: Task, how: Sampling, senses: Sequence[str] | None
) -> dict[str, Any]:
    return {
        "model": model_print(place),
        "data": fingerprint(clips),
        "prompts": {prompt.name: [prompt.question, prompt.task.format] for prompt in how.prompts},
        "labels": None if own.labels is None else list(own.labels),
        "samples": how.samples,
        "temperature": how.temperature,
        "closed": how.closed,
        "ask": "behind" if how.behind else "in place",
        "max_new_tokens": how.max_new_tokens,
        "seed": how.seed,
        "senses": None if senses is None else sorted(senses),
    }


def _claim(folder: Path, found: dict[str, Any], *, fresh: bool) -> None:
    """Make the folder this ensemble's."""
    file = folder / SETTINGS
    if file.is_file():
        old = json.loads(file.read_text("utf-8"))
        changed = [name for name, value in found.items() if old.get(name) != value]
        if changed and not fresh:
            raise UsageError(
                f"holds opinions with another {changed[0]}.", code="opinions_differ", path=folder,
                hint="Choose another --opinions, or --fresh to replace them.",
            )  # fmt: skip
        for old_file in folder.glob("*.jsonl") if changed or fresh else ():
            paths.remove(old_file)
    folder.mkdir(parents=True, exist_ok=True)
    with paths.atomic(file) as scratch:
        scratch.write_text(json.dumps(found | {"affectrl": __version__}, indent=1), "utf-8")
