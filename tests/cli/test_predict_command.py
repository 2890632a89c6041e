from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from affectrl.version import __version__


def rows_of(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_rows_go_to_standard_output(affectrl_command, small_media: Path, tiny_model: Path) -> None:
    done = affectrl_command("predict", small_media / "talk.wav", "--labels", "happy,sad", "--model", tiny_model)
    assert (done.status, done.err) == (0, "")
    (row,) = rows_of(done.out)
    assert row["id"] == "talk"
    assert row["top"] in ("happy", "sad")
    assert row["error"] is None


def test_rows_go_to_a_file(affectrl_command, small_media: Path, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "rows.jsonl"
    done = affectrl_command("predict", small_media, "--labels", "happy,sad", "--model", tiny_model, "-o", out)
    assert (done.status, done.out) == (0, "")
    assert f"4 of 4 clips answered -> {out}" in done.err
    assert [row["id"] for row in rows_of(out.read_text())] == ["face", "film", "mute", "talk"]


def test_some_failed_is_status_3(affectrl_command, small_media: Path, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "none.wav").touch()
    inputs = [small_media / "talk.wav", tmp_path / "none.wav", tmp_path / "gone.wav"]
    done = affectrl_command("predict", *inputs, "--labels", "happy,sad", "--model", tiny_model)
    assert done.status == 3
    rows = rows_of(done.out)
    assert [row["error"] and row["error"]["code"] for row in rows] == [None, "media_empty", "media_missing"]
    assert "1 of 3 clips answered" in done.err
    assert f"{tmp_path / 'gone.wav'}: there is no such file." in done.err


def test_text_alone(affectrl_command, tiny_model: Path) -> None:
    done = affectrl_command("predict", "--text", "I can't believe it", "--labels", "happy,sad", "--model", tiny_model)
    (row,) = rows_of(done.out)
    assert (done.status, row["id"], row["path"], row["modalities"]) == (0, "text", None, ["text"])


def test_the_default_model(affectrl_command, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AFFECTRL_MODEL", raising=False)
    asked = ("predict", "--text", "So good!", "--labels", "happy,sad")
    with monkeypatch.context() as without:
        without.setattr("affectrl.models.weights.OWN", {})
        assert affectrl_command(*asked).status == 2
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "runs" / "one" / "model").symlink_to(tiny_model)
    assert affectrl_command(*asked).status == 0
    monkeypatch.setenv("AFFECTRL_MODEL", str(tmp_path / "nowhere"))
    done = affectrl_command(*asked)
    assert done.status == 2
    assert "nowhere: is not a folder." in done.err


def test_a_folder_is_never_overwritten(affectrl_command, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "dear.txt").touch()
    done = affectrl_command("predict", "--text", "Well.", "--model", tiny_model, "-o", tmp_path / "results")
    assert (done.status, "[output_unwritable]" in done.err) == (2, True)
    assert (tmp_path / "results" / "dear.txt").exists()


def test_a_file_name_need_not_be_text(affectrl_command, small_media: Path, tiny_model: Path, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9.wav")
    odd.write_bytes((small_media / "talk.wav").read_bytes())
    done = affectrl_command("predict", tmp_path, "--labels", "happy,sad", "--model", tiny_model)
    (row,) = rows_of(done.out)
    assert (done.status, row["error"], os.fsencode(row["path"])) == (0, None, os.fsencode(odd))


def test_the_installed_command(small_media: Path, tiny_model: Path, tmp_path: Path) -> None:
    """The same through a process of its own; rows only on standard output, the reader may leave early."""
    code = "from affectrl.cli.main import run; run()"
    command = [sys.executable, "-c", code, "predict", small_media / "talk.wav", tmp_path / "gone.wav"]
    done = subprocess.run(
        [*command, "--labels", "happy,sad", "--model", tiny_model], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert [row["id"] for row in rows_of(done.stdout)] == ["talk", "gone"]
    ours = ("1 of 2 clips answered", f"  gone: {tmp_path / 'gone.wav'}: ")
    assert [line for line in done.stderr.splitlines() if not line.startswith(ours)] == [], "nothing of any library's"


def test_a_kill_loses_no_finished_row(small_media: Path, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    out.write_text("old\n")
    code = """
import os
from affectrl import jsonl
from affectrl.cli.main import run
append, left = jsonl.append_rows, 3
def counting(file, rows):
    global left
    append(file, rows)
    left -= bool(rows)
    if not left:
        os._exit(9)
jsonl.append_rows = counting
run()
"""
    command = [sys.executable, "-c", code, "predict", small_media, "--labels", "happy,sad", "--model", tiny_model]
    assert subprocess.run([*command, "-o", out, "--batch-size", "1"], check=False).returncode == 9
    assert [row["id"] for row in rows_of(out.read_text())] == ["face", "film", "mute"]


def test_a_model_that_is_not_there_leaves_the_old_rows(affectrl_command, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    out.write_text("old\n")
    done = affectrl_command("predict", "--text", "Well.", "--model", tmp_path / "no", "-o", out)
    assert (done.status, out.read_text()) == (2, "old\n")


def test_version(affectrl_command) -> None:
    done = affectrl_command("--version")
    assert (done.status, done.out) == (0, f"affectrl {__version__}\n")


def test_windows_as_subtitles_and_a_picture(
    affectrl_command, small_media: Path, tiny_model: Path, tmp_path: Path
) -> None:
    out, picture = tmp_path / "talk.srt", tmp_path / "talk.svg"
    asked = ("--labels", "happy,sad", "--model", tiny_model, "--window", "0.5s")
    done = affectrl_command("predict", small_media / "talk.wav", *asked, "-o", out, "--plot", picture)
    assert done.status == 0, done.err
    assert "00:00:00,500 --> 00:00:01,000" in out.read_text()
    assert picture.is_file()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["talk.srt", "talk.svg"]


def test_a_table_on_the_terminal(affectrl_command, small_media: Path, tiny_model: Path) -> None:
    asked = ("--labels", "happy,sad", "--model", tiny_model, "--format", "table", "--explain")
    done = affectrl_command("predict", small_media / "talk.wav", *asked)
    assert done.out.splitlines()[0].split() == ["clip", "emotion", "sure", "from", "gave"]
    assert "audio" in done.out.splitlines()[1]


def test_it_goes_on_where_it_was(affectrl_command, small_media: Path, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    asked = ("predict", small_media, "--labels", "happy,sad", "--model", tiny_model, "-o", out)
    affectrl_command(*asked)
    whole = rows_of(out.read_text())
    marked = whole[0] | {"reasoning": "kept"}
    out.write_text(json.dumps(marked) + "\n" + json.dumps(whole[1])[:30])
    assert affectrl_command(*asked, "--resume").status == 0
    again = rows_of(out.read_text())
    assert again[0] == marked
    # In other company a clip's numbers are rounded in another order.
    scores = [row.pop("scores") for rows in (again, whole) for row in rows[1:]]
    for theirs, ours in zip(scores[:3], scores[3:], strict=True):
        assert theirs == pytest.approx(ours, abs=1e-5)
    same = ("id", "path", "emotions", "top", "modalities", "error")
    assert [[row[key] for key in same] for row in again[1:]] == [[row[key] for key in same] for row in whole[1:]]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (["--window", "soon"], "usage"),
        (["--window", "0"], "usage"),
        (["--format", "doc"], "unknown_name"),
        (["--resume"], "usage"),
        (["--format", "srt"], "srt_times"),
    ],
)
def test_what_cannot_be_written(
    affectrl_command, small_media: Path, tiny_model: Path, asked: list[str], code: str
) -> None:
    done = affectrl_command("predict", small_media / "talk.wav", "--labels", "happy,sad", "--model", tiny_model, *asked)
    assert done.status in (1, 2)
    assert f"[{code}]" in done.err
