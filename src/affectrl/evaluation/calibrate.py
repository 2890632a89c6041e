"""How far a model's closed choices can be trusted, before and after scaling, on clips that the scaling has not seen.

The figure "after" is cross-validated: each clip's probability comes from a scaling fitted without it, and without its
speaker where speakers are known. The scaling that is kept is then fitted to all clips.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from affectrl.answers.parser import plain
from affectrl.data.clip import Clip
from affectrl.data.content import fingerprint
from affectrl.errors import AffectError, DataError, UsageError
from affectrl.inference.answering import choice_logprobs
from affectrl.inference.calibration import Calibration
from affectrl.inference.model import EmotionModel
from affectrl.metrics import scaling
from affectrl.metrics.calibration import brier, ece_by_chance, ece_interval
from affectrl.metrics.intervals import Estimate, clusters
from affectrl.metrics.scaling import Method, Scaling
from affectrl.models.features import extract_all
from affectrl.models.task import Task

Asked = Literal["auto", "temperature", "vector"]
Floats = NDArray[np.float64]
LEAST_A_FOLD = 5
"""Clips below which a fold is refused: a scaling of so few is chance."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What a model says of labelled clips."""

    labels: tuple[str, ...]
    logprobs: Floats
    """(N, K): of each label, before any scaling."""
    truth: NDArray[np.int_]
    """(N,): which label is right."""
    ids: list[str]
    speakers: list[str | None]
    skipped: list[dict[str, str]]
    """Clips that could not be read: ``id``, ``code``, ``message``."""
    data: str
    """What tells this set from others."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How good probabilities are; :mod:`affectrl.metrics.calibration` says what each figure means."""

    ece: Estimate
    by_chance: float
    """Error of a perfectly calibrated model that states these confidences."""
    brier: float
    log_loss: float
    """Mean negative log-likelihood of the right label, in nats."""
    accuracy: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was fitted, and what it does."""

    calibration: Calibration
    folds: int
    by_speaker: bool
    """Whether no speaker was in two folds."""
    before: Quality
    after: Quality
    """Cross-validated."""
    log_loss: dict[str, float]
    """Cross-validated, of each method that was tried."""
    confidence: dict[str, Floats]
    """``before`` and ``after`` (cross-validated): of each clip's best label, (N,)."""
    correct: dict[str, NDArray[np.bool_]]
    """Likewise: whether that is right."""

    def measured(self, scores: Scores) -> dict[str, Any]:
        """The account that stands in the model's ``calibration.json``."""
        return {
            "data": scores.data,
            "clips": len(scores.truth),
            "folds": self.folds,
            "folds_by_speaker": self.by_speaker,
            "before": asdict(self.before),
            "after_cross_validated": asdict(self.after),
            "log_loss_of_methods": self.log_loss,
        }


def ask(
    model: EmotionModel,
    clips: Sequence[Clip],
    labels: Sequence[str] | None,
    *,
    batch_size: int = 16,
    advance: Callable[[str], None] = lambda _: None,
) -> Scores:
    """Every label's log-probability for every clip.

    Args:
        model: Its own calibration, if any, is left aside.
        clips: With labels; the first of each counts.
        labels: The choice; ``None`` is the one that the model was trained for.
        batch_size: Clips in one forward pass.
        advance: Called after each clip.

    Raises:
        UsageError: ``labels_invalid``: no choice was named, and the model has none.
        DataError: ``unknown_labels``: a clip's label is none of them. ``no_clips``: none can be read.
    """
    choice = tuple(labels or model.task.labels or ())
    if not choice:
        raise UsageError(
            "the model answers with any words, so it has no closed choice to calibrate.",
            code="labels_invalid",
            hint="Name one: --labels happy,sad,neutral.",
        )
    if strange := sorted({plain(clip.labels[0]) for clip in clips} - set(choice)):
        raise DataError(
            f"clips have labels outside of the choice: {', '.join(strange[:5])}.",
            code="unknown_labels",
            hint=f"The choice is {', '.join(choice)}; name another with --labels.",
        )
    task, skipped = Task(model.task.format, choice), []

    def skip(clip: Clip, error: AffectError) -> None:
        skipped.append({"id": clip.id, "code": error.code, "message": str(error)})

    found: list[Floats] = []
    read: list[Clip] = []
    for start in range(0, len(clips), batch_size):
        batch = clips[start : start + batch_size]
        features = list(extract_all(model.extractor, batch, skip))
        if features:
            _, logprobs = choice_logprobs(model.policy, features, task)
            found.append(logprobs.double().cpu().numpy())
            read += [each.clip for each in features]
        for _ in batch:
            advance("")
    if not found:
        raise DataError("none of the clips could be read.", code="no_clips")
    truth = np.array([choice.index(plain(clip.labels[0])) for clip in read])
    speakers = [clip.speaker for clip in read]
    return Scores(choice, np.concatenate(found), truth, [c.id for c in read], speakers, skipped, fingerprint(read))


def calibrate(scores: Scores, *, method: Asked = "auto", folds: int = 5, seed: int = 0) -> Outcome:
    """Fit a scaling, and measure it where it was not fitted.

    Args:
        scores: From :func:`ask`.
        method: ``auto`` takes the temperature unless vector scaling's cross-validated log-loss is lower by more than
            one standard error of their difference.
        folds: Of the cross-validation.
        seed: Of the folds, where speakers do not make them, and of the bootstrap.

    Raises:
        UsageError: ``calibration_few``: too few clips for the folds. ``usage``: no such method, or fewer than 2 folds.
    """
    if method not in get_args(Asked) or folds < 2:
        raise UsageError(
            f"method {method!r} with {folds} folds is none of {', '.join(get_args(Asked))} with at least 2.",
            code="usage",
        )
    count = len(scores.truth)
    if count < LEAST_A_FOLD * folds:
        raise UsageError(
            f"{count} clips are too few for {folds} folds.",
            code="calibration_few",
            hint=f"Give at least {LEAST_A_FOLD * folds}, or fewer --folds.",
        )
    parts, by_speaker = split(scores, folds, seed)
    tried: tuple[Method, ...] = ("temperature", "vector") if method == "auto" else (method,)
    held_out = {name: _held_out(scores, parts, name) for name in tried}
    losses = {name: scaling.negative_log_likelihood(p, scores.truth) for name, p in held_out.items()}
    best: Method = tried[0]
    if method == "auto":
        gain = losses["temperature"] - losses["vector"]
        if gain.mean() > gain.std(ddof=1) / np.sqrt(count):
            best = "vector"
    fitted = scaling.fit(scores.logprobs, scores.truth, best)
    plainly = Scaling("temperature", (1.0,) * len(scores.labels), (0.0,) * len(scores.labels))
    sides = {"before": plainly.probabilities(scores.logprobs), "after": held_out[best]}
    groups = clusters(scores.speakers)
    quality = {name: _quality(p, scores.truth, groups, seed) for name, p in sides.items()}
    return Outcome(
        Calibration(fitted, scores.labels),
        len(parts),
        by_speaker,
        quality["before"],
        quality["after"],
        {name: float(loss.mean()) for name, loss in losses.items()},
        {name: p.max(1) for name, p in sides.items()},
        {name: p.argmax(1) == scores.truth for name, p in sides.items()},
    )


def split(scores: Scores, folds: int, seed: int) -> tuple[list[NDArray[np.int_]], bool]:
    """The clips of each fold, and whether speakers were kept together, which needs as many of them as folds."""
    from sklearn.model_selection import GroupKFold, KFold

    speakers = scores.speakers
    together = all(s is not None for s in speakers) and len(set(speakers)) >= folds
    if together:
        made = GroupKFold(folds).split(scores.logprobs, groups=speakers)
    else:
        made = KFold(folds, shuffle=True, random_state=seed).split(scores.logprobs)
    return [held for _, held in made], together


def _held_out(scores: Scores, parts: Sequence[NDArray[np.int_]], method: Method) -> Floats:
    """Probabilities ``(N, K)``, each clip's by a scaling fitted to the other folds."""
    out = np.empty_like(scores.logprobs)
    for held in parts:
        rest = np.setdiff1d(np.arange(len(scores.truth)), held)
        fitted = scaling.fit(scores.logprobs[rest], scores.truth[rest], method)
        out[held] = fitted.probabilities(scores.logprobs[held])
    return out


def _quality(probabilities: Floats, truth: NDArray[np.int_], groups: Sequence[str] | None, seed: int) -> Quality:
    confidence = np.minimum(probabilities.max(1), 1.0).tolist()
    right = (probabilities.argmax(1) == truth).tolist()
    return Quality(
        ece_interval(confidence, right, groups=groups, seed=seed),
        ece_by_chance(confidence, seed=seed),
        brier(confidence, right),
        float(scaling.negative_log_likelihood(probabilities, truth).mean()),
        float(np.mean(right)),
    )
