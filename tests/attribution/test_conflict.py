"""Composed clips and who wins them, with answers that we made up."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from affectrl.answers.prediction import Prediction
from affectrl.attribution.conflict import NEITHER, told
from affectrl.data.clip import Clip
from affectrl.data.composed import channel_emotion, recombine
from affectrl.errors import DataError
from affectrl.evaluation.evaluate import row

LABELS = ("happy", "sad", "angry", "neutral")


def people(n: int = 24) -> list[Clip]:
    return [
        Clip(id=f"c{i}", video=Path(f"c{i}.mp4"), text=f"Sentence {i}.", labels=(LABELS[i % 4],), speaker=f"s{i % 6}")
        for i in range(n)
    ]


def test_channels_of_composed_clips_all_differ() -> None:
    clips = people()
    of_id = {clip.id: clip for clip in clips}
    made = recombine(dict.fromkeys(("voice", "face", "words"), clips), 50, seed=3)
    assert made == recombine(dict.fromkeys(("voice", "face", "words"), clips), 50, seed=3)
    for clip in made:
        parts = clip.extras["composed"]
        shown = clip.extras["modality_emotions"]
        assert len(set(shown.values())) == 3
        assert {c: of_id[i].labels[0] for c, i in parts.items()} == shown
        assert clip.audio == of_id[parts["voice"]].video
        assert clip.video == of_id[parts["face"]].video
        assert not clip.use_video_audio
        assert clip.text == of_id[parts["words"]].text
        assert clip.speaker == of_id[parts["voice"]].speaker


def test_other_faces_and_other_names() -> None:
    faces = [Clip(id=f"f{i}", image=Path(f"f{i}.png"), labels=(("fear", "happy")[i % 2],)) for i in range(6)]
    names = {"happy": "happy", "fear": "fearful", "sad": "sad"}
    made = recombine({"voice": people(), "face": faces}, 20, name=names.get)
    assert {clip.extras["modality_emotions"]["face"] for clip in made} == {"fearful", "happy"}
    assert {clip.extras["modality_emotions"]["voice"] for clip in made} <= {"happy", "sad"}
    assert all(clip.image is not None and clip.text is None for clip in made)
    with pytest.raises(DataError) as caught:
        recombine({"voice": people()[:1], "face": faces}, 5)
    assert caught.value.code == "composed_few"


def test_the_sandbox_says_what_its_channels_show() -> None:
    extras = {"modality_emotions": {"voice": "sad", "face": "happy"}, "strengths": {"voice": 0.9, "face": 0.2}}
    clip = Clip(id="a", text="x", labels=("sad",), extras=extras)
    assert [channel_emotion(clip, c) for c in ("voice", "face", "words")] == ["sad", None, None]


def answered(made: list[Clip], follow: str | None) -> list[dict]:
    draw = random.Random(0)
    out = []
    for clip in made:
        top = clip.extras["modality_emotions"][follow] if follow else draw.choice(LABELS)
        out.append(row(Prediction(id=clip.id, path=None, emotions=(top,), top=top), clip))
    return out


def test_who_is_always_followed_wins_and_who_never_is_has_no_use() -> None:
    made = recombine(dict.fromkeys(("voice", "face", "words"), people()), 200)
    shown = {clip.id: clip.extras["modality_emotions"] for clip in made}
    values = told(answered(made, "voice"), shown).values
    assert values["wins"]["voice"].value == 1
    assert values["wins"]["face"].value == 0
    assert values["audio_use_index"].value == pytest.approx(1)
    assert values["use"]["face"].value < 0, "it shows another emotion on purpose"


def test_answers_that_know_nothing_have_no_use() -> None:
    made = recombine(dict.fromkeys(("voice", "face", "words"), people()), 400)
    shown = {clip.id: clip.extras["modality_emotions"] for clip in made}
    values = told(answered(made, None), shown).values
    for channel in ("voice", "face", "words"):
        assert values["use"][channel].low < 0.03
        assert abs(values["use"][channel].value) < 0.1
    parts = [values["wins"][name].value for name in ("voice", "face", "words", NEITHER)]
    assert sum(parts) == pytest.approx(1)
