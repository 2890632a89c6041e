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
from affectrl.inference import calibration
from affectrl.inference.answering import answer, choose
from affectrl.inference.calibration import Calibration
from affectrl.inference.inputs import collect
from affectrl.inference.parts import with_parts
from affectrl.inference.shares import explained
from affectrl.inference.transcript import Transcriber, noted
from affectrl.models import checkpoint, hub, weights
from affectrl.models.family import Extractor
from affectrl.models.features import ClipFeatures
from affectrl.models.language import Policy
from affectrl.models.merged import save_merged
from affectrl.models.task import Task

BATCH_SIZE = 8
PACKAGED = "affectrl-nano"


class EmotionModel:
    """A trained model, ready to answer. Get one with :func:`load`."""

    def __init__(
        self, policy: Policy, task: Task, extractor: Extractor, calibration: Calibration | None = None
    ) -> None:
        self.policy, self.task, self.extractor, self.calibration = policy, task, extractor, calibration

    @classmethod
    def from_pretrained(cls, place: str | Path) -> EmotionModel:
        """A model from a folder, a run folder, or the Hugging Face hub (``ORG/NAME``, or ``hub:ORG/NAME``).

        Raises:
            ModelError: Nothing is there, a file is missing or damaged, or the hub cannot be reached.
        """
        folder = checkpoint.fetch(place)
        return cls(*checkpoint.load(folder), calibration.read(folder))

    def save_pretrained(self, folder: str | Path, *, merge: bool = False) -> None:
        """Write a model folder, all or nothing: adapter and projections, or the whole model with ``merge``.

        A calibration goes with it, without the account of its measurement.

        Raises:
            ModelError: ``merge_impossible``.
        """
        save = save_merged if merge else checkpoint.save
        save(self.policy, self.task, Path(folder))
        if self.calibration is not None:
            calibration.write(Path(folder), self.calibration, {})

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
        parts: bool = False,
        transcribe: bool = False,
    ) -> list[Prediction]:
        """What the person feels, clip by clip, in the order given.

        Args:
            inputs: Media files, folders, globs, manifests or clips.
            text: What was said, for a single clip.
            labels: A closed choice; each label's exact probability is then in ``scores``. By default a model whose
                format says its labels first takes its own choice, and others write what they think.
            batch_size: Clips in one forward pass.
            explain: Say what each modality gave to each answer, in ``shares``: up to eight more answers a clip.
            parts: Say also which words, seconds of sound, frames and regions of the face mattered, in ``parts``: an
                answer each.
            transcribe: Hear the words of the recordings (English only), keep them in ``transcript``, and read them
                where a clip has no text.

        Returns:
            One prediction a clip (one a face with ``who: each``). A clip that cannot be read has ``error`` set; it
            never raises.

        Raises:
            UsageError: No input, or a wrong choice of labels.
            ModelError: ``transcriber_missing``, ``weights_missing``: words cannot be heard here.
        """
        single = isinstance(inputs, (str, Path, Clip))
        items = collect([inputs] if single else inputs, text)  # type: ignore[list-item, arg-type]
        transcriber = Transcriber() if transcribe else None
        stream = self.stream(
            items, labels=labels, batch_size=batch_size, explain=explain, parts=parts, transcriber=transcriber
        )
        return [row for rows in stream for row in rows]

    def stream(
        self,
        items: Sequence[Clip | Prediction],
        *,
        labels: Sequence[str] | None = None,
        batch_size: int = BATCH_SIZE,
        explain: bool = False,
        parts: bool = False,
        transcriber: Transcriber | None = None,
    ) -> Iterator[list[Prediction]]:
        """Predictions as they come, a list for each item."""
        if transcriber is not None:
            transcriber.prepare()
            transcriber.expect(items)
        task = self.task if labels is None else self.task.among(check_labels(labels))
        # With the labels first, a choice costs less than an answer that is written, and tells more.
        closed = labels is not None or task.explains_choice
        for start in range(0, len(items), batch_size):
            heard = [_heard(item, transcriber) for item in items[start : start + batch_size]]
            batch = [item for item, _ in heard]
            done = self._batch(batch, task, closed=closed, explain=explain, parts=parts)
            for rows, (_, words) in zip(done, heard, strict=True):
                yield [noted(row, words) for row in rows]

    def _batch(
        self, items: Sequence[Clip | Prediction], task: Task, *, closed: bool, explain: bool, parts: bool
    ) -> list[list[Prediction]]:
        rows: list[list[Prediction | ClipFeatures]] = [self.features(item) for item in items]
        ready = [row for group in rows for row in group if isinstance(row, ClipFeatures)]
        scale = self.calibration if closed else None
        found: list[Prediction] = []
        if ready:
            found = choose(self.policy, ready, task, calibration=scale) if closed else answer(self.policy, ready, task)
        if explain:
            found = explained(self.policy, ready, found, task, scale)
        if parts:
            found = with_parts(self.policy, self.extractor, ready, found, task, scale)
        answers = iter(found)
        return [[next(answers) if isinstance(row, ClipFeatures) else row for row in group] for group in rows]

    def features(self, item: Clip | Prediction) -> list[Prediction | ClipFeatures]:
        """What the model gets of an item: one entry, or one a face; a failed prediction if it cannot be read."""
        if isinstance(item, Prediction):
            return [item]
        try:
            return list(self.extractor.extract(item))
        except AffectError as error:
            return [failed(item.id, item.path, error, start=item.start, end=item.end)]


def _heard(item: Clip | Prediction, transcriber: Transcriber | None) -> tuple[Clip | Prediction, str | None]:
    """A clip with its words, and these; one that cannot be heard is a failed prediction."""
    if transcriber is None or isinstance(item, Prediction):
        return item, None
    try:
        return transcriber.transcribed(item)
    except AffectError as error:
        return failed(item.id, item.path, error, start=item.start, end=item.end), None


def load(place: str | Path) -> EmotionModel:
    """Load a model from a run folder (``runs/NAME``), a model folder, or the Hugging Face hub (``ORG/NAME``).

    Raises:
        ModelError: As :meth:`EmotionModel.from_pretrained`.
    """
    return EmotionModel.from_pretrained(place)


def default_model() -> Path:
    """``$AFFECTRL_MODEL``, else the newest run in ``runs/`` that holds a finished model, else the packaged one.

    Raises:
        ModelError: ``model_missing``: none of them is there.
    """
    if named := os.environ.get("AFFECTRL_MODEL"):
        return Path(named)
    finished = sorted(Path("runs").glob(f"*/model/{checkpoint.CARD}"), key=lambda card: card.stat().st_mtime)
    if finished:
        return finished[-1].parents[1]
    if (packaged := weights.own(PACKAGED)) is not None and (packaged / checkpoint.CARD).is_file():
        return Path(PACKAGED)
    raise ModelError(
        "no model was named, and runs/ holds none.",
        code="model_missing",
        hint="Give --model, set AFFECTRL_MODEL, or train one: affectrl train first-light.",
    )
