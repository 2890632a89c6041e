from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from affectrl.cli.data import app
from affectrl.errors import DataError, UsageError


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200", "TERM": "dumb"})


@pytest.fixture
def clean(files, speak) -> Path:
    rows = []
    for i in range(3):
        files.sound(f"{i}.wav", speak(i))
        row = {"id": f"c{i}", "audio": f"{i}.wav", "labels": ["happy"], "speaker": f"s{i}", "split": "train"}
        rows.append(json.dumps(row))
    return files.text("manifest.jsonl", "\n".join(rows))


def test_list_names_readers_and_label_sets() -> None:
    result = run("list")
    assert result.exit_code == 0
    for word in ("ravdess", "emodb", "fer2013", "meld", "mer2023", "boredom"):
        assert word in result.stdout


def test_describe_a_reader_a_label_set_and_a_manifest(clean: Path) -> None:
    assert "CC BY-NC-SA" in run("describe", "ravdess").stdout
    assert "joyful" in run("describe", "mer2023").stdout
    told = run("describe", clean).stdout
    for words in ("3 clips", "by split", "by modalities", "audio", "by label", "by speaker", "happy"):
        assert words in told
    assert "by group" not in told


def test_a_clean_set(clean: Path) -> None:
    result = run("check", clean, "--label-set", "sandbox")
    assert result.exit_code == 0
    assert "3 clips: nothing found." in result.stdout
    assert "checking media: 3/3" in result.stderr
    assert run("check", clean.parent, "--quiet").stderr == ""


def test_findings_on_screen_and_in_a_file(clean: Path, tmp_path: Path) -> None:
    with clean.open("a") as file:
        file.write('\nnot json\n{"id": "c0", "text": "again"}\n{"id": "[b]", "audio": "gone.wav", "labels": "odd"}\n')
    out = tmp_path / "out" / "findings.jsonl"
    result = run("check", clean, "--label-set", "sandbox", "--jsonl", out)
    assert result.exit_code == 3
    assert "findings in 5 clips: 1 bad_row, 1 duplicate_id, 1 unknown_label, 1 media_missing." in result.stdout
    assert "[b]" in result.stdout
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["code"] for row in rows] == ["bad_row", "duplicate_id", "unknown_label", "media_missing"]
    assert set(rows[0]) == {"code", "message", "clip", "path"}


def test_an_empty_manifest_is_a_finding(files) -> None:
    result = run("check", files.text("m.jsonl", ""))
    assert result.exit_code == 3
    assert "manifest_empty" in result.stdout


def test_leaks(clean: Path, files, speak) -> None:
    files.sound("other/9.mp3", speak(1), 44_100, 64_000)
    other = files.text("other/manifest.csv", "id,audio\nagain,9.mp3\n")
    out = files.folder / "leaks.jsonl"
    result = run("leaks", clean, other, "--jsonl", out)
    assert result.exit_code == 3
    assert "3 clips against 1: 1 near audio." in result.stdout
    (row,) = [json.loads(line) for line in out.read_text().splitlines()]
    assert (row["a"], row["b"], row["match"], row["modality"]) == ("c1", "again", "near", "audio")


def test_nothing_in_common(clean: Path, files) -> None:
    other = files.text("other/manifest.jsonl", '{"id": "x", "text": "something else entirely"}')
    result = run("leaks", clean, other)
    assert result.exit_code == 0
    assert "nothing in common" in result.stdout


def test_media_that_cannot_be_compared_are_told(clean: Path, files) -> None:
    other = files.text("other/manifest.jsonl", '{"id": "x", "audio": "gone.wav"}')
    assert "not compared: x: " in run("leaks", clean, other).stderr


@pytest.mark.parametrize(
    ("words", "error", "status"),
    [
        (["describe", "nowhere.jsonl"], DataError, 2),
        (["check", "nosuch:folder"], UsageError, 2),
        (["check", "nowhere.csv"], DataError, 2),
        (["leaks", "nowhere.jsonl", "nowhere.jsonl"], DataError, 2),
    ],
)
def test_wrong_use_is_an_error_of_ours(words: list[str], error: type, status: int) -> None:
    raised = run(*words).exception
    assert isinstance(raised, error)
    assert raised.exit_status == status


def test_an_unknown_label_set(clean: Path) -> None:
    raised = run("check", clean, "--label-set", "sandbocks").exception
    assert isinstance(raised, UsageError)
    assert "sandbox" in str(raised)


@pytest.mark.parametrize("words", [["check"], ["leaks", "only-one"], ["list", "--no-such"], ["nothing"]])
def test_wrong_words_exit_with_2(words: list[str]) -> None:
    assert run(*words).exit_code == 2


def test_label_set_of_a_reader_is_checked_unasked(shared_data: Path) -> None:
    result = run("check", f"meld:{shared_data / 'meld'}")
    assert result.exit_code == 3
    assert "speaker_in_two_splits" in result.stdout
    assert "unknown_label" not in result.stdout
    assert "give --label-set" not in result.stdout
