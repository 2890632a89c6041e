from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affectrl.data.clip import Blob, Clip
from affectrl.data.manifest import read_manifest, scan_manifest, write_manifest
from affectrl.errors import DataError

SUFFIXES = (".jsonl", ".csv", ".parquet")

MALFORMED = {
    "not-json.jsonl": ('{"id": "a", "text": "x"}\nid: b\n', "manifest_rows", "line 2: not valid JSON"),
    "cut-short.jsonl": ('{"id": "a", "text": "x"}\n{"id": "b", "te', "manifest_rows", "line 2: not valid JSON"),
    "nested.jsonl": ("[" * 100_000, "manifest_rows", "line 1: not valid JSON: nested too deeply"),
    "huge-number.jsonl": (f'{{"id": "a", "start": 1{"0" * 5000}}}', "manifest_rows", "too many digits"),
    "surrogate.jsonl": ('{"id": "a", "text": "\\ud800"}', "manifest_rows", "half a surrogate pair"),
    "array.jsonl": ('["a", "b"]\n', "manifest_rows", "line 1: a row is a JSON object, not list"),
    "no-id.jsonl": ('{"text": "x"}\n', "manifest_rows", "line 1: id: is missing"),
    "blank-id.jsonl": ('{"id": "", "text": "x"}\n', "manifest_rows", "line 1: id: is empty"),
    "odd-id.jsonl": ('{"id": {"a": 1}, "text": "x"}\n', "manifest_rows", "line 1: id: expected text, not {'a': 1}"),
    "same-id.jsonl": ('{"id": "a", "text": "x"}\n' * 2, "manifest_rows", "line 2: id: another row is called 'a'"),
    "no-modality.jsonl": ('{"id": "a", "label": "sad"}\n', "manifest_rows", "line 1: a clip needs at least one of"),
    "text-type.jsonl": ('{"id": "a", "text": 5}\n', "manifest_rows", "line 1: text: expected text, not 5"),
    "media-type.jsonl": ('{"id": "a", "audio": 5}\n', "manifest_rows", "line 1: audio: expected a file path"),
    "address.jsonl": ('{"id": "a", "audio": "https://x/y.wav"}\n', "manifest_rows", "is an address; download"),
    "zero.jsonl": ('{"id": "a", "audio": "a\\u0000.wav"}\n', "manifest_rows", "cannot hold a zero character"),
    "start-type.jsonl": ('{"audio": "a.wav", "start": "soon"}\n', "manifest_rows", "start: expected a number of sec"),
    "backwards.jsonl": ('{"audio": "a.wav", "start": 2, "end": 1}\n', "manifest_rows", "end .1 s. is not after start"),
    "flag-type.jsonl": ('{"video": "a.mp4", "use_video_audio": "maybe"}\n', "manifest_rows", "expected true or false"),
    "labels-map.jsonl": (
        '{"id": "a", "text": "x", "labels": {"sad": 1}}\n',
        "manifest_rows",
        "labels: labels are words",
    ),
    "labels-num.jsonl": (
        '{"id": "a", "text": "x", "labels": [1]}\n',
        "manifest_rows",
        "labels: labels are words, not 1",
    ),
    "misspelt.jsonl": ('{"id": "a", "text": "x", "labls": "sad"}\n', "manifest_rows", "labls: .* mean 'labels'"),
    "extras.jsonl": ('{"id": "a", "text": "x", "extras": [1]}\n', "manifest_rows", "extras is a mapping"),
    "path.jsonl": ('{"path": "a.xyz"}\n', "manifest_rows", "path: 'a.xyz' has no suffix that tells"),
    "empty.jsonl": ("", "manifest_empty", "the manifest has no rows"),
    "empty.csv": ("", "manifest_empty", "the manifest has no rows"),
    "only-header.csv": ("id,text\n", "manifest_empty", "the manifest has no rows"),
    "no-header.csv": ("c1,a.wav,happy\nc2,b.wav,sad\n", "manifest_columns", "line 1 names no column that we know"),
    "twice.csv": ("id,text,Text\na,b,c\n", "manifest_columns", "two columns are called 'text'"),
    "comma.csv": ("id,text\na,well, yes\n", "manifest_rows", "line 2: more cells than the header has columns"),
    "quote.csv": ('id,text\na,"b\n', "manifest_syntax", "not valid CSV"),
    "labels.csv": ('id,text,labels\na,x,"[sad"\n', "manifest_rows", "line 2: labels: not valid JSON"),
    "latin.csv": (b"id,text\na,caf\xe9\n", "manifest_encoding", "line 2: not UTF-8 text"),
    "broken.parquet": ("PAR1 is how it starts", "manifest_syntax", "not a readable Parquet file"),
    "hollow.parquet": ("", "manifest_syntax", "not a readable Parquet file"),
    "list.json": ("[]", "manifest_suffix", "a manifest ends in .jsonl, .csv, .parquet, not in '.json'"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_manifests_say_what_is_wrong_and_where(files, name: str) -> None:
    content, code, reason = MALFORMED[name]
    with pytest.raises(DataError, match=reason) as caught:
        read_manifest(files.text(name, content))
    assert caught.value.code == code
    assert str(caught.value).startswith(str(files.folder / name))
    assert caught.value.exit_status == 2


def test_missing_manifest_and_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nope\.jsonl: there is no such file"):
        read_manifest(tmp_path / "nope.jsonl")
    with pytest.raises(DataError, match="is a folder"):
        read_manifest(tmp_path)


def test_five_bad_rows_are_shown_and_the_rest_counted(files) -> None:
    path = files.text("bad.jsonl", '{"id": "ok", "text": "x"}\n' + "oops\n" * 8)
    with pytest.raises(DataError, match="8 of 9 rows cannot be used") as caught:
        read_manifest(path)
    assert "line 6" in str(caught.value)
    assert "line 7" not in str(caught.value)
    assert str(caught.value).endswith("And 3 more.")


def test_scan_keeps_the_good_rows(files) -> None:
    path = files.text("mixed.jsonl", '{"id": "a", "text": "x"}\n\noops\n{"id": "a", "text": "y"}\n')
    clips, bad = scan_manifest(path)
    assert [clip.text for clip in clips] == ["x"]
    assert [(row.where, row.code) for row in bad] == [("line 3", "bad_row"), ("line 4", "duplicate_id")]


def full_clip(folder: Path) -> Clip:
    return Clip(
        id="a/1",
        video=folder / "sub" / "a.mp4",
        audio=folder / "a.wav",
        image=folder / "a.jpg",
        text='He said: "no, never";\nthen left',
        use_video_audio=False,
        start=0.125,
        end=3.0000001,
        labels=("happy; glad", "[odd]"),
        reasoning="The smile.",
        speaker="01",
        group="female",
        split="train",
        extras={"n": 3, "none": None, "list": [1, {"x": None}], "ünï": "ö"},
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_round_trip_loses_nothing(tmp_path: Path, suffix: str) -> None:
    clips = [full_clip(tmp_path), Clip(id="b", text="only text"), Clip(id="c", audio=Path("/elsewhere/c.wav"))]
    path = tmp_path / f"m{suffix}"
    write_manifest(clips, path)
    assert read_manifest(path) == clips


words = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1).map(str.strip).filter(bool)
cells = st.one_of(st.integers(-(2**50), 2**50), st.booleans(), words, st.lists(words, max_size=2))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=words,
    labels=st.lists(words, max_size=3),
    start=st.none() | st.floats(0, 1e6, allow_nan=False),
    extras=st.dictionaries(words.filter(lambda word: len(word) > 12), cells, max_size=2),
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_any_words_survive(tmp_path: Path, suffix: str, text, labels, start, extras) -> None:
    clip = Clip(id="x", text=text, labels=tuple(labels), start=start, extras=extras)
    path = tmp_path / f"m{suffix}"
    write_manifest([clip], path)
    assert read_manifest(path) == [clip]


def test_paths_stay_relative_so_that_a_folder_can_move(files, speak) -> None:
    audio = files.sound("set/wav/a.wav", speak(0))
    write_manifest([Clip(id="a", audio=audio)], files.folder / "set/manifest.jsonl")
    assert json.loads((files.folder / "set/manifest.jsonl").read_text())["audio"] == "wav/a.wav"
    (files.folder / "set").rename(files.folder / "moved")
    (clip,) = read_manifest(files.folder / "moved/manifest.jsonl")
    assert clip.audio == files.folder / "moved/wav/a.wav"
    assert clip.audio.is_file()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_media_in_memory_survive(tmp_path: Path, jpeg, suffix: str) -> None:
    data = jpeg(1)
    write_manifest([Clip(id="a", image=Blob(data, "train/face 1.jpg"))], tmp_path / f"m{suffix}")
    (clip,) = read_manifest(tmp_path / f"m{suffix}")
    held = clip.image.data if isinstance(clip.image, Blob) else clip.image.read_bytes()
    assert held == data
    assert (tmp_path / "media").is_dir() == (suffix != ".parquet")


def test_columns_that_others_use(files) -> None:
    path = files.text("m.csv", "file_name,Emotion,transcript,Season\nwav/a.wav,happy;surprised,Oh!,3\n")
    (clip,) = read_manifest(path)
    assert clip.id == "wav/a.wav"
    assert clip.audio == files.folder / "wav/a.wav"
    assert clip.labels == ("happy", "surprised")
    assert clip.text == "Oh!"
    assert clip.extras == {"Season": "3"}


def test_a_byte_order_mark_and_windows_line_ends_are_fine(files) -> None:
    path = files.text("m.csv", "\ufeffid,text\r\na,yes\r\n")
    assert read_manifest(path)[0].id == "a"
    path = files.text("m.jsonl", '\ufeff{"id": "a", "text": "one\\u2028two"}\r\n')
    assert read_manifest(path)[0].text == "one\u2028two"


def test_csv_and_parquet_are_what_their_readers_expect(tmp_path: Path) -> None:
    clips = [Clip(id="a", text="x, y", labels=("happy", "calm"))]
    write_manifest(clips, tmp_path / "m.csv")
    with (tmp_path / "m.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == [{"id": "a", "text": "x, y", "labels": "happy;calm"}]
    write_manifest(clips, tmp_path / "m.parquet")
    assert pq.read_table(tmp_path / "m.parquet").to_pylist() == [
        {"id": "a", "text": "x, y", "labels": ["happy", "calm"]}
    ]


def test_writing_refuses_what_it_could_not_read_back(tmp_path: Path) -> None:
    twice = [Clip(id="a", text="x")] * 2
    with pytest.raises(DataError, match="stand there twice"):
        write_manifest(twice, tmp_path / "m.jsonl")
    with pytest.raises(DataError, match="clip 'a' cannot be written as JSON"):
        write_manifest([Clip(id="a", text="x", extras={"f": object()})], tmp_path / "m.jsonl")
    with pytest.raises(DataError, match="ends in"):
        write_manifest([], tmp_path / "m.tsv")
    assert list(tmp_path.iterdir()) == []
