"""Every ``affectrl ...`` that a page shows is one that the command line would take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main
from doc_pages import DOCS, REPO, affectrl_lines

from affectrl.cli.main import app
from affectrl.recipes.load import load_recipe, packaged

PAGES = [REPO / "README.md", *sorted(DOCS.rglob("*.md"))]
ROOT = typer.main.get_command(app)
HOLDER = re.compile(r"[A-Z][A-Z_:.]*|\.\.\.|\[.*\]|key=value")
"""What stands for something of the reader's."""


def bare(word: str) -> str:
    """A word without the brackets that mark what may be left out."""
    word = word[1:] if word.startswith("[") else word
    return word[:-1] if word.endswith("]") and "[" not in word else word


def complaint(words: list[str], *, passing: bool) -> str | None:
    """Why the command line would not take these words; with ``passing`` they may be the beginning of a command."""
    command, context, rest = ROOT, ROOT.make_context("affectrl", [], resilient_parsing=True), list(map(bare, words))
    if "--help" in rest:
        rest.remove("--help")
        passing = True
    while hasattr(command, "commands"):
        if not rest or rest[0].startswith("-"):
            return None if passing or rest == ["--version"] else f"{context.command_path} needs a command"
        name, *rest = rest
        if name not in command.commands:
            return None if HOLDER.fullmatch(name) else f"{context.command_path} has no command {name!r}"
        command = command.commands[name]
        context = type(context)(command, info_name=name, parent=context)
    try:
        command.parse_args(context, list(rest))
    except Exception as error:
        kind = type(error).__name__
        if kind == "MissingParameter" and passing:
            return None
        if kind == "BadParameter" and any(HOLDER.fullmatch(word) for word in rest):
            return None
        if kind == "BadOptionUsage" and passing:  # `--votes` in a sentence
            return None
        return f"{context.command_path}: {kind}: {getattr(error, 'message', error)}"
    if command.name in ("train", "plan") and (recipe := context.params["recipe"]) in packaged():
        changes = [word for word in context.params["overrides"] or [] if not HOLDER.fullmatch(word)]
        load_recipe(recipe, changes)  # raises where a field does not exist
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPO).as_posix())
def test_commands_and_options_exist(page: Path) -> None:
    wrong = [
        f"line {line}: affectrl {' '.join(words)}: {said}"
        for line, words, passing in affectrl_lines(page)
        if (said := complaint(words, passing=passing))
    ]
    assert wrong == []


def test_the_sweep_sees_commands_and_faults() -> None:
    seen = sum(len(list(affectrl_lines(page))) for page in PAGES)
    print(f"visited {seen} commands on {len(PAGES)} pages")
    assert seen > 100
    assert complaint(["predict", "clip.mp4", "--windows", "4s"], passing=False)
    assert complaint(["predicts", "clip.mp4"], passing=False)
    assert complaint(["data", "descripe", "x"], passing=True)
    assert complaint(["eval", "runs/mine"], passing=False)
    assert complaint(["predict", "clip.mp4", "--batch-size", "0"], passing=False)
    assert complaint(["predict", "clip.mp4", "--window", "4s"], passing=False) is None
