"""Real speech from espeak, heard by the packaged Whisper: words, their times, and windows with words of their own."""

from __future__ import annotations

import builtins
import json
import re
from pathlib import Path

import numpy as np
import pytest

from affectrl.data.clip import Clip
from affectrl.data.media.audio import SAMPLE_RATE
from affectrl.data.sandbox.speech import SPEECH_RATE_HZ, Delivery, speak
from affectrl.errors import ModelError
from affectrl.inference import transcript
from affectrl.inference.transcript import Transcriber, Word, stretches
from affectrl.models.cache import FeatureCache
from small_films import write_film

FIRST, SECOND = "Leave my brother alone, you bully!", "We won the match, I am so happy."
SECOND_AT = 5.0


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sentences, the second after five seconds."""
    sound = np.zeros(10 * SAMPLE_RATE, np.float32)
    for text, at in ((FIRST, 0.3), (SECOND, SECOND_AT)):
        said = speak(text, Delivery("en-us+m3", rate_wpm=150))
        times = np.arange(0, len(said) / SPEECH_RATE_HZ, 1 / SAMPLE_RATE)
        said = np.interp(times, np.arange(len(said)) / SPEECH_RATE_HZ, said).astype(np.float32)
        begin = round(at * SAMPLE_RATE)
        sound[begin : begin + len(said)] = said
    file = tmp_path_factory.mktemp("speech") / "talk.wav"
    write_film(file, sound, None)
    return file


@pytest.fixture(scope="module")
def transcriber(tmp_path_factory: pytest.TempPathFactory) -> Transcriber:
    return Transcriber(FeatureCache(tmp_path_factory.mktemp("heard")))


def plain(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def errors(said: str, heard: str) -> float:
    """Word error rate, by the edit distance of words."""
    a, b = plain(said), plain(heard)
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1] / len(a)


def test_words_and_their_times(recording: Path, transcriber: Transcriber) -> None:
    words = transcriber.words(recording)
    assert errors(f"{FIRST} {SECOND}", "".join(w.text for w in words)) <= 0.3
    assert all(w.start <= w.end for w in words)
    assert [w.start for w in words] == sorted(w.start for w in words)
    late = [w for w in words if plain(w.text) in (["match"], ["happy"])]
    assert late
    assert all(SECOND_AT < w.start < 9 for w in late)
    assert all(0 <= w.probability <= 1 for w in words)


def test_each_window_has_its_own_words(
    recording: Path, transcriber: Transcriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [
        Clip(id="a", audio=recording, start=0.0, end=4.5),
        Clip(id="b", audio=recording, start=4.5, end=10.0),
        Clip(id="c", audio=recording, start=4.5, end=10.0, text="Given."),
    ]
    fresh = Transcriber(transcriber.cache)
    fresh.expect(clips)
    calls: list[float] = []
    real = transcript.read_audio
    monkeypatch.setattr(transcript, "read_audio", lambda *a, **k: calls.append(k["start"]) or real(*a, **k))
    found = [fresh.transcribed(clip) for clip in clips]
    assert len(calls) == 1, "heard once, not once a window"
    (one, said), (two, later), (given, beside) = found
    assert errors(FIRST, said) <= 0.34
    assert errors(SECOND, later) <= 0.34
    assert (one.text, two.text) == (said, later)
    assert (given.text, beside) == ("Given.", later)
    assert Transcriber(transcriber.cache).words(recording, 0.0, 10.0)
    assert len(calls) == 1, "remembered"


def test_long_recordings_are_heard_in_pieces(
    recording: Path, transcriber: Transcriber, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A border at 5.8 s lies within the second sentence; no word is lost or heard twice there."""
    monkeypatch.setattr(transcript, "PIECE_S", 5.8)
    cut = Transcriber(FeatureCache(tmp_path)).words(recording)
    whole = transcriber.words(recording)
    assert errors("".join(w.text for w in whole), "".join(w.text for w in cut)) <= 0.1
    assert cut[-1].end == pytest.approx(whole[-1].end, abs=0.5)


def test_what_has_no_words(transcriber: Transcriber, small_media: Path, tmp_path: Path) -> None:
    silent = tmp_path / "silent.wav"
    write_film(silent, np.zeros(SAMPLE_RATE, np.float32), None)
    assert transcriber.transcribed(Clip(id="s", audio=silent)) == (Clip(id="s", audio=silent), "")
    for clip in (Clip(id="p", image=small_media / "face.png"), Clip(id="m", video=small_media / "mute.mp4")):
        assert transcriber.transcribed(clip) == (clip, None)


def test_stretches_are_joined_where_they_are_near() -> None:
    assert stretches([(4, 8), (0, 4), (30, 34), (100, None), (120, 130)]) == [(0, 34), (100, None)]
    assert stretches([(0, 4), (40, 44)]) == [(0, 4), (40, 44)]
    assert stretches([(0, None), (3, 4)]) == [(0, None)]


def test_words_survive_the_cache() -> None:
    words = [Word(0.5, 0.75, " Grüße", 0.5), Word(1.0, 2.0, " you.", 0.25)]
    assert transcript._unpacked(transcript._packed(words)) == words
    assert transcript._unpacked(transcript._packed([])) == []


def test_the_command(affectrl_command, recording: Path, tiny_model: Path) -> None:
    asked = ("--labels", "happy,sad", "--model", tiny_model, "--window", "5s", "--transcribe")
    done = affectrl_command("predict", recording, *asked)
    assert done.status == 0, done.err
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert all(errors(text, row["transcript"]) <= 0.34 for text, row in zip((FIRST, SECOND), rows, strict=True))
    assert all("text" in row["modalities"] for row in rows)
    assert all(row["notes"][-1]["code"] == "transcribed" for row in rows)
    spoken = affectrl_command("predict", recording, *asked, "--format", "csv").out
    assert "transcript" in spoken.splitlines()[0]
    assert "match" in affectrl_command("predict", recording, *asked, "--format", "srt").out


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, affectrl_command, recording: Path, tiny_model) -> None:
    real = builtins.__import__

    def without(name: str, *more, **named):
        if name == "faster_whisper":
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModelError) as error:
        Transcriber().prepare()
    assert error.value.code == "transcriber_missing"
    done = affectrl_command("predict", recording, "--model", tiny_model, "--transcribe")
    assert (done.status, "pip install 'affectrl[transcribe]'" in done.err) == (2, True)
