"""What a server can do, whoever asks: the API and the page call the same two methods."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import BoundedSemaphore
from typing import BinaryIO

from affectrl import shelves
from affectrl.answers.prediction import Prediction
from affectrl.data.clip import Clip
from affectrl.emotions.label_set import label_sets
from affectrl.errors import DataError, MediaError, UsageError
from affectrl.scoring.files import Table, read
from affectrl.scoring.result import Result
from affectrl.scoring.score import TASKS, score
from affectrl.serving.adapting import Adaptations
from affectrl.serving.batcher import Asked, Batcher
from affectrl.serving.desk import Desk
from affectrl.serving.figures import Figures
from affectrl.serving.intake import Intake
from affectrl.serving.limits import Limits
from affectrl.serving.problems import Busy

SCORERS = 2
"""Files that are scored at one time."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server is set up."""

    model: str | Path
    runs: Path | None = None
    """Folder of run folders whose reports are shown and whose models can be compared."""
    limits: Limits = field(default_factory=Limits)
    token: str | None = None
    local: bool = True
    """Whether only this machine can reach the server."""
    page: bool = True
    """Whether there is a page for people, beside the API."""
    scratch: Path | None = None
    """Where the private folder of uploads is made; the system's place for temporary files by default."""


class Service:
    """Models, uploads and figures of one server."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.limits = settings, settings.limits
        self.figures = Figures()
        self.intake = Intake(self.limits, settings.scratch)
        try:
            self.desk = Desk(settings.model, self.limits, self.figures, self.intake.path)
        except BaseException:
            self.intake.close()
            raise
        self.adaptations = Adaptations(self.intake.path)
        self._scorers = BoundedSemaphore(SCORERS)

    def close(self) -> None:
        """End the models' threads and what is being adapted, and remove every upload."""
        self.adaptations.close()
        self.desk.close()
        self.intake.close()

    def ask(self, clips: Sequence[Clip], asked: Asked, batcher: Batcher | None = None) -> Future[list[Prediction]]:
        """Predictions to come; see :meth:`affectrl.serving.batcher.Batcher.submit`.

        Raises:
            ModelError: ``transcriber_missing``, ``weights_missing``: words are to be heard, and cannot be here.
        """
        asks = batcher or self.desk.base
        if asked.transcribe:
            asks.ear.prepare()
        return asks.submit(clips, asked)

    def table(self, handle: BinaryIO, name: str) -> AbstractContextManager[Path]:
        """A file of predictions or references, kept for as long as it is read."""
        return self.intake.kept(handle, self.limits.table_bytes)

    def score(
        self,
        task: str,
        pred: Path,
        ref: Path,
        *,
        mode: str | None = None,
        label_set: str | None = None,
        by: str | None = None,
        missing: str = "error",
        resamples: int = 1000,
        seed: int = 0,
    ) -> Result:
        """As ``affectrl score``, without what reads other files of the server.

        Raises:
            AffectError: As :func:`affectrl.scoring.score.score`.
            UsageError: ``score_too_long``; ``score_option``.
            Busy: As many files are being scored as may.
        """
        if not 0 <= resamples <= self.limits.resamples:
            raise UsageError(
                f"{resamples} resamples were asked for.",
                code="score_option",
                hint=f"Give 0 to {self.limits.resamples}.",
            )
        if label_set and label_set not in label_sets():
            raise UsageError(
                "there is no such label set.", code="unknown_name", hint=f"Known: {', '.join(label_sets())}."
            )
        if task not in shelves.names(TASKS):
            raise UsageError(
                "there is no such task.", code="unknown_name", hint=f"Known: {', '.join(shelves.names(TASKS))}."
            )
        if not self._scorers.acquire(timeout=self.limits.timeout_s / 4):
            raise Busy(5)
        try:
            return score(
                task,
                self._read(pred, "predictions"),
                self._read(ref, "references"),
                mode=mode or None,
                label_set=label_set or None,
                by=by or None,
                missing=missing,  # type: ignore[arg-type]  # score() checks it
                resamples=resamples,
                seed=seed,
            )
        finally:
            self._scorers.release()

    def _read(self, file: Path, name: str) -> Table:
        """A table by what it holds: JSON lines, or else CSV."""
        head = file.open("rb").read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
        named = file.with_name(file.name + (".jsonl" if head.startswith((b"{", b"[")) else ".csv"))
        file.rename(named)
        try:
            table = read(named)
        except DataError as error:
            raise DataError(f"the {name}: {error.message}", code=error.code, hint=error.hint) from error
        finally:
            named.unlink(missing_ok=True)
        if len(table) > self.limits.rows:
            raise UsageError(
                f"the {name} have {len(table)} rows, and {self.limits.rows} are taken.",
                code="score_too_long",
                hint="Use `affectrl score`.",
            )
        return Table(name, table.columns, table.lines, table.sha256, table.place)


def answered(rows: Sequence[Prediction]) -> list[Prediction]:
    """Rows without the server's paths.

    Raises:
        MediaError: The only clip, or every window, could not be read.
    """
    clean = [_nameless(row) for row in rows]
    if clean and all(row.error is not None for row in clean):
        assert clean[0].error is not None
        raise MediaError(clean[0].error["message"], code=clean[0].error["code"])
    return clean


def _nameless(row: Prediction) -> Prediction:
    error = row.error
    if error is not None and row.path is not None:
        error = {"code": error["code"], "message": error["message"].removeprefix(f"{row.path}: ")}
    return replace(row, path=None, error=error)
