"""One run of a head: folds without a speaker on both sides, a prediction for every clip by heads that never saw it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError, validate_call

from affectrl import shelves
from affectrl.errors import DataError, UsageError

HEADS = "affectrl.baselines.heads"
Mode = Literal["fixed", "random"]


@dataclass(frozen=True, slots=True)
class Run:
    """What one seed gave."""

    seed: int
    settings: dict[str, Any]
    """Of the head: the same in the fixed mode, drawn in the random one."""
    held_out: np.ndarray
    """Probabilities ``(N, classes)`` of the training clips, each by the heads of the other folds."""
    test: np.ndarray | None
    """Of the test clips: the mean over the folds' heads."""


def settings_of(head: str, mode: Mode, seed: int, over: Mapping[str, Any]) -> dict[str, Any]:
    """A head's settings in one run.

    Args:
        head: A file of ``baselines/heads``.
        mode: ``fixed`` its own ones; ``random`` one of each of its choices, as the published code does in each run.
        seed: Of the draw.
        over: What was asked for by name; it is neither drawn nor left as it was.

    Raises:
        UsageError: ``baseline_setting``: the head has no such setting; no such head.
    """
    module = shelves.load(HEADS, head)
    if strange := sorted(set(over) - set(module.FIXED)):
        raise UsageError(
            f"the head {head!r} has no setting {strange[0]!r}.",
            code="baseline_setting",
            hint=shelves.nearest(strange[0], module.FIXED),
        )
    settings = dict(module.FIXED)
    if mode == "random":
        draw = np.random.default_rng(seed)
        settings |= {name: choices[int(draw.integers(len(choices)))] for name, choices in module.CHOICES.items()}
    return settings | dict(over)


def folds_of(y: np.ndarray, speakers: Sequence[str | None], n: int, seed: int) -> tuple[list[np.ndarray], bool]:
    """Which clips each fold holds out, classes spread evenly, and whether no speaker is in two of them.

    Speakers are kept together where all are known and there are two or more; with fewer speakers than ``n``, each is a
    fold.

    Args:
        y: Class numbers ``(N,)``.
        speakers: One a clip.
        n: Folds.
        seed: Of the shuffle.

    Raises:
        DataError: ``baseline_classes``: fewer clips than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    known = [speaker for speaker in speakers if speaker is not None]
    apart = len(known) == len(y) and len(set(known)) > 1
    if len(y) < n:
        raise DataError(f"{len(y)} clips cannot be split into {n} folds.", code="baseline_classes", hint="Ask fewer.")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        try:
            if apart:
                by_speaker = StratifiedGroupKFold(min(n, len(set(known))), shuffle=True, random_state=seed)
                return [held for _, held in by_speaker.split(y, y, known)], True
            return [held for _, held in StratifiedKFold(n, shuffle=True, random_state=seed).split(y, y)], False
        except ValueError as error:  # no class has as many clips as there are folds
            raise DataError(
                f"no class has {n} clips, one for each fold.", code="baseline_classes", hint="Ask fewer folds."
            ) from error


def run(
    head: str,
    blocks: Sequence[np.ndarray],
    y: np.ndarray,
    speakers: Sequence[str | None],
    test: Sequence[np.ndarray] | None,
    *,
    folds: int,
    seed: int,
    settings: Mapping[str, Any],
) -> Run:
    """Cross-validate one head. Features are standardized by the clips that a fold learns from.

    Args:
        head: A file of ``baselines/heads``.
        blocks: Features ``(N, D)``, one array a feature; NaN stands for the mean of the clips that have it.
        y: Class numbers ``(N,)``, from 0.
        speakers: One a clip.
        test: Likewise for clips of another set.
        folds: See :func:`folds_of`.
        seed: Of folds and head.
        settings: Of the head.

    Raises:
        DataError: ``baseline_classes``: the clips are of one class, or too few.
        UsageError: ``baseline_setting``: a setting is of a wrong type.
    """
    if len(set(y.tolist())) < 2:
        raise DataError("the clips are all of one class.", code="baseline_classes", hint="Give clips of two or more.")
    held_outs, _ = folds_of(y, speakers, folds, seed)
    classes = int(y.max()) + 1
    held_out = np.zeros((len(y), classes))
    tests = []
    for held in held_outs:
        learn = np.setdiff1d(np.arange(len(y)), held)
        there, renumbered = np.unique(y[learn], return_inverse=True)
        if len(there) < 2:
            raise DataError(
                "a fold learns from clips of one class.", code="baseline_classes", hint="Ask more folds or give clips."
            )
        scalers = [_Scaler(block[learn]) for block in blocks]
        try:
            model = validate_call(shelves.load(HEADS, head).build)(seed, **settings)
        except ValidationError as error:
            told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise UsageError(f"the head {head!r}: {told}.", code="baseline_setting") from error
        model.fit([scale(block[learn]) for scale, block in zip(scalers, blocks, strict=True)], renumbered)
        held_out[np.ix_(held, there)] = model.predict_proba(
            [scale(block[held]) for scale, block in zip(scalers, blocks, strict=True)]
        )
        if test is not None:
            found = np.zeros((len(test[0]), classes))
            found[:, there] = model.predict_proba([scale(b) for scale, b in zip(scalers, test, strict=True)])
            tests.append(found)
    return Run(seed, dict(settings), held_out, np.mean(tests, 0) if tests else None)


class _Scaler:
    """To zero mean and unit variance; what is missing becomes the mean, which is zero."""

    def __init__(self, block: np.ndarray) -> None:
        from sklearn.preprocessing import StandardScaler

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a fold may lack a modality altogether
            self._scaler = StandardScaler().fit(block)

    def __call__(self, block: np.ndarray) -> np.ndarray:
        return np.nan_to_num(self._scaler.transform(block), nan=0.0).astype(np.float32)
