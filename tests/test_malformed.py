"""What is wrong with the input is said by the command in one line, with a documented code and without a traceback.

Every case is one line of a table: what is given, the code, and words that the message must hold (file or field).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
CODES = set(re.findall(r"`(\w+)`", (REPO / "docs" / "errors.md").read_text("utf-8")))
Make = Callable[[Path, Path], None]
"""Given the good media's folder and the path to make."""


def data(content: bytes) -> Make:
    return lambda _, path: path.write_bytes(content) and None


def part(name: str, start: int, end: int | None) -> Make:
    """Some bytes of a good file."""
    return lambda good, path: path.write_bytes((good / name).read_bytes()[start:end]) and None


def half(name: str) -> Make:
    return lambda good, path: part(name, 0, (good / name).stat().st_size // 2)(good, path)


def wav(samples: bytes) -> bytes:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


BOMB = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
BOMB += png_chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + png_chunk(b"IEND", b"")
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 8

MEDIA: list[tuple[str, Make, str]] = [
    ("zero.wav", data(b""), "media_empty"),
    ("zero.mp4", data(b""), "media_empty"),
    ("zero.jpg", data(b""), "media_empty"),
    ("header.wav", data(wav(b"")), "media_empty"),
    ("stub.wav", part("talk.wav", 0, 20), "media_corrupt"),
    ("cut.mp4", half("film.mp4"), "media_corrupt"),
    ("tail.mp4", part("film.mp4", 900, None), "media_corrupt"),
    ("cut.png", half("face.png"), "media_corrupt"),
    ("corrupt.jpg", data(JPEG), "media_corrupt"),
    ("text.mp4", data(b"This is no film."), "media_corrupt"),
    ("text.wav", data(b"This is no sound."), "media_corrupt"),
    ("text.png", data(b"This is no picture."), "media_corrupt"),
    ("page.mp3", data(b"<html><body>404 Not Found</body></html>"), "media_corrupt"),
    ("list.mp4", data(b"ffconcat version 1.0\nfile talk.wav\n"), "media_corrupt"),
    ("picture.wav", part("face.png", 0, None), "media_corrupt"),
    ("sound.png", part("talk.wav", 0, None), "media_corrupt"),
    ("bomb.png", data(BOMB), "media_too_large"),
    ("silent.wav", data(wav(b"\0" * 32_000)), "nothing_to_read"),
    ("gone.wav", lambda *_: None, "media_missing"),
    ("x" * 300 + ".wav", lambda *_: None, "media_missing"),
    ("link.wav", lambda _, path: path.symlink_to("nowhere.wav"), "media_missing"),
    ("pipe.wav", lambda _, path: os.mkfifo(path), "media_unreadable"),
    ("notes.txt", data(b"Notes."), "media_unknown_type"),
    ("nosuffix", data(b"\x00\x01\x02\x03"), "media_unknown_type"),
]


@pytest.mark.parametrize(("name", "make", "code"), MEDIA, ids=[name[:20] for name, _, _ in MEDIA])
def test_media(affectrl_command, small_media, tiny_model, tmp_path, name: str, make: Make, code: str) -> None:
    make(small_media, tmp_path / name)
    done = affectrl_command("predict", tmp_path / name, "--model", tiny_model, "--labels", "happy,sad")
    (row,) = [json.loads(line) for line in done.out.splitlines()]
    assert (done.status, row["error"]["code"]) == (3, code)
    assert row["path"] == str(tmp_path / name)
    assert name in row["error"]["message"]
    assert (row["emotions"], row["top"], row["confidence"]) == ([], None, None)
    assert f"[{code}]" in done.err
    assert "Traceback" not in done.err
    assert code in CODES


CLIPS = [
    ({"audio": "mute.mp4"}, "media_no_audio", "mute.mp4"),
    ({"video": "talk.wav", "use_video_audio": False}, "media_no_video", "talk.wav"),
    ({"audio": "talk.wav", "start": 100}, "media_window", "100 s"),
    ({"image": "talk.wav"}, "media_corrupt", "talk.wav"),
    ({"audio": "face.png"}, "media_corrupt", "face.png"),
    ({"audio": "."}, "media_directory", "directory"),
    ({"audio": "gone.wav"}, "media_missing", "gone.wav"),
]


@pytest.mark.parametrize(("row", "code", "words"), CLIPS, ids=lambda x: str(x) if isinstance(x, dict) else "")
def test_rows_of_a_manifest(affectrl_command, small_media, tiny_model, tmp_path, row, code, words) -> None:
    shutil.copytree(small_media, tmp_path, dirs_exist_ok=True)
    (tmp_path / "m.jsonl").write_text(json.dumps({"id": "a", **row}) + '\n{"id": "b", "text": "Well."}\n')
    done = affectrl_command("predict", tmp_path / "m.jsonl", "--model", tiny_model, "--labels", "happy,sad")
    bad, good = [json.loads(line) for line in done.out.splitlines()]
    assert (done.status, bad["error"]["code"], good["error"]) == (3, code, None)
    assert words in bad["error"]["message"]
    assert "Traceback" not in done.err
    assert code in CODES


def refused(done, code: str, *words: str) -> None:
    """One line with a documented code, which names what is wrong; status 2; nothing on standard output."""
    assert "Traceback" not in done.err
    assert done.status == 2
    assert done.out == ""
    (line,) = [line for line in done.err.splitlines() if line.startswith("affectrl: ")]
    assert line.endswith(f"[{code}]")
    assert [word for word in words if word not in line] == []
    assert code in CODES


MANIFESTS: list[tuple[str, bytes, str, str]] = [
    ("m.jsonl", b"", "manifest_empty", "m.jsonl"),
    ("m.jsonl", b'{"id": "a"', "manifest_rows", "line 1: not valid JSON"),
    ("m.jsonl", b"[1, 2]\n", "manifest_rows", "line 1: a row is a JSON object, not list"),
    ("m.jsonl", b'{"id": "a"}\n', "manifest_rows", "line 1: a clip needs at least one of"),
    ("m.jsonl", b'{"id": "a", "text": "x"}\n' * 2, "manifest_rows", "line 2: id: another row is called 'a'"),
    ("m.jsonl", b'{"text": "x"}\n', "manifest_rows", "line 1: id: is missing"),
    ("m.jsonl", b'{"id": "a", "text": 5}\n', "manifest_rows", "line 1: text: expected text, not 5"),
    ("m.jsonl", b'{"id": "a", "text": "x", "start": 2, "end": 1}\n', "manifest_rows", "end (1 s) is not after start"),
    ("m.jsonl", b'{"id": "a", "text": "x", "start": "soon"}\n', "manifest_rows", "line 1: start"),
    ("m.jsonl", b'{"id": "a", "text": "x", "labels": [1]}\n', "manifest_rows", "line 1: labels"),
    ("m.jsonl", b'{"id": "a", "text": "x", "labls": "sad"}\n', "manifest_rows", "Did you mean 'labels'?"),
    ("m.jsonl", b'{"id": "a", "audio": "https://x.org/a.wav"}\n', "manifest_rows", "line 1: audio"),
    ("m.jsonl", b'{"id": "a", "path": "a.xyz"}\n', "manifest_rows", "line 1: path: 'a.xyz'"),
    ("m.jsonl", b"\xff\xfe\x00\x01", "manifest_encoding", "line 1: not UTF-8"),
    ("m.csv", b"", "manifest_empty", "m.csv"),
    ("m.csv", b"1,2,3\n4,5,6\n", "manifest_columns", "line 1 names no column"),
    ("m.csv", b"id,text,text\na,b,c\n", "manifest_columns", "two columns are called 'text'"),
    ("m.csv", b"id,text\na,well, then\n", "manifest_rows", "line 2: more cells"),
    ("m.csv", b'id,text\na,"open\n', "manifest_syntax", "m.csv"),
    ("m.parquet", b"PAR1 but no more", "manifest_syntax", "m.parquet"),
    ("m.parquet", b"", "manifest_syntax", "m.parquet"),
]


@pytest.mark.parametrize(("name", "content", "code", "words"), MANIFESTS)
def test_manifests(affectrl_command, tmp_path, name: str, content: bytes, code: str, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    refused(affectrl_command("predict", tmp_path / name), code, name, words)
    refused(affectrl_command("eval", tmp_path, "--data", tmp_path / name), code, name, words)


SOURCES = [
    (["nowhere.jsonl"], "manifest_missing", "nowhere.jsonl"),
    (["empty"], "manifest_missing", "empty"),
    (["notes.txt"], "manifest_suffix", "'.txt'"),
    (["ravdess"], "source", "ravdess:FOLDER"),
    (["ravdes:empty"], "unknown_name", "Did you mean 'ravdess'?"),
    (["ravdess:nowhere"], "folder_missing", "nowhere"),
    (["ravdess:empty"], "dataset_layout", "empty"),
    (["words.jsonl", "--split", "tset"], "unknown_split", "Did you mean 'test'?"),
    (["words.jsonl", "--speakers", "7"], "unknown_speaker", "Speakers: ann."),
    (["words.jsonl", "--speakers", "9-3"], "speakers", "9-3"),
    (["bare.jsonl"], "no_clips", "bare.jsonl"),
    (["words.jsonl"], "model_missing", "here"),
    (["words.jsonl", "-o", "notes.txt/x.jsonl"], "model_missing", "here"),
]


@pytest.mark.parametrize(
    ("arguments", "code", "words"), SOURCES, ids=lambda x: "-".join(x) if isinstance(x, list) else ""
)
def test_sources(affectrl_command, here: Path, arguments: list[str], code: str, words: str) -> None:
    refused(affectrl_command("eval", here, "--data", *arguments), code, words)


CALLS = [
    (["convert", "nope.pth", "--layout", "affectgpt", "--check"], "model_missing", "nope.pth: there is no such file"),
    (["convert", "m" * 5000, "--layout", "affectgpt", "--check"], "model_missing", "there is no such file"),
    (["convert", "empty", "--layout", "affectgpt", "--check"], "model_missing", "empty: holds no weights"),
    (["convert", "notes.txt", "--layout", "affectgpt", "--check"], "model_invalid", "notes.txt: is no checkpoint"),
    (["convert", "empty", "--layout", "afectgpt", "--check"], "unknown_name", "Did you mean 'affectgpt'?"),
    (["convert", "empty", "--layout", "affectgpt"], "usage", "--check"),
    (["convert", "empty", "--layout", "affectgpt", "--check", "--encoder", "voice"], "usage", "STREAM="),
    (["convert", "empty", "--layout", "affectgpt", "--check", "--prompt", "nope"], "usage", "nope: cannot be read"),
    (["convert", "empty", "--layout", "affectgpt", "--to", "notes.txt"], "output_unwritable", "notes.txt"),
    (["predict"], "no_input", "--text"),
    (["predict", "--text", "  "], "no_input", "--text"),
    (["predict", "empty"], "no_input", "empty"),
    (["predict", "*.wav"], "no_input", "*.wav"),
    (["predict", "a.wav", "b.wav", "--text", "Well."], "text_for_many", "2 clips"),
    (["predict", "--text", "Well.", "--labels", "happy"], "labels_invalid", "happy"),
    (["predict", "--text", "Well.", "--labels", "sad,Sad"], "labels_invalid", "sad, sad"),
    (["predict", "--text", "Well.", "--labels", ""], "labels_invalid", "(none)"),
    (["predict", "--text", "Well.", "--labels", "sad,happy/glad"], "labels_invalid", "'happy/glad'"),
    (["predict", "--text", "Well.", "--labels", "sad,a b c d e"], "labels_invalid", "at most 4 words"),
    (["predict", "--text", "Well.", "--model", "nowhere"], "model_missing", "nowhere: is not a folder"),
    (["predict", "--text", "Well.", "--model", "empty"], "model_missing", "empty: is no model"),
    (["predict", "--text", "Well.", "--model", "m" * 5000], "model_missing", "is not a folder"),
    (["predict", "--text", "Well.", "--model", "~nobody-of-that-name/m"], "model_missing", "is not a folder"),
    (["predict", "--text", "Well.", "--model", "notes.txt"], "model_missing", "notes.txt"),
    (["predict", "--text", "Well.", "-o", "empty"], "output_unwritable", "empty"),
    (["predict", "--text", "Well.", "-o", "notes.txt/rows.jsonl"], "output_unwritable", "notes.txt: "),
    (["report", "empty"], "run_missing", "empty"),
    (["sandbox", "out", "--splits", "train"], "sandbox_share", "--splits 'train'"),
    (["sandbox", "out", "--n", "0"], "sandbox_count", "0"),
    (["train", "ravdess-speech", "--runs", "notes.txt"], "output_unwritable", "notes.txt"),
    (["train", "nowhere.yaml"], "recipe_missing", "nowhere.yaml"),
    (["train", "r" * 5000], "recipe_missing", "there is no recipe"),
    (["train", "ravdess-speach"], "recipe_missing", "Did you mean 'ravdess-speech'?"),
]


@pytest.mark.parametrize(
    ("arguments", "code", "words"), CALLS, ids=lambda x: " ".join(x) if isinstance(x, list) else ""
)
def test_calls(affectrl_command, here: Path, arguments: list[str], code: str, words: str) -> None:
    refused(affectrl_command(*arguments), code, words)


OPTIONS = [
    (["predic"], "predic"),
    (["predict", "--lables", "a,b"], "--lables"),
    (["predict", "--batch-size", "0"], "--batch-size"),
    (["eval", "empty"], "--data"),
    (["sandbox", "out", "--domain", "moon"], "--domain"),
]


@pytest.mark.parametrize(("arguments", "words"), OPTIONS, ids=lambda x: " ".join(x) if isinstance(x, list) else "")
def test_options(affectrl_command, here: Path, arguments: list[str], words: str) -> None:
    done = affectrl_command(*arguments)
    assert (done.status, words in done.err, "Traceback" in done.err) == (2, True, False)


def card(**changes: object) -> Make:
    def change(_: Path, folder: Path) -> None:
        file = folder / "affectrl.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return change


def cut(name: str) -> Make:
    return lambda _, folder: (folder / name).write_bytes((folder / name).read_bytes()[:100]) and None


def gone(name: str) -> Make:
    return lambda _, folder: (folder / name).unlink()


ADAPTER = "adapter/adapter_model.safetensors"
MODELS: list[tuple[str, Make, str, str]] = [
    ("no card", gone("affectrl.json"), "model_missing", "affectrl.json"),
    ("half a card", cut("affectrl.json"), "model_invalid", "affectrl.json"),
    ("empty card", card(model={"backbone": 5}), "model_invalid", "affectrl.json"),
    ("newer card", card(format_version=99), "model_invalid", "newer"),
    ("wrong task", card(task={}), "model_invalid", "affectrl.json"),
    ("wrong format", card(task={"format": 3, "labels": None}), "model_invalid", "affectrl.json"),
    ("no fusion", gone("fusion.safetensors"), "model_invalid", "fusion.safetensors"),
    ("half a fusion", cut("fusion.safetensors"), "model_invalid", "fusion.safetensors"),
    ("no adapter", gone(ADAPTER), "model_invalid", "adapter_model.safetensors"),
    ("half an adapter", cut(ADAPTER), "model_invalid", "adapter_model.safetensors"),
    (
        "swapped",
        lambda _, f: shutil.copy(f / ADAPTER, f / "fusion.safetensors") and None,
        "model_invalid",
        "fusion.safete",
    ),
]


@pytest.mark.parametrize(("what", "damage", "code", "words"), MODELS, ids=[row[0] for row in MODELS])
def test_models(affectrl_command, here, tiny_model, what: str, damage: Make, code: str, words: str) -> None:
    shutil.copytree(tiny_model, here / "model")
    damage(here, here / "model")
    refused(affectrl_command("predict", "--text", "Well.", "--model", "model"), code, words)


def test_a_backbone_that_is_gone_or_damaged(affectrl_command, here, tiny_model, tiny_backbone) -> None:
    shutil.copytree(tiny_model, here / "model")
    spec = json.loads((here / "model" / "affectrl.json").read_text())["model"]
    card(model=spec | {"backbone": "lm"})(here, here / "model")
    ask = ("predict", "--text", "Well.", "--model", "model")
    refused(affectrl_command(*ask), "weights_unknown", "'lm'")
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        shutil.copytree(tiny_backbone, here / "lm", dirs_exist_ok=True)
        cut(name)(here, here / "lm")
        refused(affectrl_command(*ask), "model_invalid", "lm: ")
