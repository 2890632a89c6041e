from __future__ import annotations

from collections import Counter

import pytest

from affectrl.data.sandbox.cues import cues_of
from affectrl.data.sandbox.plan import PARTS, Plan, Settings, check, plan
from affectrl.data.sandbox.utterances import EMOTIONS, utterances
from affectrl.emotions import label_set
from affectrl.errors import UsageError

N = 420


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    settings = Settings(disagree=0.3)
    return [plan(i, settings) for i in range(N)]


def test_the_emotions_are_the_label_set() -> None:
    assert label_set("sandbox").labels == EMOTIONS


def test_forty_sentences_an_emotion_each_said_once() -> None:
    sentences = [sentence for rows in utterances().values() for sentence in rows]
    assert Counter(sentence.emotion for sentence in sentences) == dict.fromkeys(EMOTIONS, 40)
    assert len({sentence.text for sentence in sentences}) == 280
    assert all(1 <= len(sentence.labels) <= 4 for sentence in sentences)


def test_neither_speakers_nor_sentences_stand_in_two_splits(plans: list[Plan]) -> None:
    for what in (lambda p: p.speaker.name, lambda p: p.utterance.text):
        splits: dict[str, set[str]] = {}
        for p in plans:
            splits.setdefault(what(p), set()).add(p.split)
        assert {len(found) for found in splits.values()} == {1}


def test_every_split_is_balanced_by_emotion(plans: list[Plan]) -> None:
    by_split = {split: Counter(p.label for p in plans if p.split == split) for split in ("train", "dev", "test")}
    assert by_split["train"] == dict.fromkeys(EMOTIONS, 36)
    assert by_split["dev"] == dict.fromkeys(EMOTIONS, 6)
    assert by_split["test"] == dict.fromkeys(EMOTIONS, 18)


def test_seven_in_ten_clips_are_complete_and_every_subset_exists(plans: list[Plan]) -> None:
    kinds = Counter(p.kind for p in plans)
    assert set(kinds) == set(PARTS)
    assert 0.63 < kinds["video+audio+text"] / N < 0.77


def test_the_label_stays_with_the_majority_or_with_what_is_heard_or_seen(plans: list[Plan]) -> None:
    odd = [p for p in plans if p.odd]
    assert 0.15 < len(odd) / N < 0.35
    for p in odd:
        assert p.emotions[p.odd] != p.label
        others = [c for c in p.emotions if c != p.odd]
        assert others
        assert {p.emotions[c] for c in others} == {p.label}
        if len(p.emotions) == 2:
            assert p.odd == "words"


def test_without_disagreement_all_channels_agree() -> None:
    settings = Settings(disagree=0.0)
    assert all(set(plan(i, settings).emotions.values()) == {plan(i, settings).label} for i in range(30))


def test_some_channel_that_agrees_is_clear(plans: list[Plan]) -> None:
    for p in plans:
        assert max(p.strengths[c] for c in p.emotions if c != p.odd) >= 0.55


def test_reasoning_is_one_short_sentence_about_the_channels_there(plans: list[Plan]) -> None:
    for p in plans:
        sentence = cues_of(p).sentence()
        assert len(sentence.split()) <= 14
        assert sentence.endswith(".")
        assert sentence[0].isupper()
        assert ("voice" in sentence.lower()) == ("voice" in p.parts)
        assert ("words" in sentence.lower()) == ("words" in p.parts)


def test_verdicts_are_what_each_channel_shows_alone(plans: list[Plan]) -> None:
    weak = 0
    for p in plans:
        for channel, verdict in cues_of(p).verdicts.items():
            if channel == "words":
                assert verdict == p.utterance.emotion
            elif p.strengths[channel] < 0.45:
                assert verdict == "neutral"
                weak += 1
            else:
                assert verdict == p.emotions[channel]
    assert weak > 0


def test_domains_share_no_voice_and_no_speaker() -> None:
    sets = [[plan(i, Settings(domain=domain)) for i in range(60)] for domain in ("source", "shifted")]
    for what in (lambda p: p.speaker.name, lambda p: p.speaker.voice.variant):
        assert not {what(p) for p in sets[0]} & {what(p) for p in sets[1]}


def test_another_seed_is_another_set() -> None:
    assert plan(3, Settings(seed=1)).speaker != plan(3, Settings(seed=0)).speaker


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"domain": "moon"}, "sandbox_domain"),
        ({"seed": -1}, "sandbox_seed"),
        ({"disagree": 1.2}, "sandbox_share"),
        ({"weak": -0.1}, "sandbox_share"),
        ({"disagree": float("nan")}, "sandbox_share"),
        ({"splits": {"train": 0.5, "test": 0.2}}, "sandbox_share"),
        ({"splits": {}}, "sandbox_share"),
        ({"splits": {"train": float("nan")}}, "sandbox_share"),
        ({"modalities": {"smell": 1.0}}, "sandbox_modality"),
        ({"speakers": 3}, "sandbox_speakers"),
    ],
)
def test_settings_that_cannot_be_met_are_refused(changes: dict, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(Settings(**changes))
    assert caught.value.code == code
