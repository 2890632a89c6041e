"""Our own sampler: each prefix runs once, its completions decode together, rows that have ended leave the batch."""

from __future__ import annotations

from functools import partial

from affectrl.models.decoding import generate
from affectrl.models.language import Policy


class SharedPrefix:
    """``sample`` is :func:`affectrl.models.decoding.generate` with the policy in its place."""

    def __init__(self, policy: Policy) -> None:
        self.sample = partial(generate, policy)


def build(policy: Policy) -> SharedPrefix:
    """See :class:`SharedPrefix`."""
    return SharedPrefix(policy)
