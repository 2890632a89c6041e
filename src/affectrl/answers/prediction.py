"""What a model says about one clip: the row of ``predictions.jsonl`` and the type that Python callers get."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from affectrl.errors import AffectError, Note

LEFT_OUT = (
    *("notes", "scores", "shares", "start", "end"),
    *("transcript", "calibration", "alone", "agreement", "parts"),
)


@dataclass(frozen=True, slots=True)
class Prediction:
    """One clip's answer, or the reason why there is none."""

    id: str
    path: str | None
    emotions: tuple[str, ...] = ()
    """Ranked, the most likely first."""
    top: str | None = None
    confidence: float | None = None
    """Probability in [0, 1] that the model itself gives to ``top``; ``None`` when there is no answer."""
    reasoning: str | None = None
    text: str = ""
    """The model's raw output."""
    modalities: tuple[str, ...] = ()
    """What was really used, after fallbacks: of ``video``, ``audio``, ``image``, ``text``."""
    error: dict[str, str] | None = None
    """``None``, or ``{"code", "message"}``."""
    notes: tuple[Note, ...] = ()
    """Fallbacks on the way, such as ``no_face``."""
    start: float | None = None
    """Where in the file the clip begins, in seconds; ``None`` is the beginning."""
    end: float | None = None
    """Where it ends; ``None`` is the end."""
    scores: dict[str, float] = field(default_factory=dict)
    """With a closed choice: probability of each label."""
    shares: dict[str, float] = field(default_factory=dict)
    """Where asked for: what each of ``audio``, ``vision``, ``text`` added to the probability of ``top``, and its
    probability with ``nothing`` of them; they sum to that with all of them."""

    transcript: str | None = None
    """Where asked for: the words that were heard in the clip; empty when there were none."""

    calibration: str | None = None
    """What ``scores`` and ``confidence`` were calibrated by, ``temperature`` or ``vector``; ``None``: by nothing."""

    alone: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Where asked for, of a clip with several senses: ``top`` and ``confidence`` of the answer to each alone."""
    agreement: float | None = None
    """How far those answers agree, in [0, 1]."""
    parts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Where asked for: ``words``, ``sound``, ``frames`` and ``regions``, and what each ``gave`` to the probability of
    ``top``: how much of it is gone without that part."""

    def to_dict(self) -> dict[str, Any]:
        """A row that ``json.dumps`` takes as it is; what :data:`LEFT_OUT` names is there only if it says something."""
        row = asdict(self)
        return {k: v for k, v in row.items() if not (k in LEFT_OUT and (v is None or v in ((), {})))}


def failed(
    clip_id: str, path: str | None, error: AffectError, *, start: float | None = None, end: float | None = None
) -> Prediction:
    """The row of a clip that could not be read."""
    why = {"code": error.code, "message": str(error)}
    return Prediction(id=clip_id, path=path, error=why, start=start, end=end)
