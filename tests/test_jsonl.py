from __future__ import annotations

import json

import pytest

from affectrl.errors import DataError
from affectrl.jsonl import append_rows, read_rows, write_rows

ROWS = [{"id": "a", "text": "line\u2028separator, \x85 and é"}, {"id": "b", "n": 1.5}, {"id": "c", "list": [1, None]}]


def test_what_is_written_is_read(tmp_path):
    file = tmp_path / "deep" / "rows.jsonl"
    append_rows(file, ROWS[:1])
    append_rows(file, ROWS[1:])
    assert read_rows(file) == ROWS
    assert [json.loads(line) for line in file.read_bytes().decode().strip().split("\n")] == ROWS


def test_a_file_that_is_not_there_has_no_rows(tmp_path):
    assert read_rows(tmp_path / "no.jsonl") == []


def test_cut_anywhere_the_whole_rows_before_are_kept_and_appending_goes_on(tmp_path):
    file = tmp_path / "rows.jsonl"
    write_rows(file, ROWS)
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    for size in range(len(whole) + 1):
        file.write_bytes(whole[:size])
        before = read_rows(file)
        assert before == ROWS[: len(before)]
        ended = sum(len(b"".join(lines[: i + 1])) - 1 <= size for i in range(len(lines)))
        assert len(before) == ended
        append_rows(file, [{"id": "new"}])
        # What a reader was shown before must still be there after the next write, or a resumed run would lose rows.
        assert read_rows(file) == [*before, {"id": "new"}]


def test_a_broken_line_in_the_middle_is_an_error_that_names_it(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"a": 1}\n{"a": \n{"a": 3}\n')
    with pytest.raises(DataError, match="line 2") as caught:
        read_rows(file)
    assert caught.value.code == "jsonl_damaged"
    assert str(file) in str(caught.value)


def test_write_replaces_all_or_nothing(tmp_path):
    file = tmp_path / "rows.jsonl"
    write_rows(file, ROWS)

    def failing():
        yield {"id": "x"}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rows(file, failing())
    assert read_rows(file) == ROWS
    write_rows(file, [])
    assert read_rows(file) == []
    assert file.is_file()
    assert [f.name for f in tmp_path.iterdir()] == ["rows.jsonl"]


def test_names_that_are_no_text_and_numbers_that_json_lacks(tmp_path):
    file, name = tmp_path / "rows.jsonl", "caf\udce9\\\udce9.wav"
    append_rows(file, [{"path": name, "x": [float("nan"), (1.5, float("-inf"))], "n": {"y": float("inf")}}])
    assert read_rows(file) == [{"path": name, "x": [None, [1.5, None]], "n": {"y": None}}]
    file.read_bytes().decode("utf-8")
