"""Many requests, one model: what waits is answered together, in batches that one thread runs.

A request is of one clip or of a recording's windows. Each round takes clips of the requests that ask the same thing
(labels, explanations, words), one of each in turn, until a batch is full; so a long recording delays nobody by more
than a batch, and requests that come while a batch runs share the next one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Condition, Thread

from affectrl import paths
from affectrl.answers.prediction import Prediction
from affectrl.data.clip import Clip
from affectrl.errors import UsageError
from affectrl.inference.model import EmotionModel
from affectrl.inference.transcript import Transcriber
from affectrl.serving.figures import Figures
from affectrl.serving.limits import Limits
from affectrl.serving.problems import Busy

Rows = list[Prediction]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about a request's clips; requests that ask the same share batches."""

    labels: tuple[str, ...] | None = None
    """A closed choice."""
    explain: bool = False
    """Say what each modality gave."""
    transcribe: bool = False
    """Hear the words."""


@dataclass(eq=False)
class _Job:
    clips: Sequence[Clip]
    asked: Asked
    future: Future[Rows] = field(default_factory=Future)
    rows: list[Rows] = field(default_factory=list)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class Batcher:
    """See the module's text.

    Args:
        model: Only this object's thread calls it.
        limits: ``batch`` and ``waiting``.
        figures: Told of batches and of what waits.
    """

    def __init__(self, model: EmotionModel, limits: Limits, figures: Figures) -> None:
        self.model, self.limits, self.figures = model, limits, figures
        # What strangers say is remembered no longer than the features of their uploads.
        self.ear = Transcriber(model.extractor.cache)
        self._jobs: list[_Job] = []
        self._changed = Condition()
        self._closed = False
        self._clip_s = 0.5
        self._thread = Thread(target=self._run, name="affectrl-model", daemon=True)
        self._thread.start()

    def submit(self, clips: Sequence[Clip], asked: Asked) -> Future[Rows]:
        """Predictions of the clips, in their order; cancelling the future takes the request out of the row.

        Raises:
            Busy: As many requests wait as may.
        """
        job = _Job(clips, asked)
        with self._changed:
            self._sweep()
            if self._closed or len(self._jobs) >= self.limits.waiting:
                raise Busy(self._clip_s * sum(len(each.clips) - len(each.rows) for each in self._jobs))
            self._jobs.append(job)
            self._changed.notify()
        return job.future

    def close(self) -> None:
        """Finish the batch that runs, refuse what waits, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()
        for job in self._jobs:
            job.fail(Busy(5))

    def _sweep(self) -> None:
        self._jobs = [job for job in self._jobs if not job.future.done()]
        self.figures.waiting.set(len(self._jobs))

    def _run(self) -> None:
        while True:
            with self._changed:
                self._sweep()
                while not self._jobs and not self._closed:
                    self._changed.wait()
                    self._sweep()
                if self._closed:
                    return
                turns = self._turns()
            self._answer(turns)
            paths.remove(self.model.extractor.cache.folder)

    def _turns(self) -> list[tuple[_Job, int]]:
        """Whose how many next clips make the batch."""
        same = [job for job in self._jobs if job.asked == self._jobs[0].asked]
        counts = dict.fromkeys(same, 0)
        room = self.limits.batch
        while room and (open_ := [job for job in same if len(job.rows) + counts[job] < len(job.clips)]):
            for job in open_[:room]:
                counts[job] += 1
            room -= min(room, len(open_))
        # Those that had a turn go to the end, so that others' questions are asked as well.
        self._jobs = [job for job in self._jobs if not counts.get(job)] + [job for job in same if counts[job]]
        return [(job, count) for job, count in counts.items() if count]

    def _answer(self, turns: list[tuple[_Job, int]]) -> None:
        parts = [job.clips[len(job.rows) : len(job.rows) + count] for job, count in turns]
        clips = [clip for part in parts for clip in part]
        self.figures.batches.observe(len(clips))
        start = time.monotonic()
        asked = turns[0][0].asked
        hear = self.ear.afresh() if asked.transcribe else None
        try:
            stream = self.model.stream(
                clips, labels=asked.labels, batch_size=len(clips), explain=asked.explain, transcriber=hear
            )
            found = list(stream)
        except Exception as error:
            self._failed(turns, error)
            return
        self._clip_s += 0.2 * ((time.monotonic() - start) / len(clips) - self._clip_s)
        at = 0
        for job, count in turns:
            job.rows += found[at : at + count]
            at += count
            if len(job.rows) == len(job.clips):
                # The client may give up at this very moment.
                with suppress(Exception):
                    job.future.set_result([row for rows in job.rows for row in rows])

    def _failed(self, turns: list[tuple[_Job, int]], error: Exception) -> None:
        """One request must not fail another: each is tried alone, and told what is wrong with it."""
        if len(turns) > 1:
            for turn in turns:
                self._answer([turn])
            return
        if not isinstance(error, UsageError):
            _log.error("a batch failed", exc_info=error)
        turns[0][0].fail(error)
