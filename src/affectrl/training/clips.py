"""The clips of a recipe: made if they are synthetic, loaded, thinned out, and turned into features."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affectrl import jsonl, progress, shelves
from affectrl.answers.prediction import failed
from affectrl.data.clip import Clip
from affectrl.data.content import fingerprint
from affectrl.data.load import READERS, load_clips, reader_of
from affectrl.data.media.ahead import Workers
from affectrl.emotions import label_set, mapping
from affectrl.errors import AffectError, DataError, RecipeError
from affectrl.recipes.schema import DataSpec, Recipe, SandboxSpec
from affectrl.rl import processes

if TYPE_CHECKING:
    from affectrl.models.features import ClipFeatures, Reads

ROLES = ("cold_start", "train", "dev", "eval")
"""Fields of a recipe's ``data`` that name clips; those of ``data.also`` are called ``also/NAME``."""


@dataclass(frozen=True, slots=True)
class ClipSets:
    """Features by role, and what the manifest says about them."""

    features: dict[str, list[ClipFeatures]]
    """Of ``cold_start``, ``train``, ``dev``, ``eval`` and each ``also/NAME`` that the recipe names."""
    about: dict[str, dict[str, Any]]
    synthetic: bool


def labels_of(recipe: Recipe) -> tuple[str, ...] | None:
    """The closed choice of a recipe, a label set's name resolved."""
    labels = recipe.answers.labels
    return label_set(labels).labels if isinstance(labels, str) else labels


def prepare(recipe: Recipe, extractor: Reads, skipped: Path) -> ClipSets:
    """Make or load every role's clips and extract their features, through the cache.

    Args:
        recipe: Its ``data`` section is read.
        extractor: Of the recipe's model.
        skipped: Where clips that could not be read are listed.

    Raises:
        DataError: ``no_clips``: a role has no clip of its kind that can be read; ``unknown_labels``: labels outside of
            the recipe's closed choice.
        RecipeError: As :func:`clips_of`.
        UsageError: Likewise.
    """
    from affectrl.models.features import extract_all

    make_sandboxes(recipe)
    specs = specs_of(recipe)
    chosen = {role: clips_of(recipe, role) for role in specs}
    unique, places = distinct({role: found.clips for role, found in chosen.items()})
    problems: list[dict[str, Any]] = []
    ready: list[list[ClipFeatures]] = []

    def extract(clip: Clip) -> tuple[list[ClipFeatures], list[dict[str, Any]]]:
        skipped: list[dict[str, Any]] = []

        def report(clip: Clip, error: AffectError) -> None:
            if error.code == "decode_worker":
                raise error  # no fault of the clip's
            skipped.append(failed(clip.id, clip.path, error).to_dict())

        return list(extract_all(extractor, [clip], report)), skipped

    with progress.bar("features", len(unique), quiet=processes.rank() > 0) as advance:
        for found, skips in Workers(recipe.data.workers).each(unique, extract):
            ready.append(found)
            problems += skips
            advance(f"{len(problems)} skipped" if problems else "")
    if not processes.rank():
        jsonl.write_rows(skipped, problems)
    features = {role: [f for at in indices for f in ready[at]] for role, indices in places.items()}
    for role, found in features.items():
        if not found:
            raise DataError(f"no clip of {_field(role)} can be read.", code="no_clips", path=specs[role].source)
    about = {role: _about(specs[role], chosen[role], len(found)) for role, found in features.items()}
    return ClipSets(features, about, any(c.extras.get("synthetic") for c in unique))


def _about(spec: DataSpec, chosen: Chosen, readable: int) -> dict[str, Any]:
    bare = sum(not clip.labels for clip in chosen.clips)
    counts = {"unmapped": chosen.unmapped if spec.map_to else 0, "without_labels": bare}
    told = {name: count for name, count in counts.items() if count or (name == "unmapped" and spec.map_to)}
    return {"source": spec.source, "n": readable, "fingerprint": fingerprint(chosen.clips), **told}


def distinct(clips: Mapping[str, Sequence[Clip]]) -> tuple[list[Clip], dict[str, list[int]]]:
    """The clips of all roles, each once, and where in that list each role's own are.

    Clips are one only when they are equal in everything: ids are unique within a source, and two sources may give the
    same id to other words, or other labels to the same file.
    """
    unique: list[Clip] = []
    called: dict[str, list[int]] = {}
    places: dict[str, list[int]] = {}
    for role, chosen in clips.items():
        places[role] = []
        for clip in chosen:
            namesakes = called.setdefault(clip.id, [])
            at = next((i for i in namesakes if unique[i] == clip), None)
            if at is None:
                at = len(unique)
                unique.append(clip)
                namesakes.append(at)
            places[role].append(at)
    return unique, places


def make_sandboxes(recipe: Recipe) -> None:
    """Generate the recipe's synthetic clips, or finish a generation that was cut.

    Raises:
        DataError: As :func:`affectrl.data.sandbox.generate.generate`.
        UsageError: Likewise.
    """
    for spec in sandboxes_of(recipe):
        from affectrl.data.sandbox.generate import generate

        settings = spec.model_dump(exclude={"out", "n"})
        with progress.bar("sandbox clips", spec.n) as advance:
            generate(Path(spec.out), spec.n, **settings, progress=advance)


def sandboxes_of(recipe: Recipe) -> tuple[SandboxSpec, ...]:
    """All synthetic sets that a recipe asks for."""
    first = recipe.data.sandbox
    return (*(() if first is None else (first,)), *recipe.data.more_sandboxes)


def specs_of(recipe: Recipe) -> dict[str, DataSpec]:
    """The roles that a recipe gives clips to."""
    plain = {role: spec for role in ROLES if (spec := getattr(recipe.data, role)) is not None}
    return plain | {f"also/{name}": spec for name, spec in recipe.data.also.items()}


def _field(role: str) -> str:
    return f"data.{role.replace('/', '.')}"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The clips of one role."""

    clips: list[Clip]
    unmapped: int = 0
    """Clips that ``map_to`` has no word for: left out, or kept without their label where labels are not needed."""


def clips_of(recipe: Recipe, role: str) -> Chosen:
    """The clips of one role, none of which has a label that the recipe's choice does not know.

    Labels are needed in ``cold_start``, ``train`` and ``dev``. The sets of evaluations, ``eval`` and ``also/NAME``, may
    have none at all, and then give predictions without scores; of one that has some, the others are left out. With
    ``unlabelled`` every clip stays, and a label without a place in the choice is forgotten: who adapts to a set does
    not know what is in it.

    Raises:
        DataError: ``no_clips`` or ``unknown_labels``, or as :func:`affectrl.data.load.load_clips`.
        RecipeError: The cold start is given clips without labels.
        UsageError: As :func:`affectrl.data.load.load_clips`, or ``map_to`` is no label set.
    """
    spec = specs_of(recipe)[role]
    if spec.unlabelled and role in ("cold_start", "dev"):
        raise RecipeError(f"{_field(role)}.unlabelled: this stage needs labels.")
    clips = load_clips(spec.source, split=spec.split, speakers=spec.speakers)
    bare_set = role not in ("cold_start", "train", "dev") and not any(clip.labels for clip in clips)
    bare_ok = spec.unlabelled or bare_set
    unmapped = 0
    if spec.map_to is not None:
        mapped = [mapped_clip(clip, translation(spec.source, spec.map_to)) for clip in clips]
        unmapped = sum(bool(a.labels) and not b.labels for a, b in zip(clips, mapped, strict=True))
        clips = mapped
    if not bare_ok:
        clips = [clip for clip in clips if clip.labels]
    if not clips:
        what = "clip" if bare_ok else "clip with a label"
        also = f" that {spec.map_to} has a word for" if unmapped else ""
        raise DataError(f"holds no {what}{also}.", code="no_clips", path=spec.source)
    labels = labels_of(recipe)
    if spec.unlabelled and labels is not None:
        clips = [c if not c.labels or c.labels[0] in labels else c.model_copy(update={"labels": ()}) for c in clips]
    check_labels(clips, labels, spec.source)
    if spec.limit is not None and spec.limit < len(clips):
        # Whoever may not see labels may not choose by them either; and seeds are compared on the same held-out clips.
        seed = recipe.seed if role in ("cold_start", "train") else 0
        clips = thin(clips, spec.limit, seed, lambda c: "" if bare_ok else c.labels[0])
    return Chosen(clips, unmapped)


def translation(source: str, target: str) -> Callable[[str], str | None]:
    """What a source's labels are called in the set ``target``; ``None`` where nothing fits.

    A reader knows its label set, and the documented mapping between the two sets decides
    (:func:`affectrl.emotions.mapping.mapping`, without approximate rows). A manifest's words are the target's own,
    their aliases and their forms.

    Raises:
        UsageError: No such label set.
    """
    found = reader_of(source)
    reader = shelves.load(READERS, found[0]) if found and found[0] != "sandbox" else None
    own = getattr(reader, "LABEL_SET", None)
    return mapping(own, target) if own else label_set(target).canonical


def mapped_clip(clip: Clip, translate: Callable[[str], str | None]) -> Clip:
    """The clip with its labels in other words; with none at all when its first, the one that counts, has no word."""
    found = [translate(label) for label in clip.labels]
    known = tuple(dict.fromkeys(word for word in found if word)) if found and found[0] else ()
    return clip.model_copy(update={"labels": known})


def thin(clips: Sequence[Clip], n: int, seed: int, class_of: Callable[[Clip], str]) -> list[Clip]:
    """``n`` clips, shuffled and dealt class by class in turn, in their old order."""
    order = list(range(len(clips)))
    random.Random(seed).shuffle(order)
    rank: dict[str, int] = {}
    place: list[tuple[int, int, int]] = []
    for at, index in enumerate(order):
        label = class_of(clips[index])
        rank[label] = rank.get(label, 0) + 1
        place.append((rank[label], at, index))
    return [clips[index] for index in sorted(index for _, _, index in sorted(place)[:n])]


def check_labels(clips: Sequence[Clip], labels: tuple[str, ...] | None, source: str) -> None:
    """Refuse clips whose first label is none of the closed choice: they could never be right."""
    if labels is None:
        return
    strange = sorted({clip.labels[0] for clip in clips if clip.labels} - set(labels))
    if strange:
        raise DataError(
            f"holds labels outside of the recipe's choice: {', '.join(strange[:5])}.",
            code="unknown_labels",
            path=source,
            hint=f"answers.labels allows {', '.join(labels)}.",
        )
