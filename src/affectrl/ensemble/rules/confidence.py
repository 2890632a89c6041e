"""Each vote weighs what the voter's own confidence is.

The voting-head paper's late fusion: the label of the greatest sum of confidences (its section 3.4 has the scale 1-10,
here [0, 1]). A voter's confidence is its own matter: an overconfident one outweighs others, see
``affectrl.metrics.calibration``.
"""

from __future__ import annotations

import numpy as np

from affectrl.ensemble.judged import Known, Ruling
from affectrl.ensemble.opinions import Opinions
from affectrl.errors import UsageError

ABOUT = "votes weighted by the voters' own confidence"
LEARNS = False


def vote(opinions: Opinions, known: Known) -> Ruling:
    """A label's share of the confidence that was cast for a clip; all labels of a list have that of the list.

    Raises:
        UsageError: ``vote_confidence``: a voter tells none.
    """
    entry = entry_confidence(opinions)
    first = opinions.rank == 0
    total = np.bincount(opinions.clip[first], entry[first], minlength=opinions.n)
    pairs = opinions.candidates
    value = opinions.per_pair(entry)
    whole = total[pairs.clip]
    return Ruling(np.divide(value, whole, out=np.zeros_like(value), where=whole > 0))


def entry_confidence(opinions: Opinions) -> np.ndarray:
    """``(E,)``: the confidence of the ballot that an entry is on; raises as :func:`vote`."""
    ballot = np.full(opinions.n * opinions.m, np.nan)
    first = opinions.rank == 0
    place = opinions.clip * opinions.m + opinions.voter
    ballot[place[first]] = opinions.confidence[first]
    entry = ballot[place]
    silent = np.unique(opinions.voter[np.isnan(entry)])
    if len(silent):
        names = ", ".join(opinions.voters[m] for m in silent)
        raise UsageError(
            f"no confidence is told by {names}.",
            code="vote_confidence",
            hint="Give files with a column confidence, or take another rule.",
        )
    return entry
