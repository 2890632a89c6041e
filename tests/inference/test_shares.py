"""Shares of answers, against probabilities of whole sequences of each clip as it would be without a modality."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from affectrl.data.clip import Clip
from affectrl.inference.model import EmotionModel
from affectrl.inference.shares import shares
from affectrl.models.features import ClipFeatures
from affectrl.models.senses import only, senses
from affectrl.models.task import Task

LABELS = ("happy", "sad", "neutral")


@pytest.fixture(scope="module")
def clips(model: EmotionModel, small_media) -> list[ClipFeatures]:
    made = [
        Clip(id="all", video=small_media / "film.mp4", text="I miss her."),
        Clip(id="sound", audio=small_media / "talk.wav"),
        Clip(id="two", image=small_media / "face.png", text="So good!"),
    ]
    return [features for clip in made for features in model.extractor.extract(clip)]


def chance_of(plain, model: EmotionModel, clip: ClipFeatures, label: str) -> float:
    task = Task("answer-only", LABELS)
    sums = [plain(clip, task, [*model.policy.tokens(x).tolist(), model.policy.eos_id]).sum() for x in LABELS]
    return float(torch.stack(sums).softmax(0)[LABELS.index(label)])


def test_senses_are_what_the_model_gets(clips) -> None:
    assert [senses(clip) for clip in clips] == [("audio", "vision", "text"), ("audio",), ("vision", "text")]
    assert only(clips[0], ["audio"]).modalities == ("voice",)
    assert only(clips[0], ()).modalities == ()
    assert only(clips[2], ["audio", "text"]).modalities == ("words",)


def test_shares_of_a_choice(model: EmotionModel, clips, plain) -> None:
    task = Task("answer-only", LABELS)
    found = shares(model.policy, clips, ["sad", "happy", "neutral"], task, batch_size=3)
    bare = [replace(clip, streams={}, text=None) for clip in clips]
    for clip, none, each in zip(clips, bare, found, strict=True):
        assert each.everything == pytest.approx(chance_of(plain, model, clip, each.label), abs=1e-4)
        assert each.nothing == pytest.approx(chance_of(plain, model, none, each.label), abs=1e-4)
        assert each.nothing + sum(each.gave.values()) == pytest.approx(each.everything, abs=1e-6)
        assert tuple(sorted(each.gave)) == tuple(sorted(senses(clip)))
    # Two senses: the mean of coming first and coming last.
    face, words = (replace(clips[2], text=None), replace(clips[2], streams={}))
    p = [chance_of(plain, model, c, "neutral") for c in (bare[2], face, words, clips[2])]
    assert found[2].gave["vision"] == pytest.approx(((p[1] - p[0]) + (p[3] - p[2])) / 2, abs=1e-4)


def test_shares_without_a_choice(model: EmotionModel, clips, plain) -> None:
    task = Task("answer-only")
    (found,) = shares(model.policy, clips[:1], ["sad"], task)
    ids = model.policy.tokens("sad").tolist()
    assert found.everything == pytest.approx(float(plain(clips[0], task, ids).sum().exp()), rel=1e-3)


def test_a_label_that_is_not_of_the_choice(model: EmotionModel, clips, plain) -> None:
    task = Task("answer-only", LABELS)
    found = shares(model.policy, clips[:2], ["weary", "sad"], task)
    ids = model.policy.tokens("weary").tolist()
    assert found[0].everything == pytest.approx(float(plain(clips[0], task, ids).sum().exp()), rel=1e-3)
    assert found[1].everything == pytest.approx(chance_of(plain, model, clips[1], "sad"), abs=1e-4)


def test_reasoning_is_written_anew(model: EmotionModel, clips, monkeypatch: pytest.MonkeyPatch) -> None:
    from affectrl.inference import shares as module

    asked: list[tuple[str, ...]] = []
    real = module.contexts_of

    def watched(policy, some, task, **how):
        asked.extend(clip.modalities for clip in some)
        return real(policy, some, task, **how)

    monkeypatch.setattr(module, "contexts_of", watched)
    shares(model.policy, clips[2:], ["happy"], Task("think-answer", LABELS), max_new_tokens=4)
    assert asked == [(), ("face",), ("words",), ("face", "words")]


def test_predictions_carry_them(model: EmotionModel, small_media) -> None:
    rows = model.predict([small_media / "film.mp4", small_media / "gone.wav"], labels=LABELS, explain=True)
    assert sum(rows[0].shares.values()) == pytest.approx(rows[0].confidence, abs=1e-4)
    assert set(rows[0].shares) == {"audio", "vision", "nothing"}
    assert rows[1].error is not None
    assert "shares" not in rows[1].to_dict()
    assert model.predict(small_media / "talk.wav", labels=LABELS)[0].shares == {}
