from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from affectrl import paths


def test_home_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("AFFECTRL_HOME", str(tmp_path / "mine"))
    assert paths.home() == tmp_path / "mine"
    monkeypatch.setenv("AFFECTRL_HOME", "~/mine")
    assert paths.home() == Path.home() / "mine"
    monkeypatch.delenv("AFFECTRL_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert paths.home() == tmp_path / "affectrl"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert paths.home() == Path.home() / ".cache" / "affectrl"


def test_a_file_appears_whole(tmp_path):
    target = tmp_path / "new" / "file.txt"
    with paths.atomic(target) as scratch:
        scratch.write_text("whole")
        assert not target.exists()
        assert scratch.parent == target.parent
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_takes_the_place_of_the_old_one(tmp_path):
    target = tmp_path / "folder"
    for content in ("old", "new"):
        with paths.atomic(target) as scratch:
            scratch.mkdir()
            (scratch / f"{content}.txt").write_text(content)
    assert [f.name for f in target.iterdir()] == ["new.txt"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_failure_leaves_the_old_one_and_nothing_else(tmp_path, kind):
    target = tmp_path / "thing"

    def fill(place: Path, content: str) -> None:
        if kind == "folder":
            place.mkdir()
        (place / "x" if kind == "folder" else place).write_text(content)

    with paths.atomic(target) as scratch:
        fill(scratch, "old")

    def interrupted() -> None:
        with paths.atomic(target) as scratch:
            fill(scratch, "new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (target / "x" if kind == "folder" else target).read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_several_processes_may_make_the_same_folder_at_once(tmp_path):
    code = (
        "import sys; from pathlib import Path; from affectrl import paths\n"
        "for i in range(60):\n"
        "    with paths.atomic(Path(sys.argv[1])) as scratch:\n"
        "        scratch.mkdir(); (scratch / 'a').write_text('x' * 1000)\n"
    )
    target = tmp_path / "made"
    workers = [subprocess.Popen([sys.executable, "-c", code, str(target)], stderr=subprocess.PIPE) for _ in range(4)]
    errors = [worker.communicate()[1].decode() for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4, errors
    assert (target / "a").read_text() == "x" * 1000
    assert list(tmp_path.iterdir()) == [target]


def test_remove_takes_files_folders_and_nothing(tmp_path):
    (tmp_path / "folder" / "sub").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    for name in ("folder", "file", "neither"):
        paths.remove(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
