"""``affectrl transfer``: sentences of two populations through a real encoder, real sound, and input that is broken."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from affectrl import jsonl

WORDS = {
    "happy": ("What a lovely day!", "I am so glad.", "We won, hooray!", "That is wonderful."),
    "sad": ("I miss her so much.", "She died last year.", "I cried all night.", "Nobody came to see me."),
    "angry": ("Get out of here!", "How dare you!", "I hate this rubbish.", "Stop it, you liar!"),
}
IN_GERMANY = {"happy": "happiness", "sad": "sadness", "angry": "anger"}


def write(file: Path, rows: list[dict[str, object]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def spoken(start: str, names: dict[str, str] | None = None) -> list[dict[str, object]]:
    """Twelve sentences by four people of two genders, each of whom says one of every emotion."""
    return [
        {
            "id": f"{start}-{label}-{n}",
            "text": text,
            "labels": [(names or {}).get(label, label)],
            "speaker": f"{start}{n}",
            "gender": "f" if n % 2 else "m",
        }
        for label, texts in WORDS.items()
        for n, text in enumerate(texts)
    ]


@pytest.fixture
def en(here: Path) -> Path:
    return write(here / "en.jsonl", spoken("en"))


@pytest.fixture
def de(here: Path) -> Path:
    """The same emotions under other names, and one that only this population has."""
    bored = {"id": "de-bored", "text": "So what.", "labels": ["boredom"], "speaker": "de0"}
    return write(here / "de.jsonl", [*spoken("de", IN_GERMANY), bored])


def test_two_populations(affectrl_command, en: Path, de: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    asked = ["--features", "words=wordllama", "--folds", "2", "--shots", "0,1", "-o", out]
    done = affectrl_command("transfer", f"en={en}", f"de={de}", *asked)
    assert done.status == 0, done.err
    told = json.loads((out / "transfer.json").read_text())
    assert told["labels"] == ["angry", "happy", "sad"]
    assert told["given"] == {"en": 12, "de": 13}
    assert told["clips"] == {"en": 12, "de": 12}, "boredom has no fellow in the other set"
    assert told["skipped"] == 0
    for found in told["uar"].values():
        assert list(found) == ["en", "de"]
        # The same sentences: whoever learned the one set has learned the other by heart.
        assert found["en"]["de"]["value"] == found["de"]["en"]["value"] == 1
    curve = told["few_shots"]["en to de"]
    assert [point["shots"] for point in curve["with en"]] == [0, 1]
    assert [point["shots"] for point in curve["alone"]] == [1]
    assert curve["alone"][0]["uar"]["n"] == 6, "half of the four speakers"
    page = (out / "transfer.html").read_text()
    assert "tested on de" in page
    assert "tested on de" in done.out


def test_parts_of_one_set(affectrl_command, en: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    asked = ["--features", "words=wordllama", "--folds", "2", "--shots", "0", "-o", out]
    done = affectrl_command("transfer", en, "--by", "gender", *asked)
    assert done.status == 0, done.err
    assert json.loads((out / "transfer.json").read_text())["clips"] == {"m": 6, "f": 6}
    done = affectrl_command("transfer", en, "--by", "gendr", *asked)
    assert done.status == 2
    assert "no clip of" in done.err
    assert "gender" in done.err


def test_a_recording_that_cannot_be_read(affectrl_command, small_media: Path, here: Path) -> None:
    (here / "half.wav").write_bytes((small_media / "talk.wav").read_bytes()[:20])
    shutil.copy(small_media / "talk.wav", here / "talk.wav")
    rows: list[dict[str, object]] = [
        {"id": f"c{n}", "audio": "talk.wav", "labels": ["sad" if n % 2 else "happy"], "speaker": "ann"}
        for n in range(4)
    ]
    broken = {"id": "broken", "audio": "half.wav", "labels": ["sad"], "speaker": "ann"}
    a, b = write(here / "a.jsonl", rows), write(here / "b.jsonl", [*rows, broken])
    c = write(here / "c.jsonl", [broken, broken | {"id": "too", "labels": ["happy"]}])
    asked = ["--features", "voice=whisper", "--folds", "2", "--shots", "0", "-o", here / "out"]
    done = affectrl_command("transfer", f"a={a}", f"b={b}", *asked)
    assert done.status == 3, done.err
    assert "1 clips could not be read" in done.err
    (row,) = jsonl.read_rows(here / "out" / "skipped.jsonl")
    assert (row["id"], row["population"]) == ("broken", "b")
    assert row["error"]["code"]
    told = json.loads((here / "out" / "transfer.json").read_text())
    assert told["skipped"] == 1
    assert told["clips"] == {"a": 4, "b": 4}
    assert told["few_shots"] == {}
    assert "a has fewer than two known speakers" in " ".join(done.out.split())
    page = (here / "out" / "transfer.html").read_text()
    assert "1 clips could not be read" in page
    done = affectrl_command("transfer", f"a={a}", f"c={c}", *asked)
    assert done.status == 2
    assert "no clip of c has the features" in done.err
    assert "Traceback" not in done.err


MISFITS = {
    "one population": (["en={en}"], "transfer_populations"),
    "no name": (["{en}", "de={de}"], "transfer_populations"),
    "one name for two": (["en={en}", "en={de}"], "transfer_populations"),
    "no source": (["en=", "de={de}"], "transfer_populations"),
    "no such file": (["en={en}", "de=gone.jsonl"], "manifest_missing"),
    "half a row": (["en={en}", "de=half.jsonl"], "manifest_rows"),
    "utf-16": (["en={en}", "de=wide.jsonl"], "manifest_encoding"),
    "no labels": (["en={en}", "de=bare.jsonl"], "no_clips"),
    "other labels": (["en={en}", "de=strange.jsonl"], "baseline_classes"),
    "too few clips": (["en={en}", "de={de}", "--folds", "20"], "baseline_classes"),
    "no such head": (["en={en}", "de={de}", "--head", "logistc"], "unknown_name"),
    "no such feature": (["en={en}", "de={de}", "--features", "wordllama"], "baseline_feature"),
    "no such encoder": (["en={en}", "de={de}", "--features", "words=wordlama"], "unknown_name"),
    "shots in words": (["en={en}", "de={de}", "--shots", "one"], "transfer_populations"),
    "shots in superscript": (["en={en}", "de={de}", "--shots", "\N{SUPERSCRIPT TWO}"], "transfer_populations"),
    "a file for a folder": (["en={en}", "de={de}", "-o", "notes.txt"], "output_unwritable"),
}


@pytest.mark.parametrize("kind", MISFITS)
def test_what_cannot_be_done_is_said(affectrl_command, en: Path, de: Path, here: Path, kind: str) -> None:
    whole = de.read_bytes()
    (here / "half.jsonl").write_bytes(whole[:-20])
    (here / "wide.jsonl").write_bytes(whole.decode().encode("utf-16"))
    write(here / "strange.jsonl", [{"id": "a", "text": "Well.", "labels": ["xyzzy"]}])
    arguments, code = MISFITS[kind]
    given = [part.format(en=en, de=de) for part in arguments]
    done = affectrl_command("transfer", "--features", "words=wordllama", "-o", here / "out", *given)
    assert done.status == 2, done.out
    assert f"[{code}]" in done.err
    assert "Traceback" not in done.err
