"""What each answer format refuses, and what it says when a clip has no reasoning."""

from __future__ import annotations

import json

import pytest

from affectrl import shelves
from affectrl.answers.formats import choice, sentiment, set_box, vote_head
from affectrl.answers.parser import parse
from affectrl.answers.steps import steps
from affectrl.errors import UsageError

SHELF = "affectrl.answers.formats"
BOX = "<step1>{}</step1><step2>{}</step2><step3>{}</step3>"
MANY = ", ".join(f"mood{chr(97 + i)}" for i in range(9))

REFUSED = {
    "think-answer": [
        "",
        "happy",
        "<answer>happy</answer>",
        "<think></think><answer>happy</answer>",
        "<think>  </think><answer>happy</answer>",
        "<think>...</think><answer>happy</answer>",
        "<think>😀 1 2 3</think><answer>happy</answer>",
        "<think>a</think><answer></answer>",
        "<think>a</think><answer> , </answer>",
        "<think>a</think><answer>happy",
        "<think>a</think><answer>happy</answer> and more",
        "preface <think>a</think><answer>happy</answer>",
        "<think>a</think><answer>happy</answer><answer>sad</answer>",
        "<think>a<think>b</think></think><answer>happy</answer>",
        "<think>a</think>b<answer>happy</answer>",
        "<think>a</think><answer>She looks as if she were happy</answer>",
    ],
    "answer-why": [
        "",
        "happy",
        "<answer>happy</answer>",
        "<answer>happy</answer><think></think>",
        "<answer>happy</answer><think>...</think>",
        "<answer></answer><think>a</think>",
        "<answer>happy, happy</answer><think>a</think>",
        "<think>a</think><answer>happy</answer>",
        "<answer>happy</answer><think>a",
        "<answer>happy</answer><think>a</think> and more",
    ],
    "affectgpt-think": [
        "<think>...</think><answer>happy</answer>",
        "<think>a</think><answer>happy, happy</answer>",
        "<think>a</think><answer>happy or sad</answer>",
        "<think>a</think><answer>happy, </answer>",
        "<think>a</think><answer>She is happy</answer>",
        '<think>a</think><answer>{"emotion": "happy"}</answer>',
        f"<think>a</think><answer>{MANY}</answer>",
    ],
    "answer-only": [
        "",
        " ",
        "<answer>happy</answer>",
        "<think>a</think>happy",
        "She looks as if she were happy",
        "A long story about a face that smiles, \\boxed{happy}",
        "\\boxed{happy}",
        '{"emotion": "happy"}',
        "The emotion is happy.",
        "Answer: happy",
        "happy or sad",
        "happy, happy, happy",
        "[happy]",
        MANY,
    ],
    "ov-list": [
        "",
        "[]",
        "[ ]",
        "happy",
        "[happy",
        "happy]",
        "[happy] [sad]",
        "[[happy]]",
        "[happy], sad",
        "[happy, happy]",
        "[happy or sad]",
        "[1, 2]",
        "The list is [happy]",
        f"[{MANY}]",
    ],
    "choice": [
        "",
        "happy, sad",
        "happy.",
        "The emotion is happy",
        "[happy]",
        "<answer>happy</answer>",
        "happy or sad",
        "1",
    ],
    "sentiment": ["", "happy", "positive, negative", "very positive", "positive.", "not positive"],
    "set-box": [
        "",
        "\\boxed{happy}",
        BOX.format("a", "b", "c") + "happy",
        BOX.format("a", "b", "c") + "\\boxed{}",
        BOX.format("a", "b", "c") + "\\boxed{ , }",
        BOX.format("a", "b", "c") + "\\boxed{happy",
        BOX.format("a", "b", "c") + "\\boxed{happy}.",
        BOX.format("a", "b", "c") + "\\boxed{happy}\\boxed{sad}",
        BOX.format("a", "b", "c") + " so \\boxed{happy}",
        BOX.format("", "b", "c") + "\\boxed{happy}",
        BOX.format("a", " ", "c") + "\\boxed{happy}",
        BOX.format("a", "b", "...") + "\\boxed{happy}",
        BOX.format("a", "a", "a") + "\\boxed{happy}",
        BOX.format("a", "b", " B ") + "\\boxed{happy}",
        BOX.format("a", "<b>b</b>", "c") + "\\boxed{happy}",
        "hm " + BOX.format("a", "b", "c") + "\\boxed{happy}",
        "<step2>b</step2><step1>a</step1><step3>c</step3>\\boxed{happy}",
        "<step1>a</step1><step2>b</step2>\\boxed{happy}",
        BOX.format("a", "b", "c") + "<answer>happy</answer>",
    ],
    "vote-head": [
        "",
        '{"emotion": "happy"}',
        '{"situation": "", "confidence": 8, "emotion": "happy"}',
        '{"situation": "...", "confidence": 8, "emotion": "happy"}',
        '{"situation": "A talk.", "confidence": 0, "emotion": "happy"}',
        '{"situation": "A talk.", "confidence": 11, "emotion": "happy"}',
        '{"situation": "A talk.", "confidence": 100, "emotion": "happy"}',
        '{"situation": "A talk.", "confidence": 8.5, "emotion": "happy"}',
        '{"situation": "A talk.", "confidence": "8", "emotion": "happy"}',
        '{"situation": "A talk.", "confidence": 8, "emotion": ""}',
        '{"situation": "A talk.", "confidence": 8, "emotion": "happy, happy"}',
        '{"situation": "A talk.", "confidence": 8, "emotion": "happy"',
        '{"situation": "A talk.", "confidence": 8, "emotion": "happy"} Done.',
        '{"emotion": "happy", "situation": "A talk.", "confidence": 8}',
        '{"situation": "<answer>sad</answer>", "confidence": 8, "emotion": "happy"}',
        '{"situation": "\\boxed{sad}", "confidence": 8, "emotion": "happy"}',
    ],
}
ACCEPTED = {
    "think-answer": ["<think>A smile.</think>\n<answer>happy</answer>\n", "<think>微笑</think><answer>高兴</answer>"],
    "answer-why": [
        "<answer>happy</answer><think>A smile.</think>",
        " <answer>happy, proud</answer> <think>The voice is loud.</think> ",
    ],
    "affectgpt-think": [
        "<think>A smile.</think><answer>happy, proud</answer>",
        "<think>笑</think><answer>高兴，自豪</answer>",
    ],
    "answer-only": ["happy", "happy, proud", "高兴、自豪"],
    "ov-list": ["[happy]", "[happy, proud]\n", "['happy', 'proud']", "[高兴，自豪]"],
    "choice": ["happy", " Happy\n", "pleasantly surprised", "高兴"],
    "sentiment": ["positive", "Negative", "neutral\n"],
    "set-box": [
        BOX.format("A dog", "Joy", "Good") + "\\boxed{joy}",
        BOX.format("A dog", "Joy", "Good").replace("><", ">\n<") + "\n\\boxed{\\text{joy}}\n",
        BOX.format("一只狗", "喜悦", "正面") + "\\boxed{高兴}",
    ],
    "vote-head": [
        '{"situation": "A talk.", "confidence": 8, "emotion": "happy"}',
        '{ "situation" : "A \\"talk\\".", "confidence":10 , "emotion": "happy, proud" }\n',
        '{"situation": "争吵", "confidence": 1, "emotion": "生气"}',
    ],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in REFUSED.items() for text in texts])
def test_refused(name, text):
    assert not shelves.load(SHELF, name).well_formed(text)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in ACCEPTED.items() for text in texts])
def test_accepted(name, text):
    assert shelves.load(SHELF, name).well_formed(text)
    assert parse(text).labels


def test_every_format_has_cases():
    assert sorted(REFUSED) == sorted(ACCEPTED) == shelves.names(SHELF)


@pytest.mark.parametrize("name", ["think-answer", "affectgpt-think", "answer-why", "set-box", "vote-head"])
def test_the_reasoning_is_kept(name):
    rules = shelves.load(SHELF, name)
    told = parse(rules.OPENING + rules.target(["sad"], "A falling voice.")).reasoning
    assert told is not None
    assert told.split("\n")[0] == "A falling voice."


@pytest.mark.parametrize(
    ("labels", "second", "third"),
    [
        (["happy"], "One feels happy.", "Valence: positive."),
        (["sadness"], "One feels sadness.", "Valence: negative."),
        (["neutral"], "One feels neutral.", "Valence: neutral."),
        (["happy", "sad"], "One feels happy, sad.", "Valence: mixed."),
        (["surprise"], "One feels surprise.", "Valence: open."),
        (["高兴"], "One feels 高兴.", "Valence: open."),
    ],
)
def test_a_skeleton_says_what_the_label_implies_and_nothing_else(labels, second, third):
    whole = set_box.OPENING + set_box.target(labels, None)
    assert steps(whole) == (set_box.NO_TRIGGER, second, third)


def test_steps_that_were_not_written_are_not_made_up():
    assert set_box.answer_opening("<step1>A dog") == "<step1>A dog</step1>\\boxed{"
    assert set_box.answer_opening("<step1>A dog</step1><step2>") == "<step1>A dog</step1><step2></step2>\\boxed{"
    assert not set_box.well_formed(set_box.answer_opening("<step1>A dog") + "happy}")


def test_a_choice_needs_labels_and_holds_answers_to_them():
    with pytest.raises(UsageError) as caught:
        choice.question(None)
    assert caught.value.code == "labels_invalid"
    assert choice.well_formed("Happy", ["happy", "sad"])
    assert not choice.well_formed("angry", ["happy", "sad"])
    assert not sentiment.well_formed("neutral", ["positive", "negative"])


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["happy"], "positive"),
        (["Negative"], "negative"),
        (["surprise", "joy"], "positive"),
        (["calm", "sad"], "neutral"),
    ],
)
def test_emotions_become_a_sentiment(labels, said):
    assert sentiment.target(labels, None) == said


@pytest.mark.parametrize("labels", [[], ["surprise"], ["高兴"], ["gribble"]])
def test_no_sentiment_is_made_up(labels):
    with pytest.raises(UsageError) as caught:
        sentiment.target(labels, None)
    assert caught.value.code == "labels_invalid"


def test_sentiment_refuses_other_labels():
    assert "positive, negative, neutral" in sentiment.question(None)
    with pytest.raises(UsageError) as caught:
        sentiment.question(["happy", "sad"])
    assert caught.value.code == "labels_invalid"


@pytest.mark.parametrize(("n", "points"), [(1, 10), (2, 5), (3, 3), (8, 1), (12, 1)])
def test_a_vote_is_json_and_its_points_are_divided(n, points):
    labels = [f"mood{chr(97 + i)}" for i in range(n)]
    whole = vote_head.OPENING + vote_head.target(labels, 'He says "no\\way"\nand leaves.')
    row = json.loads(whole)
    assert row == {
        "situation": "He says 'no/way' and leaves.",
        "confidence": points,
        "emotion": ", ".join(labels[:8]),
    }
    assert vote_head.confidence(whole) == points


@pytest.mark.parametrize("text", ["", "happy", '{"situation": "x", "confidence": 12}', '{"situation": "x"'])
def test_no_confidence(text):
    assert vote_head.confidence(text) is None
