"""Perception: 1 for the half of a group whose descriptions a judge prefers for the clip, 0 for the rest (AffectGPT-R1,
eq. 10).

The judge compares pairs of reasonings (or answers, where a completion has no reasoning); Bradley-Terry (Bradley and
Terry 1952; Hunter 2004, by ``choix``) turns its preferences into strengths, and G // 2 places have reward 1. What the
paper leaves open, decided here:

- Which text stands first in a pair is drawn by a hash of clip and texts, since judges favour a place. ``orders: both``
  asks both ways, so that a judge that only goes by the place prefers nobody.
- An answer that names neither text is left out. Strengths are regularised (``alpha`` times their squares), so that a
  text that wins everything stays finite.
- Equal texts are one contestant. Contestants of equal strength share the places that are left for them, which is what
  drawing lots would give on average: of three that tie for one place each gets 1/3.
- A completion that says nothing comes last. A group in which no preference could be read, or that has not two different
  texts, is ``None``.

Range [0, 1]. Known exploit: text that pleases the judge (long, assured, or addressed to it) without being true of the
clip; the paper's own table 2 finds this reward alone to do harm.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Any, Literal

from pydantic import Field

from affectrl.answers.parser import parse
from affectrl.answers.steps import steps
from affectrl.judges import Judge, Question
from affectrl.rewards._judged import one_or_two, quoted

GROUP = True
JUDGE = True
EQUAL = 1e-3
"""Strengths that differ by less are equal; one won comparison more makes a hundred times that."""

Pair = tuple[int, int]


def reward(
    prompts: Sequence[str],
    completions: Sequence[str],
    completion_ids: Sequence[Sequence[int]],
    *,
    group: Sequence[int],
    clip: Sequence[Any],
    judge: Judge,
    pairs: Annotated[int, Field(ge=1)] | None = None,
    orders: Literal["one", "both"] = "one",
    alpha: Annotated[float, Field(gt=0)] = 0.01,
    **columns: Any,
) -> list[float | None]:
    """Score completions.

    Args:
        prompts: Not used.
        completions: N texts.
        completion_ids: Not used.
        group: Which clip of the batch each is about.
        clip: The clip itself, one a row.
        judge: Gets all questions of the batch at once.
        pairs: Most pairs a group; all G (G - 1) / 2 by default. Fewer are drawn so that each text has its turn.
        orders: Ask for each pair in one order or in both.
        alpha: Strength of regularisation.
        **columns: Not used.
    """
    members: dict[int, list[int]] = {}
    for i, which in enumerate(group):
        members.setdefault(which, []).append(i)
    texts = [described(text) for text in completions]
    contests = [contest([texts[i] for i in rows], clip[rows[0]], pairs, orders) for rows in members.values()]
    questions = [
        Question(question(fight.texts[first], fight.texts[second]), clip[rows[0]], ("1", "2"), 8)
        for rows, fight in zip(members.values(), contests, strict=True)
        for first, second in fight.bouts
    ]
    answers = iter(judge.answer(questions))
    scores: list[float | None] = [None] * len(completions)
    for rows, fight in zip(members.values(), contests, strict=True):
        won = [decided for bout in fight.bouts if (decided := _decided(bout, next(answers))) is not None]
        if won:
            strength = strengths(len(fight.texts), won, alpha)
            ranked = top_half([-math.inf if place is None else strength[place] for place in fight.places])
            for i, score in zip(rows, ranked, strict=True):
                scores[i] = score
    return scores


@dataclass(frozen=True, slots=True)
class Contest:
    """What is compared within one group."""

    texts: tuple[str, ...]
    """The different texts: contestants."""
    places: tuple[int | None, ...]
    """For each completion, which of them it is; ``None`` says nothing."""
    bouts: tuple[Pair, ...]
    """Who meets whom, the first to be shown first."""


def contest(said: Sequence[str | None], clip: Any, pairs: int | None, orders: str) -> Contest:
    """Who meets whom, the same whenever the same texts meet over the same clip."""
    texts = sorted({text for text in said if text is not None})
    name = "\0".join([getattr(clip, "id", ""), *texts])
    draw = random.Random(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest())
    ring = draw.sample(range(len(texts)), len(texts))
    around = [(ring[i], ring[(i + 1) % len(ring)]) for i in range(len(ring) - (len(ring) < 3))]
    # First every other edge of a ring, so that few pairs still reach all texts and more of them connect all.
    drawn = [*around[::2], *around[1::2]]
    rest = [pair for pair in combinations(range(len(texts)), 2) if pair not in drawn and pair[::-1] not in drawn]
    drawn += draw.sample(rest, len(rest))
    shown = [pair if draw.random() < 0.5 else pair[::-1] for pair in drawn[:pairs]]
    bouts = [bout for pair in shown for bout in ((pair, pair[::-1]) if orders == "both" else (pair,))]
    return Contest(tuple(texts), tuple(None if text is None else texts.index(text) for text in said), tuple(bouts))


def _decided(bout: Pair, answer: str | None) -> Pair | None:
    """``(winner, loser)``, if the answer names one of them."""
    number = one_or_two(answer)
    return None if number is None else bout if number == 1 else bout[::-1]


def described(text: str) -> str | None:
    """What a completion says of its clip: its reasoning, else its steps, else its labels; ``None`` for nothing."""
    answer = parse(text)
    said = answer.reasoning or " ".join(step for step in steps(text) if step) or ", ".join(answer.labels)
    return " ".join(said.split()) if any(c.isalpha() for c in said) else None


def question(first: str, second: str) -> str:
    """What the judge is asked beside the clip."""
    return f"Which text describes the clip better? 1: {quoted(first)} 2: {quoted(second)} Reply with 1 or 2."


def strengths(n: int, won: Sequence[Pair], alpha: float) -> list[float]:
    """Bradley-Terry strengths of n contestants, on the log scale, from ``(winner, loser)`` pairs.

    They minimise sum log(1 + exp(t_loser - t_winner)) + alpha sum t^2.
    """
    from choix import opt_pairwise

    return [float(t) for t in opt_pairwise(n, list(won), alpha=alpha, tol=1e-9)]


def top_half(strength: Sequence[float]) -> list[float]:
    """1 for the len // 2 strongest and 0 for the rest; the equal share what places are left for them."""
    order = sorted(range(len(strength)), key=lambda i: -strength[i])
    shares, places, at = [0.0] * len(strength), len(strength) // 2, 0
    while at < len(order):
        best = strength[order[at]]
        tied = [i for i in order[at:] if strength[i] == best or best - strength[i] < EQUAL]
        for i in tied:
            shares[i] = min(1.0, max(0.0, (places - at) / len(tied)))
        at += len(tied)
    return shares
