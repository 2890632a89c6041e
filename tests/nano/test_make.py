"""``recipes/nano/make.sh``: the steps are ones that the command line takes, in this order, and a failure ends it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import typer.main

from affectrl.cli.main import app
from affectrl.recipes.load import load_recipe

SCRIPT = Path(__file__).resolve().parents[2] / "recipes" / "nano" / "make.sh"
STUB = """#!/usr/bin/env python3
import json, os, sys
with open(os.environ["TOLD"], "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
sys.exit(sys.argv[1:3] == ["nano", os.environ.get("FAILS")])
"""
SETS = ("a b/ravdess", "emodb", "fer2013", "meld")


def made(tmp_path: Path, *given: str, fails: str = "") -> tuple[int, list[list[str]]]:
    """Exit status, and what ``affectrl`` was asked."""
    stub, told = tmp_path / "bin" / "affectrl", tmp_path / "told"
    stub.parent.mkdir(exist_ok=True)
    stub.write_text(STUB)
    stub.chmod(0o755)
    told.write_text("")
    path = f"{stub.parent}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "TOLD": str(told), "FAILS": fails}
    done = subprocess.run(["bash", str(SCRIPT), *given], env=env, capture_output=True, check=False, cwd=tmp_path)
    return done.returncode, [json.loads(line) for line in told.read_text().splitlines()]


def test_its_steps_are_taken_by_the_command_line(tmp_path: Path) -> None:
    status, asked = made(tmp_path, *SETS, "threads=2")
    assert status == 0
    assert [words[:2] for words in asked] == [
        ["nano", "face"],
        ["nano", "clips"],
        ["train", "affectrl-nano"],
        ["nano", "check"],
        ["nano", "ship"],
        ["calibrate", "affectrl-nano"],
    ]
    for words in asked:
        command, rest = typer.main.get_command(app), words
        while hasattr(command, "commands"):
            command, rest = command.commands[rest[0]], rest[1:]
        command.make_context(command.name, list(rest))  # raises at an option that is none
    assert load_recipe("affectrl-nano", asked[2][2:]).threads == 2
    assert "a b/ravdess" in asked[1]


def test_it_says_how_it_is_used_and_stops_at_what_fails(tmp_path: Path) -> None:
    assert made(tmp_path, "only", "two")[0] == 2
    status, asked = made(tmp_path, *SETS, fails="clips")
    assert status == 1
    assert len(asked) == 2
