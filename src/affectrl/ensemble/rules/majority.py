"""The label that most voters named. A list approves of each of its labels alike (approval voting)."""

from __future__ import annotations

from affectrl.ensemble.judged import Known, Ruling
from affectrl.ensemble.opinions import Opinions

ABOUT = "the label that most voters named"
LEARNS = False


def vote(opinions: Opinions, known: Known) -> Ruling:
    """A label's share of the voters who did not abstain."""
    pairs = opinions.candidates
    return Ruling(pairs.votes / opinions.cast[pairs.clip])
