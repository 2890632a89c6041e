"""The three lines that people start with: load a model, give it files, get typed results."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from affectrl.answers.choice import check_labels
from affectrl.answers.prediction import Prediction, failed
from affectrl.data.clip import Clip
from affectrl.errors import AffectError, ModelError
from affectrl.inference.answering import answer, choose
from affectrl.inference.inputs import collect
from affectrl.inference.shares import explained
from affectrl.models import checkpoint, hub
from affectrl.models.family import Extractor
from affectrl.models.features import ClipFeatures
from affectrl.models.language import Policy
from affectrl.models.merged import save_merged
from affectrl.models.task import Task

BATCH_SIZE = 8


class EmotionModel:
    """A trained model, ready to answer. Get one with :func:`load`."""

    def __init__(self, policy: Policy, task: Task, extractor: Extractor) -> None:
        self.policy, self.task, self.extractor = policy, task, extractor

    @classmethod
    def from_pretrained(cls, place: str | Path) -> EmotionModel:
        """A model from a folder, a run folder, or the Hugging Face hub (``ORG/NAME``, or ``hub:ORG/NAME``).

        Raises:
            ModelError: Nothing is there, a file is missing or damaged, or the hub cannot be reached.
        """
        return cls(*checkpoint.load(hub.fetched(place)))

    def save_pretrained(self, folder: str | Path, *, merge: bool = False) -> None:
        """Write a model folder, all or nothing: adapter and projections, or the whole model with ``merge``.

        Raises:
            ModelError: ``merge_impossible``.
        """
        save = save_merged if merge else checkpoint.save
        save(self.policy, self.task, Path(folder))

    def push_to_hub(self, repo: str, *, private: bool = False, merge: bool = False) -> str:
        """Upload the model folder without a card, and give its address; ``affectrl share`` writes a card from a run.

        Raises:
            ModelError: The hub refuses or cannot be reached; ``backbone_local``: nobody else has its backbone.
        """
        if not merge:
            checkpoint.check_portable(self.policy.spec)
        with TemporaryDirectory() as scratch:
            self.save_pretrained(folder := Path(scratch) / "model", merge=merge)
            return hub.upload(folder, repo.removeprefix(hub.PREFIX), private=private)

    def predict(
        self,
        inputs: str | Path | Clip | Sequence[str | Path | Clip] = (),
        *,
        text: str | None = None,
        labels: Sequence[str] | None = None,
        batch_size: int = BATCH_SIZE,
        explain: bool = False,
    ) -> list[Prediction]:
        """What the person feels, clip by clip, in the order given.

        Args:
            inputs: Media files, folders, globs, manifests or clips.
            text: What was said, for a single clip.
            labels: A closed choice; each label's exact probability is then in ``scores``.
            batch_size: Clips in one forward pass.
            explain: Say what each modality gave to each answer, in ``shares``: up to eight more answers a clip.

        Returns:
            One prediction a clip (one a face with ``who: each``). A clip that cannot be read has ``error`` set; it
            never raises.

        Raises:
            UsageError: No input, or a wrong choice of labels.
        """
        single = isinstance(inputs, (str, Path, Clip))
        items = collect([inputs] if single else inputs, text)  # type: ignore[list-item, arg-type]
        stream = self.stream(items, labels=labels, batch_size=batch_size, explain=explain)
        return [row for rows in stream for row in rows]

    def stream(
        self,
        items: Sequence[Clip | Prediction],
        *,
        labels: Sequence[str] | None = None,
        batch_size: int = BATCH_SIZE,
        explain: bool = False,
    ) -> Iterator[list[Prediction]]:
        """Predictions as they come, a list for each item."""
        task = Task(self.task.format, check_labels(labels)) if labels is not None else self.task
        for start in range(0, len(items), batch_size):
            yield from self._batch(items[start : start + batch_size], task, closed=labels is not None, explain=explain)

    def _batch(
        self, items: Sequence[Clip | Prediction], task: Task, *, closed: bool, explain: bool
    ) -> list[list[Prediction]]:
        rows: list[list[Prediction | ClipFeatures]] = [self._features(item) for item in items]
        ready = [row for group in rows for row in group if isinstance(row, ClipFeatures)]
        found = (choose if closed else answer)(self.policy, ready, task) if ready else []
        answers = iter(explained(self.policy, ready, found, task) if explain else found)
        return [[next(answers) if isinstance(row, ClipFeatures) else row for row in group] for group in rows]

    def _features(self, item: Clip | Prediction) -> list[Prediction | ClipFeatures]:
        if isinstance(item, Prediction):
            return [item]
        try:
            return list(self.extractor.extract(item))
        except AffectError as error:
            return [failed(item.id, item.path, error)]


def load(place: str | Path) -> EmotionModel:
    """Load a model from a run folder (``runs/NAME``), a model folder, or the Hugging Face hub (``ORG/NAME``).

    Raises:
        ModelError: As :meth:`EmotionModel.from_pretrained`.
    """
    return EmotionModel.from_pretrained(place)


def default_model() -> Path:
    """``$AFFECTRL_MODEL``, else the newest run in ``runs/`` that holds a finished model.

    Raises:
        ModelError: ``model_missing``: neither is there.
    """
    if named := os.environ.get("AFFECTRL_MODEL"):
        return Path(named)
    finished = sorted(Path("runs").glob(f"*/model/{checkpoint.CARD}"), key=lambda card: card.stat().st_mtime)
    if finished:
        return finished[-1].parents[1]
    raise ModelError(
        "no model was named, and runs/ holds none.",
        code="model_missing",
        hint="Give --model, set AFFECTRL_MODEL, or train one: affectrl train first-light.",
    )
