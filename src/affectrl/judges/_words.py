"""What a judge that only reads can be told of a clip: its words. Labels and reasoning never reach a judge."""

from __future__ import annotations

from affectrl.judges._question import Failure, Question

BLIND = Failure("clip cannot be seen")


def told(question: Question) -> str | Failure:
    """The question with the words of its clip before it; a failure when the clip has none to go by.

    A guess about a clip that nobody has looked at is worse than no answer.
    """
    if question.clip is None:
        return question.text
    words = question.clip.clip.text
    return BLIND if words is None else with_words(question.text, words)


def with_words(text: str, words: str | None) -> str:
    """A question about a clip in which these words are spoken, if any are."""
    return text if words is None else f'In the clip somebody says: "{words}"\n\n{text}'
