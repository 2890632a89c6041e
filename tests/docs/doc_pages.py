"""What stands in the fences of a documentation page: commands, code, and files that the reader is to write."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
DOCS = REPO / "docs"
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
SHELL = ("", "bash", "sh", "console")
"""Languages of fences that hold commands; older pages name none."""


@dataclass(frozen=True)
class Fence:
    """A fenced block. With a ``title`` it is a file of that name."""

    line: int
    language: str
    title: str | None
    body: str


@dataclass(frozen=True)
class Command:
    """A command as a shell would see it."""

    line: int
    settings: dict[str, str]
    """Variables set in front of it."""
    words: list[str]
    comment: str


def fences(page: Path) -> Iterator[Fence]:
    """The fenced blocks of a page, in order."""
    text = page.read_text("utf-8")
    for match in FENCE.finditer(text):
        language, _, rest = match[1].strip().partition(" ")
        title = re.search(r'title="([^"]+)"', rest)
        yield Fence(text.count("\n", 0, match.start()) + 2, language, title[1] if title else None, match[2])


def commands(fence: Fence) -> Iterator[Command]:
    """Its commands; lines that end in a backslash go on, prompts and comments are left out."""
    lines = fence.body.split("\n")
    at = 0
    while at < len(lines):
        start, whole = at, lines[at]
        while whole.endswith("\\") and at + 1 < len(lines):
            at += 1
            whole = whole[:-1] + lines[at]
        at += 1
        if command := _command(whole.strip().removeprefix("$ "), fence.line + start):
            yield command


def _command(text: str, line: int) -> Command | None:
    try:
        words = shlex.split(text, comments=True)
    except ValueError:  # output of a command, with a lone quote
        return None
    settings: dict[str, str] = {}
    while words and (found := re.fullmatch(r"([A-Z_]+)=(.*)", words[0])):
        settings[found[1]] = found[2]
        words = words[1:]
    comment = re.search(r"\s#\s(.*)$", text)
    return Command(line, settings, words, comment[1] if comment else "") if words else None


def affectrl_lines(page: Path) -> Iterator[tuple[int, list[str], bool]]:
    """Arguments of every ``affectrl ...`` on a page, with the line, and whether it stands within a sentence."""
    text = page.read_text("utf-8")
    for fence in fences(page):
        if fence.language in SHELL:
            for command in commands(fence):
                words = command.words
                for place, word in enumerate(words):
                    if Path(word).name == "affectrl" and (place == 0 or Path(words[0]).name == "torchrun"):
                        yield command.line, words[place + 1 :], False
                        break
    prose = FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    for match in re.finditer(r"`(?:\.venv/bin/)?affectrl ([^`]+)`", prose):
        yield prose.count("\n", 0, match.start()) + 1, shlex.split(match[1]), True
