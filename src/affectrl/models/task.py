"""The task: what a model is asked, in which format it answers, and among which labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from affectrl import shelves


@dataclass(frozen=True, slots=True)
class Task:
    """What a model was trained to be asked."""

    format: str
    """A file of ``answers/formats``."""
    labels: tuple[str, ...] | None = None
    """The closed choice, or ``None`` for open vocabulary."""
    listed: tuple[str, ...] | None = None
    """What the question lists, where that is not the choice itself."""

    def among(self, labels: Sequence[str]) -> Task:
        """The same with another choice.

        Among some of its own labels a model is asked as it was trained, with all of them in their order, and the answer
        is the likeliest of the choice. One that has only ever read one list goes by places in it: affectrl-nano, asked
        with ``angry`` where ``neutral`` used to be, calls neutral faces angry. Other labels are listed as they are.
        """
        own, choice = self.listed or self.labels, tuple(labels)
        if own is None or choice == own or not set(choice) <= set(own):
            return Task(self.format, choice)
        return Task(self.format, choice, own)

    @property
    def rules(self) -> ModuleType:
        """The format's module."""
        return shelves.load("affectrl.answers.formats", self.format)

    @property
    def explains_choice(self) -> bool:
        """Whether it is a closed choice whose format says why after its labels: choosing then costs no reasoning."""
        return self.labels is not None and hasattr(self.rules, "EXPLAINS")

    @property
    def question(self) -> str:
        """What the user's turn asks."""
        return str(self.rules.question(self.listed or self.labels))

    @property
    def opening(self) -> str:
        """What the assistant's turn begins with, already written for it."""
        return str(self.rules.OPENING)
