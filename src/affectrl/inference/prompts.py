"""What an ensemble asks: prompts by name, from the packaged file and from files of one's own.

A file is YAML: a name, and under it ``question`` and ``format``, or the question alone. See ``prompts.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affectrl.errors import DataError, UsageError
from affectrl.models.prompt import Ask
from affectrl.models.task import Task
from affectrl.shelves import nearest
from affectrl.yaml_file import read_yaml

_FILE = Path(__file__).with_name("prompts.yaml")
_KEYS = ("question", "format")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One way to ask."""

    name: str
    question: str
    """Whole: a closed choice is named in it."""
    task: Task
    """The format that the answer comes in, and the choice."""

    def ask(self, own: Task, *, behind: bool) -> Ask:
        """How the clip is asked; ``behind`` puts a question that is not the model's ``own`` after the clip."""
        if behind and self.question != own.question:
            return Ask(own.question, f"\n{self.question}", self.task.opening)
        return Ask(self.question, "", self.task.opening)


def prompt_names() -> list[str]:
    """Prompts that come with the package."""
    return list(_read(_FILE))


def prompts(wanted: Sequence[str], own: Task) -> tuple[Prompt, ...]:
    """Prompts by name, and all those of each YAML file that is named.

    Args:
        wanted: Names, and paths of files.
        own: What the model was trained to be asked; its labels are the choice of every prompt.

    Raises:
        UsageError: ``unknown_name``: no such prompt or format; ``vote_names``: two prompts of one name.
        DataError: ``prompt_file``: a file is missing, or holds something else.
    """
    packaged = _read(_FILE)
    found: dict[str, Any] = {}
    for one in wanted:
        named = _read(Path(one)) if Path(one).suffix in (".yaml", ".yml") else {one: packaged.get(one)}
        for name, given in named.items():
            if given is None:
                raise UsageError(f"no prompt is called {name!r}.", code="unknown_name", hint=nearest(name, packaged))
            if name in found:
                raise UsageError(f"two prompts are called {name!r}.", code="vote_names", hint="Rename one.")
            found[name] = given
    if not found:
        raise UsageError("no prompt was given.", code="unknown_name", hint=nearest("", packaged))
    return tuple(_prompt(name, given, own) for name, given in found.items())


def _prompt(name: str, given: Mapping[str, str], own: Task) -> Prompt:
    task = Task(given.get("format", own.format), own.labels)
    if "question" not in given:
        return Prompt(name, task.question, task)
    choice = f" One of: {', '.join(own.labels)}." if own.labels else ""
    return Prompt(name, f"{given['question']}{choice}", task)


def _read(path: Path) -> dict[str, Mapping[str, str]]:
    content = read_yaml(path, code="prompt_file", what="prompt")
    if not isinstance(content, Mapping) or not content:
        raise DataError("prompts are names with a question each.", code="prompt_file", path=path)
    found: dict[str, Mapping[str, str]] = {}
    for name, given in content.items():
        said = {"question": given} if isinstance(given, str) else given
        texts = isinstance(said, Mapping) and all(isinstance(v, str) and v.strip() for v in said.values())
        if not texts or set(said) - set(_KEYS) or not str(name).replace("-", "").replace("_", "").isalnum():
            raise DataError(
                f"prompt {name!r} is not a name with {' and '.join(_KEYS)}, both text.", code="prompt_file", path=path,
                hint="Write NAME: QUESTION, or a mapping; names are letters, digits, - and _.",
            )  # fmt: skip
        found[str(name)] = dict(said)
    return found
