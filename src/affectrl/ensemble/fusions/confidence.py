"""Each voter's label counts with that voter's confidence on the clip: argmax over c of sum of conf_m 1[label_m = c].

The voting-head paper's weighted late fusion (Halifa et al.); a file with scores is taken with the highest of them.
"""

from __future__ import annotations

from affectrl.ensemble.judged import Known
from affectrl.ensemble.soft import Fused, Soft, weighted

ABOUT = "each label with its voter's confidence on the clip"
LEARNS = False


def fuse(soft: Soft, known: Known) -> Fused:
    """What a voter did not choose counts nothing."""
    return Fused(weighted(soft.but(spread=False, top_n=min(soft.top_n or 1, 1)), None))
