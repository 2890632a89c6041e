"""Claims of texts, and their verdicts about clips of which all is known."""

from __future__ import annotations

import pytest

from affectrl.cues.claims import claims
from affectrl.cues.verdicts import Truth, alike, check

CASES = {
    "The voice is loud and low, the face sad.": [
        ("voice", "level", "loud"),
        ("voice", "pitch", "low"),
        ("face", "emotion", "sad"),
    ],
    "Voice angry, face neutral, words angry.": [
        ("voice", "emotion", "angry"),
        ("face", "emotion", "neutral"),
        ("words", "emotion", "angry"),
    ],
    "The pitch is high but the volume is low.": [("voice", "pitch", "high"), ("voice", "level", "low")],
    'She says "I am fine" quietly, speaking slowly.': [("words", "quote", "I am fine"), ("voice", "rate", "slowly")],
    "There is no sign of anger in the face.": [],
    "The emotion is happy.": [],
    "The voice is missing; no audio.": [],
    "": [],
}


@pytest.mark.parametrize("text", CASES)
def test_what_a_text_claims(text: str) -> None:
    assert [(c.channel, c.cue, c.word) for c in claims(text)] == CASES[text]


def test_denials_are_kept() -> None:
    (claim,) = claims("The voice is not loud.")
    assert claim.denied


EVERYTHING = frozenset({"voice", "face", "words"})
KNOWN = Truth(
    {"level": 0.97, "pitch": 0.2, "rate": 0.52, "brightness": 0.5, "range": 0.5, "pauses": 0.5, "ending": 0.5},
    "I am so grateful for this!",
    EVERYTHING,
    {"face": {"happy": 0.85, "sad": 0.05, "angry": 0.1}},
)
VERDICTS = {
    "The voice is loud.": "supported",
    "The voice is quiet.": "contradicted",
    "The voice is not loud.": "contradicted",
    "The voice is not quiet.": "supported",
    "The pitch is high.": "contradicted",
    "The speech is fast.": "undecided",
    "The face is joyful.": "supported",
    "The face is sad.": "contradicted",
    "The voice is sad.": "undecided",
    "The words are pleasant.": "supported",
    "The words are unpleasant.": "contradicted",
    'The words are "so grateful for this".': "supported",
    'The words are "leave me alone now".': "contradicted",
    "The words are a question.": "contradicted",
}


@pytest.mark.parametrize("text", VERDICTS)
def test_verdicts(text: str) -> None:
    (found,) = check(text, KNOWN)
    assert found.verdict == VERDICTS[text], found.why


def test_what_is_not_there_cannot_be_so() -> None:
    silent = Truth({}, None, frozenset({"face"}), {})
    found = check('The voice is loud. The words are "no way out". The face is sad.', silent)
    assert {c.claim.channel: c.verdict for c in found} == {
        "voice": "contradicted",
        "words": "contradicted",
        "face": "undecided",
    }


def test_an_even_voice_has_nothing_that_stands_out() -> None:
    places = dict.fromkeys(("pitch", "level", "rate", "range", "brightness", "pauses", "ending"), 0.5)
    plain = Truth(places, None, EVERYTHING, {})
    strange = Truth(places | {"pitch": 0.99, "level": 0.01}, None, EVERYTHING, {})
    assert [c.verdict for c in check("The voice is even.", plain)] == ["supported"]
    assert [c.verdict for c in check("The voice is even.", strange)] == ["contradicted"]


@pytest.mark.parametrize(("word", "label"), [("furious", "angry"), ("joyful", "happy"), ("happy", "happy")])
def test_words_stand_for_labels(word: str, label: str) -> None:
    assert alike(word, ("neutral", "happy", "sad", "angry", "surprised")) == [label]


def test_the_sandbox_knows_which_claims_are_false() -> None:
    """The acceptance: precision and recall of detected false claims, over all and over measured voices alone."""
    pytest.importorskip("librosa", reason="librosa is not installed: pip install 'affectrl[cues]'")
    import importlib.util
    from pathlib import Path

    file = Path(__file__).resolve().parents[2] / "benchmarks" / "grounding.py"
    spec = importlib.util.spec_from_file_location("benchmark_grounding", file)
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    found = benchmark.measure(60, 9, 1.0, strangers=False)
    for name, least in (("all", 0.9), ("measured", 0.85)):
        assert found[name]["false"] >= 15
        assert found[name]["precision"] >= least, found
        assert found[name]["recall"] >= least, found
