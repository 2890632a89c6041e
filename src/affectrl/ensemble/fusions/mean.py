"""The mean of the voters' probabilities (soft voting)."""

from __future__ import annotations

from affectrl.ensemble.judged import Known
from affectrl.ensemble.soft import Fused, Soft, weighted

ABOUT = "the mean of the probabilities"
LEARNS = False


def fuse(soft: Soft, known: Known) -> Fused:
    """All voters alike."""
    return Fused(weighted(soft, None))
