from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from affectrl import paths
from affectrl.errors import UsageError


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


def test_a_folder_never_gives_way_to_a_file_nor_a_file_to_a_folder(tmp_path):
    (tmp_path / "dear").mkdir()
    (tmp_path / "dear" / "one.txt").touch()
    (tmp_path / "file").write_text("old")
    with pytest.raises(UsageError, match="is a folder") as caught, paths.atomic(tmp_path / "dear") as scratch:
        scratch.write_text("new")
    assert caught.value.code == "output_unwritable"
    with pytest.raises(UsageError, match="is a file") as caught, paths.atomic(tmp_path / "file") as scratch:
        scratch.mkdir()
    assert caught.value.code == "output_unwritable"
    assert sorted(str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*")) == ["dear", "dear/one.txt", "file"]


def test_sweep_removes_what_a_kill_left_and_nothing_else(tmp_path):
    code = "from affectrl import paths; import os, sys; from pathlib import Path\n"
    code += "with paths.atomic(Path(sys.argv[1])) as scratch: scratch.mkdir(); (scratch / 'x').touch(); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "a" / "b"], check=False).returncode == 9
    (tmp_path / ".mine.tmp").touch()
    assert len(list(tmp_path.rglob("*"))) == 4
    paths.sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.rglob("*")) == [".mine.tmp", "a"]


def test_what_is_shared_can_be_read_by_others(tmp_path):
    """safetensors makes files that only their owner can read."""
    import torch
    from safetensors.torch import save_file

    (tmp_path / "usual").touch()
    usual = (tmp_path / "usual").stat().st_mode
    with paths.atomic(tmp_path / "model") as scratch:
        scratch.mkdir()
        save_file({"a": torch.zeros(1)}, scratch / "a.safetensors")
    with paths.atomic(tmp_path / "b.safetensors") as scratch:
        save_file({"b": torch.zeros(1)}, scratch)
    assert (tmp_path / "model" / "a.safetensors").stat().st_mode == usual
    assert (tmp_path / "b.safetensors").stat().st_mode == usual
