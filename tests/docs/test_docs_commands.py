"""What the start page and the how-tos tell people to type is typed here, in order, in one folder.

The pages use the packaged language model, and the model that we made of it. Here a tiny random one of the same build
stands in for the former, taught with more steps since it knows no language; what it learns stands in for the latter.
The server takes any free port. Nothing else differs.
"""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from doc_pages import DOCS, REPO, Command, commands, fences

if TYPE_CHECKING:
    from conftest import Outcome

FIRST = "howto/train-on-my-data.md"
"""The other how-tos go on from what it leaves behind."""
OTHERS = (*(f"howto/{p.name}" for p in sorted((DOCS / "howto").glob("*.md")) if p.name not in FIRST), "index.md")
TAUGHT = ("cold_start.steps=30", "cold_start.batch_size=8", "optim.lr=0.03", "rl.lr=1e-5")
UNREADABLE = re.compile(r"^  .*\[answer_\w+\]$")
"""Of a clip that the model answered with noise."""
RUN = ("bash", "python")
SERVER = "from affectrl.cli.main import run; run()"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The reader's folder, in which all pages are worked through."""
    folder = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("AFFECTRL_MODEL", str(folder / "runs" / "mine"))
        # As `affectrl` starts: the working folder is not where Python looks, unless PYTHONPATH says so.
        patch.setattr(sys, "path", [place for place in sys.path if place not in ("", str(folder))])
        yield folder


class Reader:
    """Does what a page says, and stops where it does not work."""

    def __init__(self, affectrl: Callable[..., Outcome], backbone: Path) -> None:
        self.affectrl, self.backbone = affectrl, backbone
        self.done = 0

    def work_through(self, page: str) -> None:
        for fence in fences(DOCS / page):
            where = f"{page}:{fence.line}"
            if fence.title:
                Path(fence.title).parent.mkdir(parents=True, exist_ok=True)
                Path(fence.title).write_text(fence.body, "utf-8")
            elif fence.language == "python":
                text = fence.body.replace('"affectrl-nano"', '"runs/mine"')
                exec(compile(text, where, "exec"), {"__name__": "__main__"})
                self.done += 1
            elif fence.language == "bash":
                for command in commands(fence):
                    self.perform(command, f"{page}:{command.line}")
                    self.done += 1

    def perform(self, command: Command, where: str) -> None:
        program, *rest = command.words
        print(where, *command.words)
        with pytest.MonkeyPatch.context() as patch:
            if command.settings.pop("PYTHONPATH", None) == ".":
                patch.syspath_prepend(str(Path.cwd()))
            assert not command.settings, f"{where}: sets what this test does not know"
            if rest[:3] == ["-m", "pip", "install"]:
                installable(rest[3:], where)
            elif program == "python":
                runpy.run_path(rest[0], run_name="__main__")
            elif (program, rest[:1]) == ("affectrl", ["serve"]):
                serves(rest, where)
            else:
                assert program == "affectrl", f"{where}: this test does not know how to run {program}"
                stand_in = [f"model.backbone={self.backbone}", *TAUGHT] if rest[0] == "train" else []
                succeeded(self.affectrl(*rest, *stand_in), where)


def succeeded(outcome: Outcome, where: str) -> None:
    """Status 0; or 3 where all that failed is that the stand-in has answered with noise."""
    assert outcome.status in (0, 3), f"{where}: {outcome.err or outcome.out}"
    if outcome.status == 3:
        told = outcome.err[outcome.err.index(" clips answered") :].splitlines()[1:]
        assert [line for line in told if not UNREADABLE.match(line)] == [], where


def installable(words: list[str], where: str) -> None:
    """Extras, constraints and packages that a ``pip install`` names are those of the project."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    pinned = {re.split(r"[=<>]", one)[0] for needs in extras.values() for one in needs}
    while words:
        word = words.pop(0)
        if word in ("-c", "--constraint"):
            assert (REPO / words.pop(0)).is_file(), where
        elif found := re.fullmatch(r"(?:\.|affectrl)\[(.*)\]", word):
            assert set(found[1].split(",")) <= extras.keys(), where
        elif not word.startswith("-"):
            assert word in pinned, f"{where}: {word} is none of our packages"


def serves(words: list[str], where: str) -> None:
    """The server starts, says where, and answers."""
    command = [sys.executable, "-c", SERVER, *words, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            said = ""
            for line in server.stderr:
                said += line
                if found := re.search(r"http://\S+", line):
                    break
            else:
                pytest.fail(f"{where}: {said}")
            assert healthy(f"{found[0]}health", server), where
        finally:
            server.terminate()


def healthy(address: str, server: subprocess.Popen[str]) -> bool:
    """Whether the server answers before it ends; it says where before it takes requests."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                return answer.status == 200
        except urllib.error.URLError:
            time.sleep(0.5)
    return False


@pytest.fixture
def reader(affectrl_command: Callable[..., Outcome], tiny_backbone: Path) -> Reader:
    return Reader(affectrl_command, tiny_backbone)


@pytest.mark.timeout(900)
def test_train_on_my_data(desk: Path, reader: Reader) -> None:
    reader.work_through(FIRST)
    assert reader.done >= 8
    assert (desk / "runs/mine/report.html").is_file()
    assert (desk / "answers.jsonl").read_text("utf-8").count("\n") == 28


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", OTHERS)
def test_what_a_page_says_works(page: str, desk: Path, reader: Reader) -> None:
    if not (desk / "runs/mine/model").is_dir():
        reader.work_through(FIRST)
    reader.work_through(page)
    assert reader.done >= 2


def test_every_command_of_the_pages_is_run() -> None:
    """A fence that looks like commands and is marked as something else would be passed over."""
    shown = [fence for page in (FIRST, *OTHERS) for fence in fences(DOCS / page)]
    passed = [f for f in shown if f.language not in RUN and not f.title and re.search(r"^\$? ?affectrl ", f.body, re.M)]
    assert passed == []
    assert len([f for f in shown if f.language in RUN and not f.title]) > 20
