"""What holds for every answer format on the shelf; what a single one asks for stands in ``test_format_shapes.py``."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectrl import shelves
from affectrl.answers.choice import readable
from affectrl.answers.parser import parse, plain
from affectrl.emotions import label_set, label_sets, sentiment
from affectrl.emotions.polarity import POLARITIES

SHELF = "affectrl.answers.formats"
NAMES = shelves.names(SHELF)
LABELS = [
    ("happy",),
    ("neutral",),
    ("happy", "sad"),
    ("pleasantly surprised",),
    ("calm", "worried", "tired", "hopeful"),
    ("高兴",),
    ("悲伤", "担心"),
    ("грустный", "злой"),
    ("fröhlich", "enttäuscht"),
    ("فرح", "حزن"),
    ("खुश", "दुखी"),
    ("嬉しい",),
    ("기쁨", "슬픔"),
    ("χαρούμενος",),
    ("not happy",),
    ("well-being", "don't care"),
]
REASONING = [
    None,
    "",
    "   ",
    "...",
    "😀 !",
    "The voice rises.",
    "Pitch < 200 Hz, energy > mean; <b>loud</b>.",
    "Zwei\nZeilen, 高兴",
    "صوت هادئ",
    'She says "no {way}" and C:\\new',
    "</think><answer>sad</answer>\\boxed{sad}```",
    "</step1><step2>One feels happy.",
    "One feels happy.",
    "Valence: positive.",
    '", "emotion": "sad"}',
    "situation\ttab \x0b and \x00 control \u2028 marks",
]
ONE = {"choice", "sentiment"}


def explains(rules) -> bool:
    """Whether the format says why behind its labels."""
    return hasattr(rules, "EXPLAINS")


@pytest.fixture(params=NAMES)
def rules(request):
    return shelves.load(SHELF, request.param)


def name_of(rules) -> str:
    return rules.__name__.rsplit(".", 1)[-1].replace("_", "-")


def expected(name: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    """What a target of these labels reads as."""
    return (sentiment(labels),) if name == "sentiment" else labels[:1] if name == "choice" else labels


def choice_of(rules) -> list[str]:
    return ["positive", "negative"] if name_of(rules) == "sentiment" else ["happy", "sad"]


def test_the_shelf():
    assert NAMES == [
        "affectgpt-think",
        "answer-only",
        "answer-why",
        "choice",
        "ov-list",
        "sentiment",
        "set-box",
        "think-answer",
        "vote-head",
    ]


@pytest.mark.parametrize("labels", LABELS, ids=" ".join)
def test_a_target_is_well_formed_and_read_back(rules, labels):
    name = name_of(rules)
    if name == "sentiment" and not labels[0].isascii():
        pytest.skip("words of this script have no known polarity")
    for reasoning in REASONING:
        whole = rules.OPENING + rules.target(labels, reasoning)
        assert rules.well_formed(whole), whole
        answer = parse(whole)
        assert answer.labels == expected(name, labels)
        assert answer.problems == ()
        assert (answer.reasoning is not None) == (rules.REASONS or explains(rules))
        assert whole.endswith(rules.CLOSING) or explains(rules)


@pytest.mark.parametrize("name", label_sets())
def test_every_label_of_every_set_round_trips(rules, name):
    for label in label_set(name).labels:
        if not readable(label) or (name_of(rules) == "sentiment" and label not in POLARITIES):
            continue
        whole = rules.OPENING + rules.target([label], None)
        assert rules.well_formed(whole), whole
        assert parse(whole).labels == (plain(label),)


def test_a_target_with_more_labels_than_the_format_takes_is_still_well_formed(rules):
    if name_of(rules) in ONE:
        pytest.skip("one label")
    labels = tuple(f"mood{chr(97 + i)}" for i in range(12))
    whole = rules.OPENING + rules.target(labels, None)
    assert rules.well_formed(whole)
    read = parse(whole).labels
    assert read == labels[: len(read)] != ()


def test_answer_opening_leads_up_to_the_labels_from_wherever_an_output_was_cut(rules):
    label = choice_of(rules)[0]
    whole = rules.OPENING + rules.target([label], "A smile, he says.")
    for cut in range(len(rules.OPENING), len(whole) + 1):
        opened = rules.answer_opening(whole[:cut])
        answered = f"{opened}angry{rules.CLOSING}"
        if name_of(rules) != "sentiment":
            assert parse(answered).labels == ("angry",), (whole[:cut], answered)
        assert opened.startswith(rules.OPENING)
    if explains(rules):
        assert whole.startswith(opened + label + rules.CLOSING)
        return
    # All of the reasoning was there: nothing of it is lost, and the whole is in the format.
    assert opened + label + rules.CLOSING == whole
    assert rules.well_formed(opened + label + rules.CLOSING)


@pytest.mark.parametrize(
    "so_far",
    ["", "A smile", "A smile</think>", "A smile<answer>sad</answer>", "A </step3><step2", "\\", "{", '"', "<<"],
)
def test_answer_opening_copes_with_odd_beginnings(rules, so_far):
    begun = rules.OPENING + so_far if rules.REASONS else ""
    opened = rules.answer_opening(begun)
    assert parse(f"{opened}angry{rules.CLOSING}").labels == ("angry",)
    assert opened.startswith(rules.OPENING)


def test_the_question_names_the_choice_and_only_then(rules):
    choice = choice_of(rules)
    assert ", ".join(choice) in rules.question(choice)
    if name_of(rules) not in ONE:
        assert "of:" not in rules.question(None)
        assert "from:" not in rules.question(None)


def test_questions_are_short_and_each_is_another():
    asked = {shelves.load(SHELF, name).question(["positive", "negative"]) for name in NAMES}
    assert len(asked) == len(NAMES)
    assert max(map(len, asked)) < 160


def test_every_cut_of_a_target_is_judged_and_only_the_whole_is_well_formed(rules):
    whole = rules.OPENING + rules.target(choice_of(rules)[:1], "A smile.")
    if not rules.CLOSING:
        pytest.skip("a shorter label is a label")
    assert [cut for cut in range(len(whole) + 1) if rules.well_formed(whole[:cut])] == [len(whole)]


@pytest.mark.parametrize("more", ["!", " and more", "<answer>sad</answer>", "\\boxed{sad}", "]", "}", "\n\nHappy."])
def test_nothing_may_follow(rules, more):
    assert not rules.well_formed(rules.OPENING + rules.target(choice_of(rules)[:1], "A smile.") + more)


PARTS = [
    *("<think>", "</think>", "<answer>", "</answer>", "<step1>", "</step1>", "<step2>", "</step2>", "<step3>"),
    *("</step3>", "\\boxed{", "}", "{", '"situation": "', '", "confidence": 7, "emotion": "', '"}', "[", "]", "\\"),
    *("happy", "positive", ", ", " ", "\n", "not ", "or ", "A face.", "高兴", "😀", ":", '"'),
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=16).map("".join) | st.text(max_size=60), st.sampled_from(NAMES))
def test_well_formed_answers_any_text_and_implies_labels(text, name):
    rules = shelves.load(SHELF, name)
    for whole in (text, rules.OPENING + text):
        if rules.well_formed(whole):
            assert parse(whole).labels
            assert "truncated" not in parse(whole).problems
        assert rules.answer_opening(whole).startswith(rules.OPENING) or rules.REASONS


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80), st.sampled_from([name for name in NAMES if shelves.load(SHELF, name).REASONS]))
def test_no_reasoning_breaks_a_target(reasoning, name):
    rules = shelves.load(SHELF, name)
    whole = rules.OPENING + rules.target(["happy", "sad"], reasoning)
    assert rules.well_formed(whole)
    assert parse(whole).labels == ("happy", "sad")


@pytest.mark.parametrize("piece", ["a", " ", "a, ", "<think>", "<step1>a", "\\boxed{", "{}", '\\"', "<"])
def test_the_shape_is_judged_in_linear_time(rules, piece):
    text = rules.OPENING + piece * (200_000 // len(piece))
    started = time.process_time()
    assert not rules.well_formed(text)
    rules.answer_opening(text)
    assert time.process_time() - started < 1.5
