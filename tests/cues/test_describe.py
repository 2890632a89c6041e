"""Statements about sandbox clips against the parameters that the clips were made with."""

from __future__ import annotations

from pathlib import Path

import pytest

from affectrl.cues.describe import (
    Statement,
    describe,
    describe_all,
    face_statements,
    told,
    usual_by_speaker,
    voice_of,
    voice_statements,
    word_statements,
)
from affectrl.cues.reference import LEVELS, Reference, measured, reference, save
from affectrl.cues.voice import VOICE_CUES, VoiceMeasures
from affectrl.data.clip import Clip
from affectrl.data.sandbox.generate import generate
from affectrl.data.sandbox.plan import Settings, plan
from affectrl.errors import DataError, UsageError

pytest.importorskip("librosa", reason="librosa is not installed: pip install 'affectrl[cues]'")
MIX = {"audio+text": 1.0}
N = 28


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    return generate(tmp_path_factory.mktemp("voices"), N, seed=5, modalities=MIX, speakers=6, workers=1)


def test_what_is_said_of_voices_is_what_they_were_told_to_be(clips: list[Clip]) -> None:
    """Loud clips were made louder than quiet ones, fast ones faster, and so on: by the plan, not by a measure."""
    plans = [plan(i, Settings(5, modalities=MIX, speakers=6)) for i in range(N)]
    made: dict[str, list[float]] = {}
    for statements, planned in zip(describe_all(clips), plans, strict=True):
        for each in statements:
            amounts = {
                "level": planned.voice.loudness + planned.speaker.voice.loudness,
                "pitch": planned.voice.pitch,
                "rate": planned.voice.rate,
                "brightness": planned.voice.tilt,
            }
            if each.cue in amounts:
                made.setdefault(each.word, []).append(amounts[each.cue])
    for low, high in (("quiet", "loud"), ("low", "high"), ("slow", "fast"), ("dull", "sharp")):
        assert len(made[low]) >= 2
        assert len(made[high]) >= 2
        assert sorted(made[low])[len(made[low]) // 2] < sorted(made[high])[len(made[high]) // 2]
    assert max(made["quiet"]) < min(made["loud"])


def test_a_film_sounds_as_its_sound(clips: list[Clip], tmp_path: Path) -> None:
    film = generate(tmp_path, 1, seed=5, modalities={"video+audio+text": 1.0}, speakers=6, workers=1)[0]
    whole = voice_of(film)
    alone = voice_of(film.model_copy(update={"text": None}))
    assert whole is not None
    assert alone is not None
    assert whole.level == alone.level
    assert voice_of(film.model_copy(update={"use_video_audio": False})) is None


def test_a_place_is_the_share_below() -> None:
    row = [float(k) for k in range(len(LEVELS))]
    usual = Reference("made", 9, dict.fromkeys(VOICE_CUES, row), {"pitch": [v - 6 for v in row]})
    assert usual.place("level", 6.0) == pytest.approx(0.5)
    assert usual.place("level", 9.5) == pytest.approx(0.85)
    assert usual.place("level", -3.0) == 0.01
    assert usual.place("pitch", 30.0, usual=30.0) == pytest.approx(0.5), "relative to the speaker"
    assert usual.place("level", 6.0, usual=99.0) == pytest.approx(0.5), "no row within speakers"


def test_statements_are_graded() -> None:
    row = [float(k) for k in range(len(LEVELS))]
    usual = Reference("made", 9, dict.fromkeys(VOICE_CUES, row), {})
    found = VoiceMeasures(pitch=10.0, range=6.0, level=12.5, rate=1.9, pauses=0.0, brightness=6.0, ending=None)
    said = voice_statements(found, usual)
    assert [each.said for each in said] == ["very loud", "slow", "high"], "pauses have no word for few"
    assert said[0].value == 12.5
    middling = VoiceMeasures(pitch=6.0, range=6.0, level=6.0, rate=6.0, pauses=6.0, brightness=6.0, ending=6.0)
    assert voice_statements(middling, usual) == [Statement("voice", "even", "even")]
    assert voice_statements(VoiceMeasures(*[None] * len(VOICE_CUES)), usual) == []
    assert told(said) == "The voice is very loud and slow."


def test_words_and_faces() -> None:
    assert [(s.word, s.evidence) for s in word_statements("I am so grateful, and proud!")] == [
        ("pleasant", ("grateful", "proud")),
        ("exclaiming", ()),
    ]
    assert [s.word for s in word_statements("The bus leaves at ten.")] == ["plain"]
    assert [s.word for s in word_statements("Why are you so miserable?")] == ["unpleasant", "asking"]
    assert [s.said for s in face_statements({"happy": 0.9, "sad": 0.1})] == ["happy"]
    assert [s.said for s in face_statements({"happy": 0.6, "sad": 0.4})] == ["somewhat happy"]
    assert [s.said for s in face_statements({"happy": 0.4, "sad": 0.35, "angry": 0.25})] == ["unclear"]


def test_all_channels_in_one_text(clips: list[Clip]) -> None:
    text = told(describe(clips[0], face=lambda clip: {"angry": 0.8, "sad": 0.2}))
    assert text.startswith("The voice is ")
    assert " The face is angry. The words are " in text
    assert told(describe(Clip(id="t", text="Fine."))) == "The words are plain."


def test_a_reference_of_ones_own(clips: list[Clip], tmp_path: Path) -> None:
    rows: dict[str, list[VoiceMeasures]] = {}
    for clip in clips[:14]:
        rows.setdefault("one", []).append(voice_of(clip))  # type: ignore[arg-type]
    found = measured(rows, "fourteen clips")
    save({"mine": found}, tmp_path / "mine.yaml")
    again = reference(tmp_path / "mine.yaml")
    assert again == found
    middle = found.across["level"][LEVELS.index(0.5)]
    assert sum((m.level or 0) <= middle for m in rows["one"]) == 7
    with pytest.raises(DataError, match="reference"):
        measured({"one": rows["one"][:2]}, "two clips")
    (tmp_path / "bad.yaml").write_text("mine: {source: x}\n")
    with pytest.raises(DataError) as caught:
        reference(tmp_path / "bad.yaml")
    assert caught.value.code == "cue_reference"
    with pytest.raises(UsageError) as wrong:
        reference("ravdes")
    assert "ravdess" in str(wrong.value)


def test_built_in_references_are_whole() -> None:
    for name in ("sandbox", "ravdess"):
        found = reference(name)
        assert found.n >= 150
        for table in (found.across, found.within):
            assert set(table) == set(VOICE_CUES)
            assert all(list(row) == sorted(row) for row in table.values())


def test_few_clips_make_no_usual_voice() -> None:
    clips = [Clip(id=str(i), text="x", speaker="ann" if i < 5 else "ben") for i in range(9)]
    each = VoiceMeasures(1.0, 1.0, -20.0, 4.0, 0.0, -5.0, 0.0)
    assert set(usual_by_speaker(clips, [each] * 9)) == {"ann"}
