"""The clips that affectrl-nano learns from: four public sets, with reasons that were measured.

``manifest.jsonl`` is for the cold start and for evaluation; ``practice.jsonl`` is the part of its training clips that
reinforcement learning tries: all voices, faces as they come, and words with their classes evened out half-way, since a
reward for being right is earned most easily by naming the most frequent class. ``calibration.jsonl`` is a part of the
validation clips, as many of each set.

Each set keeps its people apart: who is in ``train`` is in no other split. Reasons come from :mod:`affectrl.cues` and
from the face encoder; nothing is said that was not measured. *Composed* clips put a voice, a face and words of one
emotion together, from training people only, so that the model meets clips with all three; no such recording exists, and
``extras.composed`` says so.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from affectrl import progress
from affectrl.cues.describe import CHANNELS, describe_all, told
from affectrl.cues.face import FaceReader
from affectrl.data.clip import Clip
from affectrl.data.load import load_clips
from affectrl.data.manifest import write_manifest
from affectrl.emotions import mapping
from affectrl.errors import UsageError
from affectrl.models.cache import FeatureCache
from affectrl.models.features import FeatureExtractor
from affectrl.nano.face import held_out, shared_out
from affectrl.recipes.schema import ModelSpec
from affectrl.recipes.streams import FaceStream
from affectrl.training.clips import thin

LABELS = "nano"
RAVDESS_TRAIN = tuple(f"{n:02d}" for n in range(1, 16))
EMODB_TRAIN = ("03", "08", "10")
COMPOSED = "composed"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many clips are taken of the large sets."""

    faces: int = 2870
    """Of FER2013's training pictures that the face encoder never saw, as frequent as they come."""
    words: int = 9989
    """Of MELD's training utterances, as frequent as they come."""
    composed: int = 600
    practice: int = 600
    """Of the faces, and as many of the words, for reinforcement learning."""
    calibration: int = 180
    """At most, of each set's validation clips, drawn by chance."""


def read_sets(folders: Mapping[str, Path]) -> dict[str, list[Clip]]:
    """The clips of each set with their labels in our words; those that have no word are left out.

    Args:
        folders: Of ``ravdess``, ``emodb``, ``fer2013`` and ``meld``, each as its owners publish it.
    """
    sets = {}
    for name, place in folders.items():
        word = mapping(name, LABELS)
        clips = load_clips(f"{name}:{place}")
        sets[name] = [
            clip.model_copy(
                update={
                    "id": f"{name}/{clip.id}",
                    "labels": (word(clip.labels[0]),),
                    "speaker": f"{name}/{clip.speaker}" if clip.speaker else None,
                    "group": name,
                    "extras": {},
                }
            )
            for clip in clips
            if clip.labels and word(clip.labels[0])
        ]
    return sets


def split(sets: Mapping[str, Sequence[Clip]], sizes: Sizes, seed: int) -> list[Clip]:
    """All clips that are used, with their split: ``train`` or ``validation``."""
    rng = random.Random(seed)
    train: list[Clip] = []
    validation: list[Clip] = []
    for name, people in (("ravdess", RAVDESS_TRAIN), ("emodb", EMODB_TRAIN)):
        known = {f"{name}/{who}" for who in people}
        for i, clip in enumerate(sets.get(name, ())):
            # RAVDESS's two sentences say nothing about emotions: half of the clips have them, so that the model learns
            # that words may be there and not matter. EMO-DB's are German, which the language model hardly knows.
            silent = name != "ravdess" or i % 2 == 0 or clip.speaker not in known
            clip = clip.model_copy(update={"text": None}) if silent else clip
            (train if clip.speaker in known else validation).append(clip)
    faces, words = sets.get("fer2013", ()), sets.get("meld", ())
    for known_clips, n in (
        (shared_out(faces)[1], sizes.faces),
        ([clip for clip in words if clip.split == "train"], sizes.words),
    ):
        train += rng.sample(known_clips, min(n, len(known_clips)))
    validation += held_out(faces) + held_out(words)
    composed = _composed(train, sizes.composed, rng)
    parts = (("train", [*train, *composed]), ("validation", validation))
    return [clip.model_copy(update={"split": name}) for name, clips in parts for clip in clips]


def practice(train: Sequence[Clip], n: int, seed: int) -> list[Clip]:
    """All voices of people, ``n`` faces as they come, and ``n`` sentences with classes evened out half-way."""
    alone = [clip for clip in train if clip.split == "train" and clip.group != COMPOSED]
    voices, faces, words = (
        [clip for clip in alone if clip.group in names] for names in (("ravdess", "emodb"), ("fer2013",), ("meld",))
    )
    return voices + thin(faces, n, seed, lambda _: "") + _evened(words, n, seed)


def _evened(clips: Sequence[Clip], n: int, seed: int) -> list[Clip]:
    """About ``n`` clips, of each class as the root of its frequency, where it has so many; in their order."""
    rng = random.Random(seed)
    classes: dict[str, list[int]] = defaultdict(list)
    for i, clip in enumerate(clips):
        classes[clip.labels[0]].append(i)
    total = sum(len(members) ** 0.5 for members in classes.values())
    kept = [
        i
        for _, members in sorted(classes.items())
        for i in rng.sample(members, min(len(members), round(n * len(members) ** 0.5 / total)))
    ]
    return [clips[i] for i in sorted(kept)]


def _composed(train: Sequence[Clip], n: int, rng: random.Random) -> list[Clip]:
    """Voice of one, face of another, words of a third, all of one emotion; each alone was some clip of its own."""
    by: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in train:
        by[clip.group or "", clip.labels[0]].append(clip)
    labels = sorted({clip.labels[0] for clip in train})
    whole = [label for label in labels if all(by[name, label] for name in ("ravdess", "fer2013", "meld"))]
    out: list[Clip] = []
    for i in range(n if whole else 0):
        label = whole[i % len(whole)]
        voice, face, words = (rng.choice(by[name, label]) for name in ("ravdess", "fer2013", "meld"))
        out.append(
            Clip(
                id=f"{COMPOSED}/{i:05d}",
                audio=voice.audio,
                image=face.image,
                text=words.text,
                labels=(label,),
                speaker=voice.speaker,
                group=COMPOSED,
                extras={"composed": [voice.id, face.id, words.id]},
            )
        )
    return out


def face_reader(weights_name: str, cache: FeatureCache | None = None) -> FaceReader:
    """What a face shows by the encoder ``expression``: probabilities, the mean over frames; ``None`` without a face."""
    spec = ModelSpec(voice=None, face=FaceStream(encoder="expression", settings={"weights_name": weights_name}))
    extractor = FeatureExtractor(spec) if cache is None else FeatureExtractor(spec, cache)
    labels = extractor.encoder("face").labels  # type: ignore[union-attr]

    def read(clip: Clip) -> Mapping[str, float] | None:
        if clip.image is None and clip.video is None:
            return None
        (found, *_) = extractor.extract(clip.model_copy(update={"audio": None, "text": None}))
        chances = found.streams["face"][:, -len(labels) :].float().exp().mean(0)
        return dict(zip(labels, chances.tolist(), strict=True))

    return read


def reasoned(clips: Sequence[Clip], face: FaceReader) -> Iterator[Clip]:
    """Clips with what was measured in them as their reasoning. Validation clips need none and stay as they are."""
    alone = [clip for clip in clips if clip.split != "validation" and clip.group != COMPOSED]
    with progress.bar("measuring", len(alone)) as advance:
        found = describe_all(alone, usual="ravdess", face=face, advance=advance)
    said = {clip.id: statements for clip, statements in zip(alone, found, strict=True)}
    for clip in clips:
        if clip.split == "validation":
            yield clip
            continue
        parts = clip.extras.get("composed")
        if parts is None:
            yield clip.model_copy(update={"reasoning": told(said[clip.id])})
            continue
        channels = zip(CHANNELS, parts, strict=True)
        whole = [each for channel, part in channels for each in said[part] if each.channel == channel]
        yield clip.model_copy(update={"reasoning": told(whole)})


def write(
    folders: Mapping[str, Path],
    out: Path,
    *,
    face_weights: str,
    sizes: Sizes | None = None,
    seed: int = 0,
) -> Path:
    """Write the three manifests into ``out``; pictures that come out of Parquet files lie beside them.

    Raises:
        DataError: A folder holds no such set.
        UsageError: ``no_input``: no folder is given.
    """
    if not folders:
        raise UsageError("no set is given.", code="no_input", hint="Name at least one folder, such as --ravdess DIR.")
    chosen = sizes or Sizes()
    clips = split(read_sets(folders), chosen, seed)
    whole = list(reasoned(clips, face_reader(face_weights)))
    write_manifest(whole, out / "manifest.jsonl")
    write_manifest(practice(whole, chosen.practice, seed), out / "practice.jsonl")
    held = [[clip for clip in whole if clip.split == "validation" and clip.group == name] for name in folders]
    drawn = [clip for clips in held for clip in thin(clips, chosen.calibration, seed, lambda _: "")]
    write_manifest(drawn, out / "calibration.jsonl")
    return out / "manifest.jsonl"
