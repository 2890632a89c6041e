"""The task: what a model is asked, in which format it answers, and among which labels."""

from __future__ import annotations

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
        return str(self.rules.question(self.labels))

    @property
    def opening(self) -> str:
        """What the assistant's turn begins with, already written for it."""
        return str(self.rules.OPENING)
