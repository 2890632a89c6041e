"""Alignment: do the emotion words of the reasoning mean what the answer means? Jaccard similarity of the two, mean
over the wheels (AffectGPT-R1, eq. 8, appendix E, eq. 21 and 22).

The paper has a language model list the reasoning's emotions (``extract: judge``); ``lexicon``, our default, finds them
by ``answers/mentions.py``. Range [0, 1]. It looks at no reference, so that it works without labels. A reasoning or
answer that is missing, or that has no word on any wheel, earns 0; a format that asks for no reasoning gives ``None``,
and so does a judge that did not answer. Known exploit: a reasoning that only repeats the answer; and it is content with
any answer, right or wrong, as long as the reasoning says so too: never use it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from affectrl.answers.parser import parse
from affectrl.judges import Judge
from affectrl.metrics.emotion_wheel import jaccard
from affectrl.rewards._judged import reasons
from affectrl.rewards._on_wheels import Extract, RuleName, chosen, wheels, words_of_reasoning

GROUP = False
JUDGE = True


def asks(*, extract: Extract = "lexicon", **settings: Any) -> bool:
    """Whether these settings need the judge."""
    return extract == "judge"


def reward(
    prompts: Sequence[str],
    completions: Sequence[str],
    completion_ids: Sequence[Sequence[int]],
    *,
    format: Sequence[str],
    judge: Judge | None = None,
    extract: Extract = "lexicon",
    rules: RuleName = "affectrl",
    tables: str | None = None,
    **columns: Any,
) -> list[float | None]:
    """Score completions.

    Args:
        prompts: Not used.
        completions: N texts.
        completion_ids: Not used.
        format: The answer format of each.
        judge: Lists emotions when ``extract`` is ``judge``.
        extract: Who finds the emotion words of a reasoning.
        rules: How the corners of similarity on wheels are treated.
        tables: A folder with a challenge's word tables, in place of our wheels and lexicon.
        **columns: Not used.
    """
    space, how = wheels(tables), chosen(rules, "drop")
    scores: list[float | None] = [None] * len(completions)
    rows = [i for i, name in enumerate(format) if reasons(name)]
    found = words_of_reasoning([completions[i] for i in rows], extract, space, judge)
    for i, words in zip(rows, found, strict=True):
        if words is not None:
            scores[i] = jaccard(words, parse(completions[i]).labels, space, how) or 0.0
    return scores
