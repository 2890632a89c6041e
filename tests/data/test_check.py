from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affectrl.data.check import check
from affectrl.data.clip import Blob, Clip
from affectrl.data.manifest import read_manifest
from affectrl.emotions import label_set


def codes(findings) -> list[tuple[str, str | None]]:
    return [(finding.code, finding.clip) for finding in findings]


def test_a_clean_set_has_no_findings(files, speak, paint) -> None:
    clips = [
        Clip(id="sound", audio=files.sound("a.flac", speak(1)), labels=("happy",), speaker="1", split="train"),
        Clip(id="film", video=files.film("b.mp4", 2, speak(2)), labels=("sad",), speaker="2", split="test"),
        Clip(id="mute film", video=files.film("c.mp4", 3), labels=("anger",), speaker="3", split="test"),
        Clip(id="face", image=files.image("d.jpg", paint(4)), labels=("joy",), speaker="4", split="test"),
        Clip(id="words", text="I cannot believe it.", labels=("surprised",), speaker="1", split="train"),
    ]
    assert check(clips, labels=label_set("sandbox")) == []


BROKEN = {
    "missing.wav": (None, "media_missing"),
    "hollow.wav": (b"", "media_empty"),
    "words.wav": (b"these are words, not sound" * 9, "media_corrupt"),
    "words.mp4": (b"these are words, not a film" * 9, "media_corrupt"),
    "words.jpg": (b"these are words, not a picture" * 9, "media_corrupt"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_media(files, name: str) -> None:
    content, code = BROKEN[name]
    if content is not None:
        files.text(name, content)
    field = {".wav": "audio", ".mp4": "video", ".jpg": "image"}[Path(name).suffix]
    (finding,) = check([Clip(id="x", **{field: files.folder / name})])
    assert (finding.code, finding.clip, finding.path) == (code, "x", str(files.folder / name))


def test_files_that_open_but_break_off(files, speak) -> None:
    sound = files.sound("a.wav", speak(1)).read_bytes()
    (finding,) = check([Clip(id="a", audio=Blob(sound[: len(sound) // 2], "cut.wav"))])
    assert (finding.code, finding.path) == ("truncated", "cut.wav")


def test_silence_also_in_a_film(files) -> None:
    silence = np.zeros(16_000, np.float32)
    clips = [
        Clip(id="a", audio=files.sound("a.wav", silence)),
        Clip(id="b", video=files.film("b.mp4", 1, silence)),
        Clip(id="c", video=files.film("c.mp4", 2, silence), use_video_audio=False),
    ]
    assert codes(check(clips)) == [("silent_audio", "a"), ("silent_audio", "b")]


def test_blank_text_is_told_where_it_was_given(files, speak) -> None:
    files.sound("a.wav", speak(1))
    rows = ['{"id": "a", "audio": "a.wav", "text": ""}', '{"id": "b", "audio": "a.wav", "transcript": "  "}']
    rows.append('{"id": "c", "audio": "a.wav", "text": null}')
    clips = read_manifest(files.text("m.jsonl", "\n".join(rows)))
    assert codes(check(clips)) == [("empty_text", "a"), ("empty_text", "b")]
    clips = read_manifest(files.text("m.csv", 'id,audio,text\na,a.wav,\nb,a.wav," "\n'))
    assert codes(check(clips)) == [("empty_text", "b")]


def test_labels_that_no_answer_can_be_read_as() -> None:
    clips = [Clip(id="a", text="x", labels=("sad", "sad and tired")), Clip(id="b", text="x", labels=("sad",))]
    (finding,) = check(clips)
    assert (finding.code, finding.clip, finding.message) == (
        "unreadable_label",
        "a",
        "no answer can be read as 'sad and tired'.",
    )


def test_labels_against_a_set() -> None:
    clips = [
        Clip(id="a", text="x", labels=("Happiness",)),
        Clip(id="b", text="x", labels=("hapy", "sad")),
        Clip(id="c", text="x"),
    ]
    findings = check(clips, labels=label_set("sandbox"))
    assert codes(findings) == [("unknown_label", "b"), ("no_label", "c")]
    assert findings[0].message == "'hapy' is no label of sandbox."
    assert check(clips) == []


def test_ids_speakers_and_content_in_two_splits() -> None:
    def clip(name: str, split: str | None, data: bytes, **more) -> Clip:
        return Clip(id=name, text="x", extras={"data": data.decode()}, split=split, **more)

    clips = [
        clip("a", "train", b"1", speaker="Ann"),
        clip("b", "test", b"2", speaker="Ann"),
        clip("c", "train", b"3", speaker="Bob"),
        clip("c", None, b"4", speaker="Bob"),
    ]
    findings = check(clips)
    assert codes(findings) == [("duplicate_id", "c"), ("speaker_in_two_splits", None)]
    assert findings[1].message == "speaker 'Ann' has clips in test (1), train (1)."


def test_content_in_two_splits_counts_moments_not_files(files, speak) -> None:
    audio = files.sound("a.wav", speak(1))
    copy = files.text("copy.wav", audio.read_bytes())
    same = [Clip(id="a", audio=audio, split="train"), Clip(id="b", audio=copy, split="test")]
    assert codes(check(same)) == [("content_in_two_splits", "a")]
    assert "a (train), b (test)" in check(same)[0].message
    cuts = [
        Clip(id="a", audio=audio, end=0.7, split="train"),
        Clip(id="b", audio=copy, start=0.7, split="test"),
        Clip(id="c", audio=audio, end=0.7, split="train"),
    ]
    assert check(cuts) == []


def test_rows_for_json() -> None:
    (finding,) = check([Clip(id="a", text="x")], labels=label_set("meld"))
    assert finding.row() == {"code": "no_label", "message": "it has no label.", "clip": "a", "path": None}


def test_shared_emodb_is_clean(shared_data: Path) -> None:
    from affectrl.data.load import load_clips

    clips = load_clips(f"emodb:{shared_data / 'emodb'}", speakers=["03"])
    assert len(clips) > 20
    assert check(clips, labels=label_set("emodb")) == []
