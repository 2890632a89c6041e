"""Borda count over ranked lists: with C labels named for a clip, the first of a ballot earns C - 1 points, and so on.

Labels that a ballot leaves out share the points that are left over, so that a short list gives away as many points as a
long one (Dummett, "The Borda count and agenda manipulation", 1998, averages ties so). With one label a ballot it elects
whom the majority elects.
"""

from __future__ import annotations

import numpy as np

from affectrl.ensemble.judged import Known, Ruling
from affectrl.ensemble.opinions import Opinions

ABOUT = "Borda points of ranked lists; labels that a list leaves out share what is left"
LEARNS = False


def vote(opinions: Opinions, known: Known) -> Ruling:
    """A label's points over the most that it could have; 1 where only one label was named."""
    pairs = opinions.candidates
    named = np.bincount(pairs.clip, minlength=opinions.n)
    left = np.where(opinions.spoke, (named[:, None] - opinions.lengths - 1) / 2, 0.0)
    listed = named[opinions.clip] - 1 - opinions.rank
    points = opinions.per_pair(listed - left[opinions.clip, opinions.voter]) + left.sum(1)[pairs.clip]
    most = opinions.cast[pairs.clip] * (named[pairs.clip] - 1)
    return Ruling(np.divide(points, most, out=np.ones(len(pairs)), where=most > 0))
