"""Judges: who answers the questions that rewards ask, one file each.

A module on this shelf defines ``build(*, policy, timeout_s, **settings) -> Answerer``. ``policy`` is the model being
trained (``None`` outside of training), ``timeout_s`` the seconds that one call may take, with the judge's own default,
and ``settings`` come from ``rl.judge.settings`` in the recipe: keyword arguments with types, which :func:`make` checks.
Rewards get what :func:`make` returns: the judge behind a cache, with duplicates asked once and failures as ``None``.
"""

from affectrl.judges._asking import Asking, check, make
from affectrl.judges._question import Answerer, Failure, Judge, Question, Reply

__all__ = ["Answerer", "Asking", "Failure", "Judge", "Question", "Reply", "check", "make"]
