"""Files that do not fit together, under each command: a clear error, or what is left, as the user chose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROWS = "id,top\n" + "".join(f"c{n},{'sad' if n % 2 else 'happy'}\n" for n in range(8))
COMMANDS = {
    "vote": ("vote", "one=one.csv", "two=odd", "three=three.csv", "--resamples", "0"),
    "fuse": ("fuse", "A=one.csv", "V=odd", "T=three.csv", "--resamples", "0"),
    "compare": ("compare", "one=one.csv", "two=odd", "three=three.csv", "--ref", "ref.csv", "--resamples", "0"),
}
FATAL = {
    "utf-16": ("odd.csv", ROWS.encode("utf-16"), "score_file_syntax", "UTF-16"),
    "utf-16 jsonl": ("odd.jsonl", '{"id": "c0", "top": "sad"}\n'.encode("utf-16"), "score_file_syntax", "UTF-16"),
    "latin-1 header": ("odd.csv", ROWS.replace("top", "gef\u00fchl").encode("latin-1"), "score_file_syntax", "line 1"),
    "semicolons": ("odd.csv", ROWS.replace(",", ";").encode(), "score_file_syntax", "semicolons"),
    "empty": ("odd.csv", b"", "score_file_empty", "empty"),
    "header alone": ("odd.csv", b"id,top\n", "score_file_empty", "no rows"),
    "other clips": ("odd.csv", ROWS.replace("c", "d").encode(), "vote_clips", "clip"),
    "other labels": (
        "odd.csv", ROWS.replace("sad", "green").replace("happy", "blue").encode(), "vote_labels", "--label-set",
    ),
}  # fmt: skip
MENDED = {
    "a label in latin-1": (ROWS.replace("c2,happy", "c2,fr\u00f6hlich").encode("latin-1"), "score_file_syntax", 7),
    "half a row": (ROWS[: ROWS.index("c7") + 2].encode(), "score_file_syntax", 7),
    "two clips missing": (ROWS[: ROWS.index("c6")].encode(), "vote_clips", 6),
    "a clip too many": ((ROWS + "c8,sad\n").encode(), "vote_clips", 8),
}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.csv").write_text(ROWS)
    Path("three.csv").write_text(ROWS.replace("c3,sad", "c3,happy"))
    Path("ref.csv").write_text(ROWS.replace("top", "label"))


def given(command: str, name: str, content: bytes) -> list[str]:
    Path(name).write_bytes(content)
    return [part.replace("odd", name) for part in COMMANDS[command]]


# All three read files by the same code, so that each kind is tried under one of them.
@pytest.mark.parametrize(("kind", "command"), zip(FATAL, [*COMMANDS] * 3, strict=False))
def test_what_no_choice_can_mend(affectrl_command, command: str, kind: str) -> None:
    name, content, code, said = FATAL[kind]
    done = affectrl_command(*given(command, name, content), "--on-mismatch", "intersect")
    assert done.status == 2, done.out
    assert f"[{code}]" in done.err
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(("kind", "command"), zip(MENDED, ["compare", "vote", "fuse", "vote"], strict=True))
def test_what_a_choice_mends(affectrl_command, command: str, kind: str) -> None:
    content, code, left = MENDED[kind]
    asked = given(command, "odd.csv", content)
    refused = affectrl_command(*asked)
    assert refused.status == 2
    assert f"[{code}]" in refused.err
    assert "odd.csv" in refused.err or "lacks" in refused.err
    done = affectrl_command(*asked, "--on-mismatch", "intersect", "--json", "all.json")
    assert done.status == 0, done.err
    whole = json.loads(Path("all.json").read_text())
    assert whole["clips"] == left
    codes = {note["code"] for note in whole["notes"]}
    assert codes & {"vote_intersection", "vote_damaged"}
    assert "warning: " in done.err
    every = affectrl_command(*asked, "--on-mismatch", "abstain", "--json", "all.json")
    assert every.status == 0, every.err
    told = json.loads(Path("all.json").read_text())
    assert told["clips"] == (9 if kind == "a clip too many" and command != "compare" else 8)


def test_a_byte_order_mark_is_no_label(affectrl_command) -> None:
    asked = given("vote", "odd.csv", b"\xef\xbb\xbf" + ROWS.replace("c5,sad", "c5,happy").encode())
    done = affectrl_command(*asked, "--json", "all.json")
    assert done.status == 0, done.err
    assert json.loads(Path("all.json").read_text())["notes"] == []


REFUSED = {
    "one name for two": (("one=one.csv", "one=three.csv"), "vote_names", "'one'"),
    "a file twice": (("one.csv", "one.csv"), "vote_names", "'one'"),
    "no such task": (("one.csv", "three.csv", "--task", "emotion"), "vote_option", "basic"),
    "a setting of no judge": (("one.csv", "three.csv", "--judge-setting", "model=x"), "vote_option", "--judge hf"),
    "a reference of other labels": (("one.csv", "three.csv", "--ref", "strange.csv"), "vote_labels", "green"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_a_vote_refuses(affectrl_command, kind: str) -> None:
    Path("strange.csv").write_text("id,label\n" + "".join(f"c{n},{('green', 'blue')[n % 2]}\n" for n in range(8)))
    asked, code, said = REFUSED[kind]
    done = affectrl_command("vote", *asked)
    assert done.status == 2, done.out
    assert f"[{code}]" in done.err
    assert said in done.err


@pytest.mark.parametrize("command", ["fuse", "compare"])
def test_a_reference_of_other_labels(affectrl_command, command: str) -> None:
    Path("strange.csv").write_text("id,label\n" + "".join(f"c{n},{('green', 'blue')[n % 2]}\n" for n in range(8)))
    done = affectrl_command(command, "A=one.csv", "T=three.csv", "--ref", "strange.csv")
    assert done.status == 2
    assert "[vote_labels]" in done.err
