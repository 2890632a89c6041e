from __future__ import annotations

import pytest

from affectrl.answers import choice
from affectrl.answers.parser import parse
from affectrl.emotions import label_set, label_sets
from affectrl.errors import UsageError

READABLE = ["happy", "Very  Sad", "no_emotion", "mixed-up", "a b c d", "悲伤", "don't know", "30 % sad"]
UNREADABLE = ["sad, happy", "a b c d e", "sad and happy", "sad/happy", "a|b", "sad.", "[sad]", "'sad'", "", "3", "a\nb"]


@pytest.mark.parametrize("label", READABLE)
def test_labels_that_the_parser_gives_back(label: str) -> None:
    assert choice.readable(label)
    for text in (label, f"<think>x</think><answer>{label}</answer>", f"happy2, {label}"):
        assert parse(text).labels[-1] == " ".join(label.lower().split())


@pytest.mark.parametrize("label", UNREADABLE)
def test_labels_that_it_never_gives_back(label: str) -> None:
    assert not choice.readable(label)
    if label:
        with pytest.raises(UsageError) as caught:
            choice.check_labels(["happy", label])
        assert caught.value.code == "labels_invalid"


def test_every_label_set_can_be_asked_for() -> None:
    assert label_sets()
    for name in label_sets():
        assert len(choice.check_labels(label_set(name).labels)) == len(label_set(name))
