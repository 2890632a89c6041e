"""Overlong: DAPO's soft punishment of completions that come near the length limit (arXiv 2503.14476, section 3.4,
eq. 13).

With L tokens allowed and the last C of them the ``cache``, a completion of n tokens gets 0 for n <= L - C, then
(L - C - n) / C, and -1 beyond L; one that was cut off gets -1. Range [-1, 0]: a term to add, not a score. DAPO has
C = 4,096 of L = 20,480; without a setting C is the same fifth of L. n counts the end-of-turn token. Known exploit:
answering too briefly, which is the reward's direction; keep its weight below that of accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from affectrl.errors import RecipeError

GROUP = False
JUDGE = False


def reward(
    prompts: Sequence[str],
    completions: Sequence[str],
    completion_ids: Sequence[Sequence[int]],
    *,
    max_completion_length: Sequence[int],
    truncated: Sequence[bool],
    cache: Annotated[int, Field(ge=1)] | None = None,
    **columns: Any,
) -> list[float | None]:
    """Score completions.

    Args:
        prompts: Not used.
        completions: Not used.
        completion_ids: N lists of tokens.
        max_completion_length: L of each.
        truncated: True where L was reached without an end.
        cache: C in tokens, from 1 to L; a fifth of L by default, at least 1.
        **columns: Not used.

    Raises:
        RecipeError: C is more than L.
    """
    return [
        -1.0 if cut else _punishment(len(ids), most, cache)
        for ids, most, cut in zip(completion_ids, max_completion_length, truncated, strict=True)
    ]


def _punishment(n: int, most: int, cache: int | None) -> float:
    cache = max(1, most // 5) if cache is None else cache
    if cache > most:
        raise RecipeError(
            f"reward 'overlong': a cache of {cache} tokens is more than max_completion_length, {most}.",
            hint="Give fewer, or leave it out.",
        )
    free = most - cache
    return 0.0 if n <= free else max(-1.0, (free - n) / cache)
