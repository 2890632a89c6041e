"""Whether rollout and update are the same policy, as far as numbers tell.

Before the first update of a rollout the log-probabilities that were taken while sampling and those that the update
computes are of the same weights, so they must agree but for rounding. Where they do not (other positions, other pads,
another precision), the ratio of the clipped loss is off from the start and nothing else in the logs shows it. The
correlation is the figure that verl-omni reports for this (its issue 284); the largest gap finds what a correlation over
thousands of tokens hides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

LEAST_CORRELATION = 0.99
ROUNDING = 0.02
"""Nats below which a gap is rounding. A policy that is all but certain has log-probabilities near 0 that differ by
rounding alone, and a correlation of rounding means nothing."""
MOST_GAP = 1.0
"""Nats: one token whose ratio begins at e or 1/e."""


def logprob_health(old: Tensor, new: Tensor) -> dict[str, float]:
    """How well two computations of the same log-probabilities agree.

    Args:
        old: (T,) from the rollout, in nats.
        new: (T,) of the same tokens from the update.

    Returns:
        ``logprob_gap``: the largest difference, in nats; ``logprob_corr``: Pearson's correlation, left out where there
        is none: fewer than two tokens, or a side without spread. Empty when there are no tokens. NaN in an input gives
        a NaN gap, so that the run is seen to have diverged.
    """
    if not len(old):
        return {}
    # float64, as sums over a batch of nearly equal numbers lose what is to be measured
    a, b = old.double().cpu(), new.double().cpu()
    found = {"logprob_gap": float((a - b).abs().max())}
    a, b = a - a.mean(), b - b.mean()
    spread = float(a.norm() * b.norm())
    if spread > 0:
        found["logprob_corr"] = max(-1.0, min(1.0, float(a @ b) / spread))
    return found


def alarm(corr: float | None, gap: float | None) -> str | None:
    """What is wrong, in words, or ``None``.

    Args:
        corr: Correlation, if there is one.
        gap: Largest difference in nats, if known; without it the correlation alone decides.
    """
    if corr is not None and corr < LEAST_CORRELATION and (gap is None or gap > ROUNDING):
        more = "" if gap is None else f", largest gap {gap:.2g} nats"
        return f"log-probabilities of rollout and update correlate only to {corr:.4f}{more}"
    if gap is not None and gap > MOST_GAP:
        return f"log-probabilities of rollout and update are up to {gap:.2g} nats apart"
    return None
