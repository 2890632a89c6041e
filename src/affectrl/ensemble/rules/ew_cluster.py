"""A label is backed by all who named a word of its group on an emotion wheel, so that synonyms do not split the vote."""

from __future__ import annotations

import numpy as np

from affectrl.ensemble.judged import Known, Ruling, groups
from affectrl.ensemble.opinions import Opinions

ABOUT = "the label whose group of words, over the emotion wheels, most voters named"
LEARNS = False


def vote(opinions: Opinions, known: Known) -> Ruling:
    """Share of the voters who named a word of the label's level-1 group, mean over the wheels that know the label.

    A word that no wheel knows is backed by those who named that very word.
    """
    found = groups(opinions.labels, known)
    pairs = opinions.candidates
    ballot = opinions.clip * opinions.m + opinions.voter
    total = np.zeros(len(pairs))
    n_wheels = np.zeros(len(pairs))
    for w in range(found.of_label.shape[1]):
        at = found.of_label[opinions.label, w]
        # A voter backs a group once, however many of its words stand on the ballot.
        keys = np.unique(ballot[at >= 0] * max(found.n, 1) + at[at >= 0])
        clip, group = keys // max(found.n, 1) // opinions.m, keys % max(found.n, 1)
        names, votes = np.unique(clip * max(found.n, 1) + group, return_counts=True)
        own = found.of_label[pairs.label, w]
        wanted = pairs.clip * max(found.n, 1) + own
        place = np.searchsorted(names, wanted).clip(max=max(len(names) - 1, 0))
        if len(votes):
            total += np.where(own >= 0, votes[place], 0)
        n_wheels += own >= 0
    votes = np.where(n_wheels > 0, total / np.maximum(n_wheels, 1), pairs.votes)
    return Ruling(votes / opinions.cast[pairs.clip])
