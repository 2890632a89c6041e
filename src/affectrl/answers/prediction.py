"""What a model says about one clip: the row of ``predictions.jsonl`` and the type that Python callers get."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from affectrl.errors import AffectError, Note


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
    scores: dict[str, float] = field(default_factory=dict)
    """With a closed choice: probability of each label."""
    shares: dict[str, float] = field(default_factory=dict)
    """Where asked for: what each of ``audio``, ``vision``, ``text`` added to the probability of ``top``, and its
    probability with ``nothing`` of them; they sum to that with all of them."""

    def to_dict(self) -> dict[str, Any]:
        """A row that ``json.dumps`` takes as it is; empty ``notes``, ``scores`` and ``shares`` are left out."""
        row = asdict(self)
        return {k: v for k, v in row.items() if not (k in ("notes", "scores", "shares") and not v)}


def failed(clip_id: str, path: str | None, error: AffectError) -> Prediction:
    """The row of a clip that could not be read."""
    return Prediction(id=clip_id, path=path, error={"code": error.code, "message": str(error)})
