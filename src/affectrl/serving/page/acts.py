"""What happens when a button is pressed: from what a browser sent to a piece of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from contextlib import ExitStack
from functools import wraps
from html import escape
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import gradio as gr

from affectrl.answers.prediction import Prediction
from affectrl.data.clip import Clip
from affectrl.emotions.label_set import label_sets
from affectrl.errors import AffectError, UsageError
from affectrl.inference.windows import windows
from affectrl.serving.adapting import Adaptations
from affectrl.serving.api import late
from affectrl.serving.batcher import Asked, Batcher
from affectrl.serving.desk import finished
from affectrl.serving.intake import choice
from affectrl.serving.page import pieces
from affectrl.serving.runs import reports
from affectrl.serving.service import Service, answered

FORGET_S = 1800
"""After this time files of the page, which its player needs, are deleted; what was shown stays."""
MOST_CLIPS = 32
AUTO_S, AUTO_FROM = 4.0, 3
"""Recordings that make at least so many windows of this length are shown over time."""
FILES = "gradio_api/file="
Act = TypeVar("Act", bound=Callable[..., str])


def told(act: Act) -> Act:
    """What goes wrong becomes a piece of the page that says so."""

    @wraps(act)
    def safe(*given: Any) -> str:
        try:
            return act(*given)
        except AffectError as error:
            return pieces.error(error)

    return safe  # type: ignore[return-value]


class Acts:
    """See the module's text."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.adaptations: Adaptations = service.adaptations
        self.model_name = escape(service.desk.name)

    def models(self) -> list[str]:
        """Names of the models to compare with."""
        return list(finished(self.service.settings.runs))

    def label_sets(self) -> list[tuple[str, str]]:
        """Names for a dropdown."""
        return [(name, name) for name in label_sets()]

    def reports(self) -> list[str]:
        """Names of the runs that have a report."""
        return list(reports(self.service.settings.runs))

    def newest(self) -> tuple[gr.Dropdown, str]:
        """The runs of now, and the report of the newest."""
        found = self.reports()
        first = found[0] if found else None
        return gr.Dropdown(found, value=first), self.report(first)

    @told
    def predict(
        self,
        source: str,
        file: str | None,
        voice: str | None,
        film: str | None,
        words: str,
        labels: str,
        window: str,
        explain: bool,
        hear: bool,
        which: str,
        session: str | None,
    ) -> str:
        """An answer, with a timeline for a long recording."""
        batcher = self._mine(session) if which.startswith("My") else self.service.desk.base
        media = self._media(source, file, voice, film)
        chosen = choice(labels, self.service.limits)
        with ExitStack() as stack:
            kept = self._keep(stack, media)
            (clip,) = self.service.intake.clips(kept, words)
            parts = self._parts(clip, window)
            whole = self.service.ask([clip], Asked(chosen, explain, hear), batcher)
            if parts:
                timeline = self.service.ask(parts, Asked(chosen, transcribe=hear), batcher)
            rows = answered(self._wait(whole))
            over_time = answered(self._wait(timeline)) if parts else []
        shown = "" if media is None else pieces.player(media, _kind(clip), over_time, FILES)
        first, *others = rows
        return pieces.answer(first, player=shown) + "".join(
            pieces.answer(row, title=f"Face {place}") for place, row in enumerate(others, start=2)
        )

    @told
    def compare(
        self,
        source: str,
        file: str | None,
        voice: str | None,
        film: str | None,
        words: str,
        labels: str,
        other: str | None,
    ) -> str:
        """Two models' answers to the same clip."""
        known = finished(self.service.settings.runs)
        if other not in known:
            raise UsageError("no model to compare with was chosen.", hint="Choose one of the runs under “Against”.")
        media = self._media(source, file, voice, film)
        chosen = choice(labels, self.service.limits)
        with ExitStack() as stack:
            (clip,) = self.service.intake.clips(self._keep(stack, media), words)
            asked = Asked(chosen, explain=True)
            first = self.service.ask([clip], asked)
            second = self.service.ask([clip], asked, self.service.desk.of(known[other]))
            rows = [answered(self._wait(future))[0] for future in (first, second)]
        ours, theirs = (
            pieces.answer(row, title=name)
            for row, name in zip(rows, (f"{self.service.desk.name} (shipped)", other), strict=True)
        )
        return f'<div class="aff-pair">{ours}{theirs}</div>'

    def adapt(
        self,
        files: Sequence[str] | None,
        sentences: str,
        votes: float,
        epochs: float,
        lr: str,
        session: str | None,
    ) -> tuple[str | None, str, gr.Timer]:
        """Begin an adaptation; an earlier one of the same tab is removed."""
        try:
            clips = self._clips(files or [], sentences)
            running = self.adaptations.get(session)
            if running is not None and running.running:
                raise UsageError("your adaptation is still running.", hint="Stop it first.")
            self.forget(session)
            with ExitStack() as stack:
                named = self._named(stack, clips)
                base = self.service.settings.model
                made = self.adaptations.start(base, named, votes=int(votes), epochs=int(epochs), lr=float(lr))
                made.keep(stack.pop_all())
        except AffectError as error:
            return session, pieces.error(error), gr.Timer(active=False)
        return made.id, pieces.course(made.course()), gr.Timer(active=True)

    def watch(self, session: str | None) -> tuple[str, gr.Timer]:
        """How far it is."""
        found = self.adaptations.get(session)
        if found is None:
            return pieces.error(UsageError("your adaptation is gone.", hint="Start it anew.")), gr.Timer(active=False)
        course = found.course()
        return pieces.course(course), gr.Timer(active=course.state == "running")

    def stop(self, session: str | None) -> None:
        """End it after its step."""
        found = self.adaptations.get(session)
        if found is not None:
            found.stop()

    def roll_back(self, session: str | None) -> tuple[None, str, gr.Timer]:
        """Remove it, so that the model answers as it was shipped."""
        there = self.adaptations.get(session) is not None
        self.forget(session)
        said = "The adapted model is removed; answers are as shipped again." if there else "There is nothing to undo."
        return None, f'<div class="aff-card" role="status"><p>{said}</p></div>', gr.Timer(active=False)

    def forget(self, session: str | None) -> None:
        """A tab was closed, or its adaptation is not wanted any more."""
        found = self.adaptations.get(session)
        if found is not None:
            self.service.desk.forget(found.place)
        self.adaptations.drop(session)

    @told
    def score(self, pred: str | None, ref: str | None, task: str, labels: str) -> str:
        """Scores of two files."""
        if not pred or not ref:
            raise UsageError("two files are needed.", hint="Give predictions and references.")
        with ExitStack() as stack:
            limit = self.service.limits.table_bytes
            ours, theirs = (
                stack.enter_context(self.service.intake.kept(stack.enter_context(open(name, "rb")), limit))
                for name in (pred, ref)
            )
            return pieces.scored(self.service.score(task, ours, theirs, label_set=labels or None))

    def report(self, run: str | None) -> str:
        """A frame around a run's report."""
        if run is None or run not in reports(self.service.settings.runs):
            return '<div class="aff-card aff-empty"><p>Choose a run. Runs of `affectrl train` have reports.</p></div>'
        place, name = quote(run, safe=""), escape(run)
        return (
            f'<p><a href="runs/{place}" target="_blank" rel="noopener">Open the report of {name} by itself</a></p>'
            f'<iframe class="aff-report" sandbox title="Report of {name}" src="runs/{place}"></iframe>'
        )

    def _mine(self, session: str | None) -> Batcher:
        found = self.adaptations.get(session)
        place: Path | None = None if found is None else found.model
        if place is None:
            raise UsageError("you have no adapted model.", hint="Make one in the tab Adapt, or choose “As shipped”.")
        return self.service.desk.of(place)

    @staticmethod
    def _media(source: str, file: str | None, voice: str | None, film: str | None) -> Path | None:
        found = {"file": file, "voice": voice, "film": film}.get(source)
        return Path(found) if found else None

    def _keep(self, stack: ExitStack, media: Path | None) -> Path | None:
        if media is None:
            return None
        handle = stack.enter_context(media.open("rb"))
        return stack.enter_context(self.service.intake.kept(handle, self.service.limits.body_bytes))

    def _parts(self, clip: Clip, window: str) -> list[Clip]:
        if window == "none" or (clip.video or clip.audio) is None:
            return []
        parts = windows(clip, AUTO_S if window == "auto" else float(window))
        if len(parts) > self.service.limits.windows:
            raise UsageError("the recording is too long for such short windows.", hint="Take longer ones.")
        return parts if len(parts) >= (AUTO_FROM if window == "auto" else 2) else []

    def _wait(self, future: Future[list[Prediction]]) -> list[Prediction]:
        try:
            return future.result(self.service.limits.timeout_s)
        except TooLate:
            future.cancel()
            raise late(self.service.limits.timeout_s) from None

    def _clips(self, files: Sequence[str], sentences: str) -> list[tuple[str, Path | None, str | None]]:
        found: list[tuple[str, Path | None, str | None]] = [(Path(name).name, Path(name), None) for name in files]
        found += [(line.strip()[:60], None, line) for line in sentences.splitlines() if line.strip()]
        if not 2 <= len(found) <= MOST_CLIPS:
            raise UsageError(
                f"{len(found)} clips were given.", code="adapt_clips", hint=f"Give 2 to {MOST_CLIPS}; more help more."
            )
        return found

    def _named(self, stack: ExitStack, given: Sequence[tuple[str, Path | None, str | None]]) -> list[Clip]:
        clips = []
        for place, (name, media, text) in enumerate(given, start=1):
            try:
                (clip,) = self.service.intake.clips(self._keep(stack, media), text)
            except AffectError as error:
                raise UsageError(f"{name} {error.message}", code=error.code, hint=error.hint) from error
            clips.append(clip.model_copy(update={"id": f"{place}. {name}"}))
        return clips


def _kind(clip: Clip) -> str:
    return "image" if clip.image is not None else "video" if clip.video is not None else "audio"
