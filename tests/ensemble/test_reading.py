"""Files in: the quick reader and the careful one give the same ballots, and what does not fit is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from affectrl.emotions.label_set import label_set
from affectrl.ensemble import ballots as b
from affectrl.ensemble.opinions import Opinions, of_ballots
from affectrl.ensemble.reading import name_files, read_opinions
from affectrl.errors import AffectError
from affectrl.scoring.files import read

ROWS = [
    {"id": "c1", "top": "happy", "confidence": 0.9, "scores": {"happy": 0.9, "sad": 0.1}},
    {"id": "c2", "top": " Sad ", "confidence": 0.5, "scores": {"happy": 0.5, "sad": 0.5}},
    {"id": "c3", "top": None, "confidence": None, "scores": None},
    {"id": "c4", "top": "angry", "confidence": 0.25, "error": {"code": "x", "message": "y"}},
]


def write_csv(path: Path, rows: list[tuple[str, ...]], header: str = "id,top,confidence") -> Path:
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n", "utf-8")
    return path


def same(one: b.Ballots, other: b.Ballots) -> None:
    assert list(one.ids) == list(other.ids)
    words = [[x.words[w] for w in x.word] for x in (one, other)]
    assert words[0] == words[1]
    assert one.row.tolist() == other.row.tolist()
    assert one.rank.tolist() == other.rank.tolist()
    np.testing.assert_array_equal(one.confidence, other.confidence)
    assert one.scores.keys() == other.scores.keys()
    for word, column in one.scores.items():
        np.testing.assert_allclose(column, other.scores[word], rtol=1e-6)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_quick_and_careful_reader_agree(tmp_path: Path, suffix: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = tmp_path / f"one{suffix}"
    if suffix == ".csv":
        write_csv(file, [("c1", "happy", "0.9"), ("c2", " Sad ", "0.5"), ("c3", "", ""), ("c4", "Angry", "1")])
    elif suffix == ".jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")
    else:
        pq.write_table(pa.table({k: [r.get(k) for r in ROWS] for k in ("id", "top", "confidence")}), file)
    assert b._quick(file, None) is not None, "the quick reader did not take it"
    same(b.read_ballots(file, lists=False), b.of_table(read(file), lists=False))
    assert set(b.read_ballots(file, lists=False).words) <= {"happy", "sad", "angry"}


@pytest.mark.parametrize(
    "text",
    [
        "id,top\n c1,happy\nc2,sad\n",
        "id,top\nc1,\"['happy', 'sad']\"\nc2,sad\n",
        "id,top,confidence\nc1,happy,high\n",
        "id,top\nc1,happy\nc1,sad\n",
        "id,top\nc1,happy\nc2\n",
        "id;top\nc1;happy\n",
        "id,emotions\nc1,happy\n",
        " id ,top\nc1,happy\n",
    ],
    ids=["blank", "list", "word", "twin", "half", "semicolons", "no column", "header"],
)
def test_what_is_odd_goes_to_the_careful_reader(tmp_path: Path, text: str) -> None:
    file = tmp_path / "odd.csv"
    file.write_text(text, "utf-8")
    assert b._quick(file, None) is None


def opinions(tmp_path: Path, files: dict[str, list[tuple[str, ...]]], **settings: object) -> Opinions:
    made = {name: write_csv(tmp_path / f"{name}.csv", rows) for name, rows in files.items()}
    return read_opinions(made, **settings).opinions  # type: ignore[arg-type]


ONE = [("a", "happy", "0.5"), ("b", "sad", "0.7"), ("c", "sad", "0.2")]
TWO = [("c", "sad", "0.4"), ("a", "angry", "0.6"), ("b", "sad", "0.1")]


def test_rows_are_paired_by_name(tmp_path: Path) -> None:
    found = opinions(tmp_path, {"one": ONE, "two": TWO})
    words = {i: [found.labels[k] for k in row] for i, row in zip(found.ids, found.codes, strict=True)}
    assert words == {"a": ["happy", "angry"], "b": ["sad", "sad"], "c": ["sad", "sad"]}
    at = {i: n for n, i in enumerate(found.ids)}
    picked = (found.clip == at["a"]) & (found.voter == 1)
    assert found.confidence[picked].tolist() == [0.6]


def test_clips_that_not_all_have(tmp_path: Path) -> None:
    files = {"one": ONE, "two": TWO[:2]}
    with pytest.raises(AffectError, match=r"lacks 1 of 3 clips.*'b'.*on-mismatch") as caught:
        opinions(tmp_path, files)
    assert caught.value.code == "vote_clips"
    both = {n: tmp_path / f"{n}.csv" for n in files}
    found = read_opinions(both, on_mismatch="intersect")
    assert list(found.opinions.ids) == ["a", "c"]
    assert [note.code for note in found.notes] == ["vote_intersection"]
    assert "2 of 3 clips stand in all files" in found.notes[0].message
    everyone = read_opinions(both, on_mismatch="abstain")
    assert list(everyone.opinions.ids) == ["a", "b", "c"]
    assert everyone.opinions.cast.tolist() == [2, 1, 2]
    assert [note.code for note in everyone.notes] == ["vote_missing"]


def test_no_clip_in_common(tmp_path: Path) -> None:
    with pytest.raises(AffectError, match="no clip stands in all 2 files") as caught:
        opinions(tmp_path, {"one": ONE, "two": [("x", "happy", "1")]}, on_mismatch="intersect")
    assert caught.value.code == "vote_clips"


def test_half_written_rows(tmp_path: Path) -> None:
    write_csv(tmp_path / "one.csv", ONE)
    (tmp_path / "two.csv").write_text("id,top,confidence\na,happy,0.5\nb,sad,0.5\nc,sa", "utf-8")
    (tmp_path / "three.jsonl").write_text(
        '{"id": "a", "top": "happy"}\n{"id": "b", "top": "sad"}\n{"id": "c", "to', "utf-8"
    )
    files = {"one": tmp_path / "one.csv", "two": tmp_path / "two.csv", "three": tmp_path / "three.jsonl"}
    with pytest.raises(AffectError, match=r"line 3 is no JSON"):
        read_opinions(files)
    found = read_opinions(files, on_mismatch="intersect")
    assert list(found.opinions.ids) == ["a", "b"]
    told = [note.message for note in found.notes if note.code == "vote_damaged"]
    assert any("line 4 has 2 cells" in message for message in told)
    assert any("line 3 is no JSON" in message for message in told)


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    write_csv(tmp_path / "one.csv", ONE)
    (tmp_path / "two.csv").write_bytes(b"id,top,confidence\na,happy,0.5\nb,tr\xe4urig,0.5\nc,sad,0.5\n")
    files = {"one": tmp_path / "one.csv", "two": tmp_path / "two.csv"}
    with pytest.raises(AffectError, match="line 3 is not UTF-8"):
        read_opinions(files)
    found = read_opinions(files, on_mismatch="intersect")
    assert list(found.opinions.ids) == ["a", "c"]
    assert any("line 3 is not UTF-8" in note.message for note in found.notes)


def test_copies_vote_once(tmp_path: Path) -> None:
    rows = {"one": ONE, "two": TWO, "three": ONE}
    made = {name: write_csv(tmp_path / f"{name}.csv", given) for name, given in rows.items()}
    found = read_opinions(made)
    assert found.opinions.voters == ("one", "two")
    assert [note.code for note in found.notes] == ["vote_copy"]


def test_order_of_files_does_not_matter(tmp_path: Path) -> None:
    made = {n: write_csv(tmp_path / f"{n}.csv", r) for n, r in {"one": ONE, "two": TWO, "z": TWO[::-1]}.items()}
    forward, back = (read_opinions(dict(order)).opinions for order in (made.items(), reversed(made.items())))
    assert forward.voters == back.voters
    for name in ("clip", "voter", "label", "rank", "confidence"):
        np.testing.assert_array_equal(getattr(forward, name), getattr(back, name))


def test_label_sets(tmp_path: Path) -> None:
    cremad = label_set("cremad")
    files = {"one": [("a", "Happiness", "1"), ("b", "anger", "1")], "two": [("a", "happy", "1"), ("b", "awe", "1")]}
    with pytest.raises(AffectError, match=r"1 labels are none of the set cremad: 'awe'") as caught:
        opinions(tmp_path, files, label_set=cremad)
    assert caught.value.code == "vote_labels"
    found = opinions(tmp_path, files, label_set=cremad, on_mismatch="abstain")
    assert found.labels == cremad.labels
    assert [[found.labels[k] if k >= 0 else None for k in row] for row in found.codes] == [
        ["happy", "happy"],
        ["anger", None],
    ]
    with pytest.raises(AffectError, match="have none of them"):
        opinions(tmp_path, {"one": [("a", "joy", "1")], "two": [("a", "happy", "1")]})


def test_confidence_out_of_range(tmp_path: Path) -> None:
    with pytest.raises(AffectError, match=r"'b' \(line 3\): the confidence '70'") as caught:
        opinions(tmp_path, {"one": [("a", "sad", "0.5"), ("b", "sad", "70")], "two": TWO})
    assert caught.value.code == "vote_confidence"


@pytest.mark.parametrize("label", [{"happy": 0.9, "sad": 0.1}, [{"happy": 0.9}]])
def test_a_mapping_is_no_label(tmp_path: Path, label: object) -> None:
    file = tmp_path / "one.jsonl"
    file.write_text("".join(json.dumps({"id": name, "top": label}) + "\n" for name in "ab"))
    with pytest.raises(AffectError, match=r"is no text") as caught:
        b.read_ballots(file, lists=False)
    assert caught.value.code == "vote_label"


def test_names_of_voters(tmp_path: Path) -> None:
    assert list(name_files(["x/a.csv", "y/a.csv", "A.hubert=z.csv"])) == ["x/a", "y/a", "A.hubert"]
    with pytest.raises(AffectError, match="two files are called 'A'"):
        name_files(["A=one.csv", "A=two.csv"])
    with pytest.raises(AffectError, match="1 different files"):
        read_opinions({"one": write_csv(tmp_path / "one.csv", ONE)})


def test_onto_other_clips() -> None:
    found = of_ballots(["a", "b", "c"], {"one": [["x"], ["y"], []], "two": [["y"], ["y"], ["z"]]})
    moved = found.onto(["c", "new", "a"], np.array([2, -1, 0]))
    assert moved.cast.tolist() == [1, 0, 2]
    assert [[moved.labels[k] if k >= 0 else None for k in row] for row in moved.codes] == [
        [None, "z"],
        [None, None],
        ["x", "y"],
    ]
