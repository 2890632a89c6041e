"""Emotion words in free text: what counts, what is denied, and that nothing breaks it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectrl.answers.mentions import mentions
from affectrl.emotions.label_set import normalise
from affectrl.emotions.space import WheelSpace

SPACE = WheelSpace.builtin()
WORDS = ["not", "no", "angry", "sad", ",", ".", "joy", "but", "is", "feels", "cold’s"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ""),
        ("Voice angry, face neutral, words angry.", "angry, neutral"),
        ("The tears on her cheek suggest Grief.", "grief"),
        ("He is light-hearted and at ease.", "light-hearted, at ease"),
        ("A sad, sad song; such sadness.", "sad, sadness"),
        # words of things
        ("Voice fast and high, raised brows, a cold open room, low light, head down, lips pressed.", ""),
        ("A smiling face, lively and dull, quiet, as if about to cry.", ""),
        ("She looks like she wants to be good.", ""),
        ("She feels quite down.", "down"),
        ("A feeling of joy.", "joy"),
        # denied
        ("She is not angry.", ""),
        ("She isn't angry but sad.", "sad"),
        ("He isn’t surprised.", ""),
        ("No anger, fear or sadness, just joy.", "joy"),
        ("Neither angry nor sad; she is afraid.", "afraid"),
        ("Without any clear sign of great anger.", ""),
        ("Far from happy.", ""),
        ("Rather than angry, he is calm.", "calm"),
        ("A lack of joy. Fear.", "fear"),
        ("Sadness is not visible here.", ""),
        ("Joy is absent.", ""),
        ("He is not here, and she is sad.", "sad"),
        ("No, she is happy.", "happy"),
        # what looks like a denial and is none
        ("Not only angry but also sad.", "angry, sad"),
        ("She cannot hide her joy.", "joy"),
        ("He can't help feeling happy.", "happy"),
        ("Her anger is not hidden.", "anger"),
        ("No doubt she is sad.", "sad"),
        ("Nothing but joy.", "joy"),
        # other scripts
        ("她很生气。", ""),
        ("Он зол, angry.", "angry"),
    ],
)
def test_worked_cases(text: str, found: str) -> None:
    assert mentions(text, SPACE) == tuple(word for word in found.split(", ") if word)


def test_a_label_that_our_sets_know_is_mentioned() -> None:
    basic = ["happy", "sad", "angry", "surprised", "disgusted", "fearful", "neutral", "contempt", "anxious", "calm"]
    assert mentions(" and ".join(basic), SPACE) == tuple(basic)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text()), max_size=30))
def test_never_raises_and_makes_nothing_up(parts: list[str]) -> None:
    text = " ".join(parts)
    found = mentions(text, SPACE)
    assert len(set(found)) == len(found)
    plain = normalise(text.replace("’", "'"))
    assert all(SPACE.masks()[word] or normalise(word) in plain for word in found)


def test_time_is_linear() -> None:
    text = "very very not no a angry, sad or feels a bit cold "
    times = []
    for n in (200, 2000):
        start = time.perf_counter()
        mentions(text * n, SPACE)
        times.append(time.perf_counter() - start)
    assert times[1] < 40 * max(times[0], 0.002)


def test_other_tables_have_their_own_words(shared_data) -> None:
    official = WheelSpace.official(shared_data / "emotion_wheel_2025")
    assert mentions("He is angry, not happy.", official) == ("angry",)
