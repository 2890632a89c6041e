from __future__ import annotations

import numpy as np
import pytest

from affectrl.data.sandbox.acoustics import MAX_SPEECH_S, Voice, acoustics_table, delivery, profile, say, vary
from affectrl.data.sandbox.speech import SPEECH_RATE_HZ, Delivery, speak
from affectrl.data.sandbox.utterances import EMOTIONS
from affectrl.errors import AffectError

SENTENCE = "The keys are on the table over there."


def median_pitch(samples: np.ndarray) -> float:
    """Median fundamental frequency of voiced frames, Hz, by normalized autocorrelation."""
    size, shortest, longest = 1024, SPEECH_RATE_HZ // 500, SPEECH_RATE_HZ // 60
    found = []
    for start in range(0, len(samples) - size, size // 2):
        frame = samples[start : start + size] - samples[start : start + size].mean()
        if np.sqrt(np.mean(frame**2)) < 0.02:
            continue
        power = np.correlate(frame, frame, "full")[size - 1 :]
        lag = shortest + int(np.argmax(power[shortest:longest] / power[0]))
        if power[lag] > 0.5 * power[0]:
            found.append(SPEECH_RATE_HZ / lag)
    return float(np.median(found))


def level(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples**2)))


def brightness(samples: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / SPEECH_RATE_HZ)
    return float(10 * np.log10(power[hertz > 1500].sum() / power[hertz <= 1500].sum()))


@pytest.fixture(scope="module", params=["en-us+m3", "en-us+f2"])
def said(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    voice = Voice(request.param, pitch=0.0, rate=1.0, loudness=0.0)
    return {e: say(SENTENCE, voice, profile(e), np.random.default_rng(0)) for e in EMOTIONS}


def test_pitch_follows_the_profile(said: dict[str, np.ndarray]) -> None:
    pitch = {emotion: median_pitch(samples) for emotion, samples in said.items()}
    for high in ("happy", "angry", "fearful", "surprised"):
        assert pitch[high] > 1.05 * pitch["neutral"], pitch
    for low in ("sad", "disgusted"):
        assert pitch[low] < 0.95 * pitch["neutral"], pitch


def test_rate_follows_the_profile(said: dict[str, np.ndarray]) -> None:
    seconds = {emotion: len(samples) for emotion, samples in said.items()}
    assert seconds["fearful"] < seconds["neutral"] < seconds["sad"]
    assert seconds["angry"] < seconds["neutral"] < seconds["disgusted"]


def test_loudness_and_brightness_follow_the_profile(said: dict[str, np.ndarray]) -> None:
    loud = {emotion: level(samples) for emotion, samples in said.items()}
    assert loud["angry"] > loud["happy"] > loud["neutral"] > loud["sad"]
    assert loud["angry"] - loud["neutral"] == pytest.approx(7.0, abs=1.0)
    assert brightness(said["angry"]) > brightness(said["neutral"]) > brightness(said["sad"])
    assert all(np.abs(samples).max() < 1 for samples in said.values())


def test_requested_pitch_is_the_measured_one() -> None:
    hertz = [median_pitch(speak(SENTENCE, Delivery("en-us+m3", pitch=p, range=0))) for p in (20, 35, 50, 65, 80)]
    assert np.all(np.diff(hertz) > 0)


def test_strength_zero_is_neutral_and_variation_moves_every_cue() -> None:
    assert profile("angry", 0.0) == profile("neutral")
    varied = vary(profile("angry"), np.random.default_rng(0))
    assert varied.rate != profile("angry").rate
    assert varied == vary(profile("angry"), np.random.default_rng(0))


def test_every_emotion_names_its_sources() -> None:
    table = acoustics_table()
    assert set(table["emotions"]) == set(EMOTIONS)
    for row in table["emotions"].values():
        assert set(row["cite"]) <= set(table["sources"])


def test_speech_does_not_depend_on_what_was_said_before() -> None:
    asked = Delivery("en-us+f2")
    first = speak(SENTENCE, asked)
    speak("Something else, and in another voice!", Delivery("de+f3", rate_wpm=300, pitch=90))
    assert np.array_equal(first, speak(SENTENCE, asked))


def test_delivery_stays_inside_the_engine_s_limits() -> None:
    asked = delivery(Voice("en-us", pitch=40.0, rate=9.0, loudness=0.0), profile("surprised"))
    assert asked.pitch == 99
    assert asked.rate_wpm == 400


def test_long_sentences_are_said_in_time() -> None:
    samples = say("one two three four five six " * 8, Voice("en-us", 0, 1, 0), profile("sad"), np.random.default_rng(0))
    assert len(samples) <= MAX_SPEECH_S * SPEECH_RATE_HZ


@pytest.mark.parametrize(
    ("text", "voice", "code"), [("", "en-us", "speech_silent"), ("Hello", "klingon-9", "voice_unknown")]
)
def test_what_cannot_be_said_is_an_error(text: str, voice: str, code: str) -> None:
    with pytest.raises(AffectError) as caught:
        speak(text, Delivery(voice))
    assert caught.value.code == code
