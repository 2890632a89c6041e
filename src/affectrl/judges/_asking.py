"""Asking a judge, carefully: every question once, answers kept on disk, and what fails is missing, never 0."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError, validate_call

from affectrl import paths, shelves
from affectrl.data.content import media_hashes
from affectrl.errors import AffectError, MediaError, RecipeError
from affectrl.judges._question import Answerer, Failure, Question, Reply

if TYPE_CHECKING:
    from affectrl.models.features import ClipFeatures
    from affectrl.recipes.learning import JudgeSpec

_GIVEN = ("policy", "timeout_s")
VERSION = "1"
"""Part of every entry's name: raised when the same question would be put to a judge in another way."""


@dataclass(slots=True)
class Counts:
    """What has become of the questions so far."""

    asked: int = 0
    """Questions that the judge really got."""
    cached: int = 0
    """Questions that were answered from disk."""
    repeated: int = 0
    """Questions that stood in the same call already."""
    failed: Counter[str] = field(default_factory=Counter)
    """Questions without an answer, by reason."""


class Asking:
    """A judge with a cache before it; it is a judge itself.

    Args:
        judge: Who answers.
        folder: Where answers are kept; by default ``judge`` under :func:`affectrl.paths.home`.
    """

    def __init__(self, judge: Answerer, folder: Path | None = None) -> None:
        self.judge = judge
        self.folder = paths.home() / "judge" if folder is None else folder
        self.counts = Counts()
        self._told = False
        self._logged: dict[str, int] = {}

    @property
    def key(self) -> str | None:
        """The judge's own."""
        return self.judge.key

    def answer(self, questions: Sequence[Question]) -> list[str | None]:
        """One answer a question; ``None`` where the judge failed, with the reason in ``counts.failed``.

        The first failure of a run is told on standard error, in one line; later ones are only counted.

        Raises:
            AffectError: The judge says that it can never answer.
        """
        names = [self._name(question) for question in questions]
        first: dict[str, int] = {}
        for i, name in enumerate(names):
            first.setdefault(name, i)
        known = {name: answer for name in first if (answer := self._read(name)) is not None}
        wanted = [name for name in first if name not in known]
        if wanted:
            for name, reply in zip(wanted, self._ask([questions[first[name]] for name in wanted]), strict=True):
                if isinstance(reply, str):
                    known[name] = reply
                    self._keep(name, reply)
        self.counts.asked += len(wanted)
        self.counts.cached += len(first) - len(wanted)
        self.counts.repeated += len(questions) - len(first)
        return [known.get(name) for name in names]

    def scalars(self) -> dict[str, float]:
        """What is new in the counts since the last call, for the log of a step.

        ``judge/asked``, ``judge/cached``, ``judge/repeated`` and ``judge/failed``.
        """
        counts, before = self.counts, self._logged
        now = {"asked": counts.asked, "cached": counts.cached, "repeated": counts.repeated}
        self._logged = now | {"failed": counts.failed.total()}
        return {f"judge/{name}": float(n - before.get(name, 0)) for name, n in self._logged.items()}

    def _ask(self, questions: list[Question]) -> list[Reply]:
        detail = ""
        try:
            replies = list(self.judge.answer(questions))
            if len(replies) != len(questions):
                replies = [Failure(f"{len(replies)} answers to {len(questions)} questions")] * len(questions)
        except AffectError:
            raise
        except Exception as error:  # whatever a judge of somebody else's may raise
            replies = [Failure(type(error).__name__)] * len(questions)
            detail = " ".join(f": {error}".split()).rstrip(".:")
        failed = Counter(r.reason if r else "no answer" for r in replies if not isinstance(r, str))
        self.counts.failed += failed
        if failed and not self._told:
            self._told = True
            reasons = ", ".join(f"{reason} {n}" for reason, n in failed.most_common())
            print(
                f"affectrl: the judge left {failed.total()} of {len(questions)} questions unanswered "
                f"({reasons}{detail}); they count as missing. Later failures are only counted.",
                file=sys.stderr,
            )
        return replies

    def _name(self, question: Question) -> str:
        """64 hex digits that tell the question, put to this judge, from any other."""
        row = [VERSION, self.key, question.text, question.choices, question.max_new_tokens, _content(question.clip)]
        return hashlib.sha256(json.dumps(row).encode()).hexdigest()

    def _file(self, name: str) -> Path:
        return self.folder / name[:2] / f"{name[2:]}.json"

    def _read(self, name: str) -> str | None:
        if self.key is None:
            return None
        try:
            row = json.loads(self._file(name).read_bytes())
            return row["answer"] if row["name"] == name and isinstance(row["answer"], str) else None
        except (OSError, ValueError, KeyError, TypeError):  # not there, or damaged: then it is asked again
            return None

    def _keep(self, name: str, answer: str) -> None:
        if self.key is None:
            return
        # A full or read-only disk costs the next run time, not this one its answers.
        with suppress(OSError, AffectError), paths.atomic(self._file(name)) as scratch:
            scratch.write_text(json.dumps({"name": name, "answer": answer}), "utf-8")


def make(spec: JudgeSpec, policy: Any = None, *, folder: Path | None = None) -> Asking:
    """The judge of a recipe, behind its cache.

    Args:
        spec: ``rl.judge``.
        policy: What the judge ``policy`` answers with.
        folder: Where answers are kept, when not in the usual place.

    Raises:
        UsageError: ``unknown_name``: no such judge.
        RecipeError: ``rl.judge.settings`` are none of the judge's.
    """
    build = _build(spec)
    try:
        limit = {} if spec.timeout_s is None else {"timeout_s": spec.timeout_s}
        judge = validate_call(build)(policy=policy, **limit, **spec.settings)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RecipeError(f"rl.judge.settings, judge {spec.kind!r}: {told}.") from error
    return Asking(judge, folder)


def check(spec: JudgeSpec) -> None:
    """Refuse what can be known to be wrong before a run, without a policy and without loading weights.

    Raises:
        UsageError: As :func:`make`.
        RecipeError: As :func:`make`, for settings that the judge does not have; for one that is asked over a network
            all that :func:`make` refuses.
    """
    _build(spec)
    if spec.kind not in ("policy", "hf"):
        make(spec)


def _build(spec: JudgeSpec) -> Callable[..., Answerer]:
    build = shelves.load("affectrl.judges", spec.kind).build
    known = [name for name in inspect.signature(build).parameters if name not in _GIVEN]
    if unknown := [name for name in spec.settings if name not in known]:
        hint = shelves.nearest(unknown[0], known)
        raise RecipeError(f"rl.judge.settings: {unknown[0]!r} is no setting of judge {spec.kind!r}.", hint=hint)
    return build


def _content(clip: ClipFeatures | None) -> list[Any] | None:
    """What a judge may see of a clip: its media, cut, words, and which face. Labels are no part of it."""
    if clip is None:
        return None
    about = clip.clip
    try:
        media: Any = media_hashes(about)
    except MediaError:  # the file has moved: what the model got of it still tells it from others
        media = {name: _digest(stream) for name, stream in clip.streams.items()}
    return [media, about.start, about.end, about.use_video_audio, about.text, clip.text, clip.face]


def _digest(stream: Any) -> str:
    return hashlib.sha256(stream.cpu().contiguous().numpy().tobytes()).hexdigest()
