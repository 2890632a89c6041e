"""The rules of the house, read off the source. Each sweep says how much it visited, and fails when that is nothing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
SRC = REPO / "src"
PACKAGE = SRC / "affectrl"
DOCS = REPO / "docs" / "errors.md"
MOST_LINES = 400
START_S = 1.0
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "version"),
    ("shelves", "paths", "progress"),
    ("jsonl", "yaml_file"),
    ("emotions",),
    ("answers", "recipes"),
    ("metrics",),
    ("data",),
    ("cues",),
    ("scoring",),
    ("suites",),
    ("models",),
    ("judges",),
    ("rewards",),
    ("rl",),
    ("inference",),
    ("evaluation",),
    ("attribution",),
    ("report",),
    ("ensemble",),
    ("training",),
    ("baselines", "planning"),
    ("sharing",),
    ("nano",),
    ("reproduce",),
    ("serving",),
    ("cli",),
)
"""Rooms and loose modules, low to high; the package's own ``__init__`` is the front door and stands above all."""
HEIGHT = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
TORCH_FREE = [room for rooms in LAYERS[: HEIGHT["models"]] for room in rooms]
ERRORS = ("AffectError", "UsageError", "MediaError", "DataError", "RecipeError", "ModelError")


def visited(things: Sequence[object], what: str) -> None:
    """A sweep over nothing proves nothing."""
    print(f"visited {len(things)} {what}")
    assert things, f"visited no {what}"


def modules() -> dict[str, Path]:
    """Every module of the package: dotted name to file."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(SRC).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imported(file: Path, known: dict[str, Path], *, everywhere: bool = True) -> set[str]:
    """Our modules that a file imports; ``everywhere`` counts functions and type-checking blocks as well."""
    tree = ast.parse(file.read_text("utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree) if everywhere else at_start(tree.body):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name}:{node.lineno} imports relatively"
            base = node.module or ""
            names |= {name if (name := f"{base}.{alias.name}") in known else base for alias in node.names}
    return {name for name in names if name in known}


def at_start(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Statements that run when a module is imported: not in functions, not for type checkers only."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from at_start(node.orelse)
            continue
        yield node
        for name in ("body", "orelse", "finalbody", "handlers"):
            yield from at_start(getattr(node, name, []))


def room(module: str) -> str:
    """``affectrl.data.media.audio`` is in ``data``; the package itself is in ``""``."""
    return (*module.split(".")[1:], "")[0]


def test_every_room_has_a_place() -> None:
    rooms = {room(name) for name in modules()} - {""}
    visited(sorted(rooms), "rooms")
    assert rooms == set(HEIGHT)


def test_imports_go_down() -> None:
    known = modules()
    edges = [(name, other) for name, file in known.items() if room(name) for other in imported(file, known)]
    visited(edges, "imports")
    climbing = [
        f"{name} imports {other}"
        for name, other in edges
        if not room(other) or (room(name) != room(other) and HEIGHT[room(other)] >= HEIGHT[room(name)])
    ]
    assert [line for line in climbing if not line.endswith(" imports affectrl")] == []


def test_no_module_waits_for_itself() -> None:
    known = modules()
    graph = {name: imported(file, known, everywhere=False) - {name} for name, file in known.items()}
    visited(sorted(graph), "modules")
    left = dict(graph)
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    assert left == {}, "modules in or behind an import cycle"


WATCH = """
import importlib, sys
heavy, told = {"torch", "transformers"}, set()
for name in sys.argv[1:]:
    importlib.import_module(name)
    for culprit in sorted((heavy & set(sys.modules)) - told):
        told.add(culprit)
        print(f"{name} imports {culprit}")
"""


def test_what_stands_left_of_models_is_torch_free() -> None:
    light = [name for name in modules() if room(name) in TORCH_FREE]
    visited(light, "modules")
    done = subprocess.run([sys.executable, "-c", WATCH, *light], capture_output=True, text=True, check=True)
    assert done.stdout == ""


HELP = "import sys; sys.argv = ['affectrl', '--help']; from affectrl.cli.main import run; run()"


@pytest.mark.parametrize("code", [HELP, "import affectrl"], ids=["affectrl --help", "import affectrl"])
def test_starts_in_a_second(code: str) -> None:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        times.append(time.perf_counter() - start)
        if times[-1] < START_S:
            break
    visited(times, "starts")
    assert min(times) < START_S


def test_no_source_file_is_long() -> None:
    files = [f for folder in ("src", "tests", "benchmarks") for f in (REPO / folder).rglob("*.py")]
    visited(files, "files")
    lengths = {str(f.relative_to(REPO)): len(f.read_text("utf-8").splitlines()) for f in files}
    assert {name: n for name, n in lengths.items() if n > MOST_LINES} == {}


def test_test_modules_have_names_of_their_own() -> None:
    """Two of one name cannot be collected in one run, though each passes alone."""
    names = [file.name for file in (REPO / "tests").rglob("*.py") if file.name != "conftest.py"]
    visited(names, "modules")
    assert sorted({name for name in names if names.count(name) > 1}) == []


# Written in pieces, so that this file is not its own first finding.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.~/])/(?:home|Users" + r"|work|root|mnt)/[A-Za-z]|[A-Z]:\\Users" + r"\\",
    "a package index": r"--(?:extra-)?index"
    + r"-url|files\.python"
    + r"hosted\.org|artifact"
    + r"ory|://ne"
    + r"xus\.",
    "a private key": r"BEGIN [A-Z ]*PRIVATE" + r" KEY",
    "a token": r"\b(?:hf_[A-Za-z]{30,}|gh[pousr]_\w{30,}|AK" + r"IA[0-9A-Z]{16}|sk-\w{32,}|xox[bap]-\w{10,})",
    "a password": r"(?i)\b(?:pass" + r"word|api_?key|sec" + r"ret)\s*[:=]\s*['\"][^'\"]{6,}",
}


def tracked() -> list[Path]:
    """Text files that git knows or would take up; without git, all that lie there."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    if listing.returncode:
        names = [p for name in ("src", "tests", "docs", "recipes", "benchmarks") for p in (REPO / name).rglob("*")]
    else:
        names = [REPO / name for name in listing.stdout.split("\0") if name]
    files = [p for p in names if p.is_file() and "__pycache__" not in p.parts]
    return [p for p in files if b"\0" not in p.read_bytes()[:4096]]


def test_nothing_of_one_machine_and_no_secrets() -> None:
    files = tracked()
    visited(files, "text files")
    found = [
        f"{file.relative_to(REPO)}:{number}: {what}"
        for file in files
        for number, line in enumerate(file.read_text("utf-8", errors="replace").splitlines(), start=1)
        for what, pattern in FORBIDDEN.items()
        if re.search(pattern, line)
    ]
    assert found == []


Pick = Callable[[ast.AST], list[ast.expr]]


def words(pick: Pick) -> set[str]:
    """Constant strings inside the expressions that ``pick`` finds, over the whole package."""
    found = set()
    for file in modules().values():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            for expression in pick(node):
                # "a" if ... else "b" gives two codes; the condition gives none.
                parts = [expression.body, expression.orelse] if isinstance(expression, ast.IfExp) else [expression]
                found |= {p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)}
    return found


def called(node: ast.AST) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""


def error_code(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Call) and called(node) in ERRORS:
        return [keyword.value for keyword in node.keywords if keyword.arg == "code"]
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("code", "default_code"):
        return [node.value]
    return []


def note_code(node: ast.AST) -> list[ast.expr]:
    return node.args[:1] if isinstance(node, ast.Call) and called(node) == "Note" else []


def finding_code(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Call) and called(node) in ("Finding", "BadRow"):
        place = 0 if called(node) == "Finding" else 3
        return node.args[place : place + 1]
    is_default = isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "code" and node.value is not None
    return [node.value] if is_default else []


def documented(section: str) -> list[str]:
    """Codes in the first column of a section's tables."""
    text = DOCS.read_text("utf-8").split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    return [code for row in re.findall(r"^\|(.+?)\|", text, re.MULTILINE) for code in re.findall(r"`(\w+)`", row)]


@pytest.mark.parametrize(
    ("section", "pick"), [("Errors", error_code), ("Notes", note_code), ("Findings", finding_code)]
)
def test_codes_are_documented(section: str, pick: Pick) -> None:
    raised, told = words(pick), documented(section)
    visited(sorted(raised), f"codes of {section}")
    assert sorted(told) == sorted(set(told)), "a code stands there twice"
    assert set(told) == raised


def test_codes_are_plain_words() -> None:
    codes = sorted(words(error_code) | words(note_code) | words(finding_code))
    visited(codes, "codes")
    assert [code for code in codes if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", code)] == []
