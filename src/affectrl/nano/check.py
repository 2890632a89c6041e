"""What a model knows about people it never met: validation clips of each of affectrl-nano's sets, as closed choices.

RAVDESS actors 16 and up (8 classes), EMO-DB's speakers 09 and from 11 (6: boredom, which no other set has, is left
out), FER2013's public test (7), MELD's dev utterances (7). Every label's probability is computed, nothing generated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from affectrl.answers.prediction import Prediction
from affectrl.data.clip import Clip
from affectrl.emotions import label_set, mapping
from affectrl.errors import AffectError
from affectrl.evaluation import open_vocabulary
from affectrl.evaluation.evaluate import Row, row
from affectrl.inference.answering import choice_logprobs
from affectrl.inference.model import EmotionModel
from affectrl.metrics import classification
from affectrl.metrics.calibration import ece_interval
from affectrl.metrics.intervals import Estimate, bootstrap, clusters
from affectrl.models.features import ClipFeatures
from affectrl.nano.mixture import LABELS, Sizes, read_sets, split

SETS = ("ravdess", "emodb", "fer2013", "meld")
LEFT_OUT = {"emodb": frozenset({"bored"})}
SCORES: dict[str, Callable[[Sequence[str], Sequence[str | None]], float]] = {
    "war": classification.war,
    "uar": classification.uar,
    "weighted_f1": classification.weighted_f1,
}
COLUMNS = (*SCORES, "ew", "ece")
BATCH_SIZE = 16


def choice_of(name: str) -> tuple[str, ...]:
    """The labels of a set in our words, without those that are left out."""
    word = mapping(name, LABELS)
    ours = [word(label) for label in label_set(name).labels]
    return tuple(label for label in ours if label and label not in LEFT_OUT.get(name, ()))


def held_out(folders: Mapping[str, Path], limit: int | None = None, seed: int = 0) -> dict[str, list[Clip]]:
    """Validation clips of each set whose label is in its choice; at most ``limit`` of each, drawn by chance."""
    clips = [c for c in split(read_sets(folders), Sizes(0, 0, 0), seed) if c.split == "validation"]
    draw = torch.Generator().manual_seed(seed)
    out = {}
    for name in folders:
        choice = choice_of(name)
        own = [clip for clip in clips if clip.group == name and clip.labels[0] in choice]
        kept = torch.randperm(len(own), generator=draw)[:limit].sort().values.tolist()
        out[name] = [own[i] for i in kept]
    return out


def answers(
    model: EmotionModel, clips: Sequence[Clip], choice: tuple[str, ...], advance: Callable[[str], object]
) -> Iterator[Row]:
    """Rows as ``predict`` writes them, with ``scores`` of all labels and the reference beside them."""
    task = model.task.among(choice)
    model.policy.eval()
    ready: list[ClipFeatures] = []
    for i, clip in enumerate(clips):
        try:
            ready += model.extractor.extract(clip)
        except AffectError as error:
            advance(f"{clip.id}: {error.code}")
        if len(ready) >= BATCH_SIZE or (i == len(clips) - 1 and ready):
            _, logprobs = choice_logprobs(model.policy, ready, task)
            for features, chances in zip(ready, logprobs.softmax(1).tolist(), strict=True):
                ranked = sorted(zip(choice, chances, strict=True), key=lambda pair: -pair[1])
                said = Prediction(
                    id=features.id,
                    path=features.clip.path,
                    emotions=tuple(label for label, _ in ranked),
                    top=ranked[0][0],
                    confidence=ranked[0][1],
                    scores=dict(ranked),
                    modalities=features.used,
                )
                yield row(said, features.clip)
                advance("")
            ready = []


def scores_of(rows: Sequence[Row], seed: int = 0) -> dict[str, Estimate]:
    """Accuracy and its kin with 95 % intervals, EW of the one label, and the calibration error of its confidence."""
    truth = [entry["labels"][0] for entry in rows]
    pred = [entry["top"] for entry in rows]
    groups = clusters([entry["speaker"] for entry in rows])
    found = {name: bootstrap(score, truth, pred, groups=groups, seed=seed) for name, score in SCORES.items()}
    lists = [[[label] for label in labels] for labels in (truth, pred)]
    found["ew"] = open_vocabulary.score(*lists).estimates(groups, seed)["ew"]
    right = [a == b for a, b in zip(truth, pred, strict=True)]
    return found | {"ece": ece_interval([entry["confidence"] for entry in rows], right, groups=groups, seed=seed)}


def table(scores: Mapping[str, Mapping[str, Estimate]], counts: Mapping[str, int]) -> Iterator[list[str]]:
    """Rows of text: set, clips, and each score with its interval."""
    for name, found in scores.items():
        cells = [f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" for e in found.values()]
        yield [name, str(counts[name]), *cells]


def as_json(scores: Mapping[str, Mapping[str, Estimate]], counts: Mapping[str, int]) -> dict[str, Any]:
    """The same for machines."""
    return {
        name: {"n": counts[name]} | {key: [e.value, e.low, e.high] for key, e in found.items()}
        for name, found in scores.items()
    }
