"""A prompt with places in it, as text between streams: what the fused policy lays out where a recipe words it itself.

Text that stands together is cut into tokens together, as a publisher's own tokenizing of one string would.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter

NO_WORDS = "no_words"


@dataclass(frozen=True, slots=True)
class Ask:
    """One of several things that a clip is asked."""

    question: str
    """Where the model has its question, before the clip or behind it."""
    then: str = ""
    """What the user's turn says behind everything."""
    opening: str = ""
    """What the assistant's turn begins with, already written for it."""


def laid_out(text: str, question: str, words: str | None) -> list[tuple[str, str | None]]:
    """Pieces in order: text, and the name of what stands behind it (``None`` at the end).

    Args:
        text: With names in braces; see :class:`affectrl.recipes.streams.Prompt`.
        question: For ``{question}``.
        words: For ``{words}``; a clip without has :data:`NO_WORDS` there, which is no text.
    """
    pieces: list[tuple[str, str | None]] = []
    said = ""
    for before, name, _, _ in Formatter().parse(text):
        said += before
        if name == "question":
            said += question
        elif name == "words" and words is not None:
            said += words
        elif name is not None:
            pieces.append((said, NO_WORDS if name == "words" else name))
            said = ""
    return [*pieces, (said, None)]


def literal(said: str) -> str:
    """Text as it stands in a prompt with places: braces in it are none."""
    return said.replace("{", "{{").replace("}", "}}")
