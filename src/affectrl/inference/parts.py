"""Which words, seconds, frames and regions an answer rests on: each is hidden once, and the answer's label asked again.

What a part gave is the probability of the label with all of the clip minus that without the part; negative where the
part spoke against it. Unlike the modalities' shares these do not sum to anything: of two words that say the same,
neither is missed alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from affectrl.answers.prediction import Prediction
from affectrl.errors import AffectError, Note
from affectrl.inference.calibration import Calibration
from affectrl.inference.shares import worths
from affectrl.models.features import ClipFeatures
from affectrl.models.language import Policy
from affectrl.models.occlusion import KINDS, Hidden, hidden
from affectrl.models.task import Task

DIGITS = 6


def with_parts(
    policy: Policy,
    extractor: object,
    clips: Sequence[ClipFeatures],
    answers: Sequence[Prediction],
    task: Task,
    calibration: Calibration | None = None,
    *,
    batch_size: int = 8,
) -> list[Prediction]:
    """The answers with their ``parts``; one that could not be read has none.

    Args:
        policy: In evaluation mode.
        extractor: What made ``clips``; sound and pictures are encoded anew by it, each part once for all calls.
        clips: B.
        answers: B.
        task: How they were asked.
        calibration: What the answers' probabilities were calibrated by.
        batch_size: Clips, each with one part hidden, in one forward pass.
    """
    out = list(answers)
    for i, (clip, said) in enumerate(zip(clips, answers, strict=True)):
        if said.top is None:
            continue
        try:
            cases = hidden(clip, extractor)
        except AffectError as error:  # its features were remembered, but the file has gone
            out[i] = replace(said, notes=(*said.notes, Note(error.code, str(error))))
            continue
        asked = [clip, *(case.clip for case in cases)]
        found = worths(policy, asked, [said.top] * len(asked), task, batch_size=batch_size, calibration=calibration)
        whole, rest = found[0][0], [worth for worth, _ in found[1:]]
        out[i] = replace(said, parts=_told(cases, [whole - worth for worth in rest]))
    return out


def _told(cases: Sequence[Hidden], gave: Sequence[float]) -> dict[str, list[dict[str, Any]]]:
    pairs = list(zip(cases, gave, strict=True))
    told = {kind: [c.place | {"gave": round(g, DIGITS)} for c, g in pairs if c.kind == kind] for kind in KINDS}
    return {kind: rows for kind, rows in told.items() if rows}
