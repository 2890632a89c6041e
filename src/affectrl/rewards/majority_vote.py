"""Majority vote: how near is the answer to the one that most completions of the clip gave? 1 / (1 + alpha W[a, a*])
(MERIT, section 3.4.1). No labels are read.

a is the completion's label and a* the winner of the group's vote (``answers/vote.py``; ties go to the label nearest to
all votes). ``kernel: binary`` is TTRL's 1 for a = a* and else 0, which the formula reaches for an endless alpha; the
paper's table 2 writes it as alpha = 0, which would give everybody 1 and teach nothing, and is refused. With an answer
that cannot be read a completion abstains from the vote and earns 0, below every label. Range (1 / (1 + alpha), 1] and
0. Known exploit: agreeing on anything, in the end on one label for all clips: watch ``top_vote_share``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field

from affectrl.answers.parser import plain
from affectrl.answers.vote import ballot, majority
from affectrl.emotions import distances
from affectrl.emotions.distances import Distance
from affectrl.errors import AffectError, RecipeError

GROUP = True
JUDGE = False

Kernel = Literal["distance", "binary"]
Alpha = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def reward(
    prompts: Sequence[str],
    completions: Sequence[str],
    completion_ids: Sequence[Sequence[int]],
    *,
    group: Sequence[int],
    choices: Sequence[Sequence[str] | None],
    kernel: Kernel = "distance",
    alpha: Alpha = 1.0,
    distance: str = "plutchik",
    **columns: Any,
) -> list[float | None]:
    """Score completions.

    Args:
        prompts: Not used.
        completions: N texts.
        completion_ids: Not used.
        group: Which clip of the batch each is about; all that have the same number vote together.
        choices: The labels to choose from, as every row has them; ``None`` for open vocabulary.
        kernel: What an answer other than the winner earns: by its distance, or nothing.
        alpha: How fast the reward falls with distance, more than 0.
        distance: W, by its name in ``emotions/distances``. With the binary kernel it only breaks ties, and only where
            it can place the choices.
        **columns: Not used.

    Raises:
        RecipeError: The kernel is degenerate: see :func:`check`.
    """
    members: dict[int, list[int]] = {}
    for i, which in enumerate(group):
        members.setdefault(which, []).append(i)
    scores: list[float | None] = [0.0] * len(completions)
    for rows in members.values():
        labels = choices[rows[0]]
        check(labels, kernel=kernel, alpha=alpha, distance=distance)
        w = tie_distance(labels, kernel=kernel, distance=distance)
        votes = [ballot(completions[i], labels) for i in rows]
        winner = majority(votes, distance=w).winner
        for i, vote in zip(rows, votes, strict=True):
            if vote is None or winner is None:
                continue
            if vote == winner:
                scores[i] = 1.0
            elif kernel == "distance" and w is not None:
                scores[i] = 1 / (1 + alpha * w.between(vote, winner))
    return scores


def check(
    choices: Sequence[str] | None, *, kernel: Kernel = "distance", alpha: float = 1.0, distance: str = "plutchik"
) -> None:
    """Refuse a kernel under which answers could not differ.

    Raises:
        RecipeError: ``alpha`` is not above 0; there is no closed choice for W to be over; W cannot place a choice, or
            is 0 between all of them.
    """
    if kernel == "binary":
        return
    if not alpha > 0:
        raise RecipeError(
            f"reward 'majority-vote': with alpha {alpha:g} every answer earns the same.",
            hint="Give more than 0, or kernel: binary.",
        )
    if choices is None:
        raise RecipeError(
            "reward 'majority-vote': kernel distance needs a closed choice, and answers.labels names none.",
            hint="Name labels, or give kernel: binary.",
        )
    try:
        _w(distance, tuple(choices))
    except AffectError as error:
        raise RecipeError(f"reward 'majority-vote': {error.message}", code=error.code, hint=error.hint) from error


def tie_distance(
    choices: Sequence[str] | None, *, kernel: Kernel = "distance", distance: str = "plutchik", **settings: Any
) -> Distance | None:
    """The W that ties are broken by; ``None`` where there is none, so that they go by the alphabet."""
    if choices is None:
        return None
    try:
        return _w(distance, tuple(choices))
    except AffectError:
        if kernel == "distance":
            raise
        return None


@cache
def _w(name: str, choices: tuple[str, ...]) -> Distance:
    return distances.distance(name, [plain(choice) for choice in choices])
