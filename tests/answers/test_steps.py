from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectrl.answers.parser import parse
from affectrl.answers.steps import steps

CASES = {
    "": (None, None, None),
    "a dog": (None, None, None),
    "<step1>A dog</step1><step2>Joy</step2><step3>Good</step3>\\boxed{joy}": ("A dog", "Joy", "Good"),
    "A dog</step1><step2>Joy</step2>": ("A dog", "Joy", None),
    "<step1> A\ndog </step1>\n<step2>Joy</step2>": ("A\ndog", "Joy", None),
    "<Step 1>A dog</STEP_1>< step2 >Joy< / step2 >": ("A dog", "Joy", None),
    "<step1>A dog<step2>Joy<step3>Good": ("A dog", "Joy", "Good"),
    "<step1>A dog</step1><step3>Good\\boxed{joy}": ("A dog", None, "Good"),
    "<step1>A dog</step2>": ("A dog", None, None),
    "<step1>A \\boxed{x} dog</step1>": ("A \\boxed{x} dog", None, None),
    "<step1>A dog <answer>joy</answer>": ("A dog", None, None),
    "<step1>A dog</step1> Joy</step2>": ("A dog", "Joy", None),
    "<step1></step1><step2> ... </step2><step3>12 😀</step3>": (None, None, None),
    "<step1>A dog</step1><step1>A cat</step1>": ("A cat", None, None),
    "<step3>Good</step3><step1>A dog</step1>": ("A dog", None, "Good"),
    "<step1>一只狗</step1><step2>فرح</step2><step3>आनंद</step3>": ("一只狗", "فرح", "आनंद"),
    "<step4>more</step4><step1>a < b</step1>": ("a < b", None, None),
}


@pytest.mark.parametrize("text", CASES)
def test_steps_are_read(text):
    assert steps(text) == CASES[text]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["<step1>", "</step1>", "<step2>", "</step3>", "\\boxed{", "</think>", "a", " ", "é"])))
def test_a_step_is_an_unbroken_piece_of_the_text_that_says_something(parts):
    text = "".join(parts)
    for said in steps(text):
        assert said is None or (said in text and said == said.strip() and any(c.isalpha() for c in said))


@pytest.mark.parametrize("piece", ["<step1>", "</step1>", "<step1>a", "< ", "<step1>\\boxed{", "a</step2>"])
def test_steps_are_read_in_linear_time(piece):
    text = piece * (1_000_000 // len(piece))
    started = time.process_time()
    steps(text)
    assert time.process_time() - started < 3.0


CUT = [
    "<step1>",
    "<step1>A happy face",
    "<step1>A dog</step1><step2>joy",
    "<step1>A dog</step1><step2>joy</st",
    "<step1>A dog</step1><st",
    "<step1>a</step1><step2>b</step2><step3>happy",
    "<step1>a</step1><step2>b</step2><step3>c</step3>",
    "<step1>a</step1><step2>b</step2><step3>c</step3>\\",
    "<step1>a</step1><step2>b</step2><step3>c</step3>\\boxed",
    "<step1>a</step1><step2>b</step2><step3>c</step3>\\boxed{",
    "<Step 1>A happy face",
]


@pytest.mark.parametrize("text", CUT)
def test_an_output_cut_within_its_steps_has_no_labels(text):
    assert parse(text).labels == ()


READ = {
    "<step1>a</step1><step2>b</step2><step3>c</step3>\\boxed{Happy}": ("happy",),
    "<step1>a</step1><step2>b</step2><step3>c\\boxed{happy}": ("happy",),
    "<step1>a</step1><step2>b</step2><step3>c</step3>happy": ("happy",),
    "<step1>a</step1><step2>b</step2><step3>c</step3>\\boxed{\\text{happy}}": ("happy",),
    "<step1>a</step1><step2>b</step2><step3>c</step3>\\boxed{hap": ("hap",),
    "<step1>a</step1>\\boxed{sad}<step2>b</step2>": ("sad",),
    "<step1>a</step1>\\boxed{sad}<step2>b": ("sad",),
    "< step1 >a</step1 ><step2>b</step2><step3>c</ step3>\\boxed{高兴}": ("高兴",),
}


@pytest.mark.parametrize("text", READ)
def test_labels_after_steps_are_read(text):
    assert parse(text).labels == READ[text]


def test_steps_are_reasoning():
    text = "<step1>A dog</step1><step2>Joy, says one</step2><step3></step3>\\boxed{joy}"
    assert parse(text).reasoning == "A dog\nJoy, says one"
    assert parse("<step1>A dog").reasoning == "A dog"
    assert parse("<step1></step1>\\boxed{joy}").reasoning is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"situation": "A quarrel.", "confidence": 8, "emotion": "angry"}', "A quarrel."),
        ('{"situation": "A quar', "A quar"),
        ('{"reasoning": "Loud \\"no\\".", "emotion": "angry"}', 'Loud \\"no\\".'),
        ('{"emotion": "angry"}', None),
        ('{"situation": "", "emotion": "angry"}', None),
        ('<think>First.</think>{"situation": "A quarrel.", "emotion": "angry"}', "First."),
    ],
)
def test_reasoning_in_json(text, said):
    assert parse(text).reasoning == said
