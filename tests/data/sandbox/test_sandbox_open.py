"""Open-vocabulary labels on the same clips, still pictures alone, and folders from before there was a choice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from affectrl.data.clip import Clip
from affectrl.data.sandbox.cues import Cues
from affectrl.data.sandbox.generate import generate
from affectrl.data.sandbox.utterances import EMOTIONS, names_of, utterances
from affectrl.emotions.space import WheelSpace
from affectrl.errors import DataError
from affectrl.metrics.emotion_wheel import one
from affectrl.metrics.wheel_rules import RULES

WORDS = {"video": 0.2, "text": 0.8}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Clip], list[Clip]]:
    """The same clips with a class each, and with open-vocabulary words."""
    closed, wide = (tmp_path_factory.mktemp(name) for name in ("closed", "open"))
    settings = {"seed": 5, "modalities": WORDS, "weak": 0.3, "workers": 1}
    return generate(closed, 35, **settings), generate(wide, 35, open_vocabulary=True, **settings)


def test_open_labels_are_those_of_the_sentence_or_of_the_emotion(both: tuple[list[Clip], list[Clip]]) -> None:
    by_text = {u.text: u for rows in utterances().values() for u in rows}
    for one_class, wide in zip(*both, strict=True):
        (label,) = one_class.labels
        said = by_text[wide.text] if wide.text else None
        expected = said.labels if said and said.emotion == label else names_of(label)
        assert wide.labels == expected == tuple(one_class.extras["open_labels"])
        assert wide.extras["label"] == label
        assert "label" not in one_class.extras
    assert len({clip.labels for clip in both[1]}) > 2 * len(EMOTIONS)


def test_only_the_words_differ(both: tuple[list[Clip], list[Clip]]) -> None:
    visited = 0
    for a, b in zip(*both, strict=True):
        assert (a.id, a.text, a.speaker, a.split) == (b.id, b.text, b.speaker, b.split)
        if isinstance(a.video, Path) and isinstance(b.video, Path):
            assert a.video.read_bytes() == b.video.read_bytes()
            visited += 1
    assert visited


def test_the_reasoning_names_emotions_by_words_of_the_answer(both: tuple[list[Clip], list[Clip]]) -> None:
    for one_class, wide in zip(*both, strict=True):
        assert one_class.reasoning is not None
        assert wide.reasoning is not None
        for before, after in zip(one_class.reasoning.split(", "), wide.reasoning.split(", "), strict=True):
            verdict, word = (part.rstrip(".").split(" ", 1)[1] for part in (before, after))
            assert word in wide.labels if verdict == one_class.labels[0] else word == verdict


def test_channels_take_the_words_in_turn() -> None:
    cues = Cues({}, {"voice": "happy", "face": "neutral", "words": "happy"})
    assert cues.sentence() == "Voice happy, face neutral, words happy."
    assert cues.sentence({"happy": ("proud", "excited")}) == "Voice proud, face neutral, words excited."
    assert cues.sentence({"happy": ("proud",)}) == "Voice proud, face neutral, words proud."


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_the_wheels_know_every_reference(emotion: str) -> None:
    space, rules = WheelSpace.builtin(), RULES["affectrl"]
    references = [names_of(emotion), *(u.labels for u in utterances()[emotion])]
    assert [labels for labels in references if one(labels, labels, space, rules) != 1] == []


def test_pictures_alone(tmp_path: Path) -> None:
    clips = generate(tmp_path, 7, modalities={"image": 1.0}, workers=1)
    assert {clip.modalities for clip in clips} == {("image",)}
    assert all(clip.reasoning == f"Face {clip.labels[0]}." for clip in clips)


def test_a_set_from_before_is_a_closed_one(tmp_path: Path) -> None:
    settings = {"modalities": {"text": 1.0}, "workers": 1}
    generate(tmp_path, 2, **settings)
    mark = tmp_path / "sandbox.json"
    old = {key: value for key, value in json.loads(mark.read_text()).items() if key != "open_vocabulary"}
    mark.write_text(json.dumps(old))
    assert len(generate(tmp_path, 3, **settings)) == 3
    with pytest.raises(DataError, match="another open_vocabulary"):
        generate(tmp_path, 3, open_vocabulary=True, **settings)
