"""The parser against 120,000 damaged outputs, and against a million characters made to be slow."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectrl.answers.items import JOINERS, MAX_CHARACTERS
from affectrl.answers.lists import strict_list, tolerant_list
from affectrl.answers.parser import MAX_LABELS, MAX_WORDS, Answer, parse, plain

FUZZED = 100_000
WORDS = [
    "happy",
    "Sad",
    "ANGRY",
    "in awe",
    "let down",
    "don't care",
    "mixed-up",
    "高兴",
    "悲しみ",
    "سعيد",
    "ému",
    "İ",
    "ΣΑΣ",
]
REASONS = [
    "She smiles.",
    "the voice is not angry, or sad",
    "a\nb",
    "",
    "say <answer> in tags",
    "Emotion: calm?",
    "x{y}",
]
NOISE = [
    *"<>{}[]()\"'`,;:/|&*#-.!?=%\\\n\t\r\0 ",
    *"\u200b\u200f\u202e\ufeff\ud800\udfff，、。：「」【】（）“”😀\u0301\u2028",
    *(
        "<think>",
        "</think>",
        "<answer>",
        "</answer>",
        "</ANSWER >",
        "\\boxed{",
        "\\text{",
        "```json\n",
        "```",
        '{"emotion":',
    ),
    *(
        " and ",
        " or ",
        " not ",
        " no ",
        "n't ",
        "1. ",
        "- ",
        " (0.8)",
        "85%",
        "The emotion is ",
        "she feels ",
        "\\u9ad8",
        "[[",
    ),
    *(" " * 50, "\n" * 20, "</step3>", "<|im_end|>", "null", "Reason: ", "Emotions:\n", "&amp;", "n/a", "because "),
]


def valid(rng: random.Random) -> str:
    """An output as a model should write it."""
    labels = rng.sample(WORDS, rng.randint(1, 4))
    plain_list, quoted = ", ".join(labels), ", ".join(f'"{label}"' for label in labels)
    think = f"<think>{rng.choice(REASONS)}</think>"
    return rng.choice(
        [
            f"{think}<answer>{plain_list}</answer>",
            f"<step1>a</step1><step2>b</step2><step3>c</step3>\\boxed{{\\text{{{labels[0]}}}}}",
            f'{think}```json\n{{"emotions": [{quoted}], "confidence": 0.8}}\n```',
            f"{think}[{quoted}].",
            f"The character's emotional state is {plain_list}.",
            f"{think}Emotion: {labels[0]} (0.8)\nReason: {rng.choice(REASONS)}",
            "\n".join(f"{i}. {label}" for i, label in enumerate(labels, 1)),
            f"she feels {' and '.join(labels)}",
            f"[{plain_list}]",
        ]
    )


def damaged(rng: random.Random) -> str:
    """Valid outputs cut, repeated, nested, spliced, stirred, and with noise in between."""
    text = valid(rng)
    for _ in range(rng.randint(0, 5)):
        at = rng.randint(0, len(text))
        to = min(len(text), at + rng.randint(0, 20))
        kind = rng.randrange(7)
        if kind == 0:
            text = text[:at]
        elif kind == 1:
            text = text[:at] + rng.choice(NOISE) * rng.randint(1, 3) + text[at:]
        elif kind == 2:
            text = text[:at] + text[to:]
        elif kind == 3:
            text = text[:at] + valid(rng) + text[to:]
        elif kind == 4:
            text = text[:at] + text[at:to] * 3 + text[to:]
        elif kind == 5:
            text = text[:at] + text[at:to].swapcase() + text[to:]
        else:
            text = rng.choice(["<answer>{}</answer>", "[{}]", '{{"emotion": "{}"}}', "\\boxed{{{}}}", "{}{}"]).replace(
                "{}", text
            )
        text = text[:2000]
    return text


def folded(text: str) -> str:
    """The normal form, with letters told apart that look alike only in lower case (final sigma)."""
    return plain(text).casefold()


def faults(text: str, answer: Answer) -> list[str]:
    """What is wrong with an answer, whatever the text."""
    start, end = answer.span
    said = folded(text[start:end])
    checks = {
        "span": 0 <= start <= end <= len(text),
        "labels not in the text": all(folded(label) in said for label in answer.labels),
        "normal form": all(label == plain(label) for label in answer.labels),
        "no letter": all(any(c.isalpha() for c in label) for label in answer.labels),
        "too long": all(len(x.split()) <= MAX_WORDS and len(x) <= MAX_CHARACTERS for x in answer.labels),
        "repeated": len(set(answer.labels)) == len(answer.labels) <= MAX_LABELS,
        "no reason why nothing was read": (answer.labels == ()) == bool({"empty", "prose"} & set(answer.problems)),
        "form": bool(answer.form) == bool(answer.labels),
        "reasoning": all(line in text for line in (answer.reasoning or "").split("\n")),
    }
    return [name for name, holds in checks.items() if not holds]


@pytest.mark.slow
def test_no_damage_raises_or_makes_up_a_label() -> None:
    rng = random.Random(20261121)
    started = time.process_time()
    read = 0
    for _ in range(FUZZED):
        text = damaged(rng)
        answer = parse(text)
        assert faults(text, answer) == [], repr(text)
        read += bool(answer.labels)
    assert FUZZED // 3 < read < FUZZED, "the damage was either total or none"
    assert time.process_time() - started < 40


def test_no_field_raises_or_makes_up_a_label() -> None:
    rng = random.Random(7)
    for _ in range(20_000):
        text = damaged(rng)
        whole = folded(text)
        for label in tolerant_list(text):
            assert folded(label) in whole, repr(text)
            assert label == plain(label) != ""
        for label in strict_list(text):
            assert folded(label) in whole, repr(text)


def test_the_judge_of_this_test_sees_faults() -> None:
    assert faults("happy", Answer(("sad",), None, (0, 5), (), "list")) == ["labels not in the text"]
    assert faults("happy", Answer(("happy",), None, (0, 3), (), "list")) == ["labels not in the text"]
    assert faults("Happy", Answer(("Happy",), None, (0, 5), (), "list")) == ["normal form"]
    assert faults("x", Answer((), None, (0, 9), (), "")) == ["span", "no reason why nothing was read"]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from([*WORDS, *NOISE, *REASONS]), max_size=16).map("".join) | st.text(max_size=60))
def test_any_text(text: str) -> None:
    assert faults(text, parse(text)) == []


ORDINARY = re.compile(r"[a-z]+(?:[-' ][a-z]+)*")
"""Labels of letters alone; damage makes others, such as ``a. b`` or ``1```json``, that read otherwise by themselves."""


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_what_was_read_without_doubt_reads_the_same_again(rng: random.Random) -> None:
    answer = parse(damaged(rng))
    ordinary = all(ORDINARY.fullmatch(label) and JOINERS.isdisjoint(label.split()) for label in answer.labels)
    if answer.labels and ordinary and not answer.problems:
        again = parse(", ".join(answer.labels))
        assert again.labels == answer.labels
        assert parse(f"<think>x</think><answer>{', '.join(answer.labels)}</answer>").labels == answer.labels


LABELS = st.from_regex(r"[a-z]{3,9}( [a-z]{3,9})?", fullmatch=True).filter(lambda x: not JOINERS & set(x.split()))


@settings(max_examples=200, deadline=None)
@given(st.lists(LABELS, min_size=1, max_size=8))
def test_order_is_kept_and_nothing_comes_twice(labels: list[str]) -> None:
    for text in (", ".join(labels), "\n".join(f"- {x}" for x in labels), f"[{', '.join(map(repr, labels))}]"):
        assert parse(text).labels == tuple(dict.fromkeys(labels))
        assert tolerant_list(text) == list(dict.fromkeys(labels))


PIECES = [
    *("<answer>", "<answer>x</answer>", "<think>", "</think>", "<think><answer></think>", "<answer></", "</step1>"),
    *("<step1>", "< step1 >a", "<step1>a</step1>", '{"situation": "', '"situation": "a', "\\boxed", "\\ "),
    *(
        r"\boxed{",
        r"\boxed{x}",
        "{",
        "}",
        "[",
        "]",
        "(",
        "a(",
        '{"emotion":',
        '{"emotion": "a"}',
        "[{",
        '"',
        "'a \"",
        "\\",
    ),
    *(" ", "\n", "\t", "\n \n", "a,", "a or ", "not a or b, ", "1. ", ".", ". ", "a. b ", "-", "```", "``` ", "`a` "),
    *(
        "the ",
        "The emotion is ",
        "the emotion is not ",
        "Emotion: ",
        ": [",
        "she feels ",
        "a",
        "高",
        "\0",
        "\u200b",
        "<b>",
        "é ",
    ),
]


@pytest.mark.parametrize("piece", PIECES, ids=ascii)
def test_a_million_characters_take_linear_time(piece: str) -> None:
    opening, repeated = ('{"emotion":', piece[1:]) if piece.startswith("+") else ("", piece)
    text = opening + repeated * (1_000_000 // len(repeated))
    # On our machine 0.8, 1.6 and 0.2 s at most; quadratic time would be minutes.
    assert soon(parse, text, 3.0)
    assert soon(tolerant_list, text, 6.0)
    assert soon(strict_list, text, 1.0)


def soon(function: Callable[[str], object], text: str, most: float) -> bool:
    """Whether one of three calls takes at most so many seconds of processor time: other work slows one, seldom all."""
    for _ in range(3):
        started = time.process_time()
        function(text)
        if time.process_time() - started < most:
            return True
    return False
