"""What is asked of a judge, and what comes back."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from affectrl.models.features import ClipFeatures


@dataclass(frozen=True)
class Question:
    """One question, whole: the judge adds no instruction of its own."""

    text: str
    clip: ClipFeatures | None = None
    """The clip that the question is about; ``None`` when it is about its text alone."""
    choices: tuple[str, ...] | None = None
    """Answers that the asker can read, if it can only read some; the text names them already."""
    max_new_tokens: int = 16


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a question has no answer."""

    reason: str
    """A few words that are the same for the same kind of failure, so that they can be counted: ``time-out``."""


Reply = str | Failure | None
"""``None`` is a failure whose reason nobody told."""


class Judge(Protocol):
    """What a reward asks."""

    @property
    def key(self) -> str | None:
        """What tells its answers from those of another judge; ``None`` when the same question may get another answer
        tomorrow, so that answers must not be kept.
        """

    def answer(self, questions: Sequence[Question]) -> list[str | None]:
        """One answer a question, in their order; ``None`` where there is none."""


class Answerer(Protocol):
    """What a file of this shelf builds: a judge that says why it has no answer.

    It keeps to the ``timeout_s`` that it was built with: what comes later is a failure. ``answer`` may raise an
    :class:`~affectrl.errors.AffectError` when no question can ever be answered (a wrong key or model name); that ends
    the run. Any other exception counts as a failure of all questions of the call.
    """

    @property
    def key(self) -> str | None:
        """As a judge's."""

    def answer(self, questions: Sequence[Question]) -> Sequence[Reply]:
        """One reply a question, in their order."""


def batches(alike: Sequence[Hashable], most: int) -> list[list[int]]:
    """Places of questions in batches of at most ``most`` that are alike, in the order of each kind's first."""
    groups: dict[Hashable, list[int]] = {}
    for i, kind in enumerate(alike):
        groups.setdefault(kind, []).append(i)
    return [group[at : at + most] for group in groups.values() for at in range(0, len(group), most)]
