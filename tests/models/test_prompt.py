"""Prompts that a recipe words itself: what stands where, cut into tokens as one string would be."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from affectrl.models.prompt import NO_WORDS, laid_out
from affectrl.recipes.schema import ModelSpec
from affectrl.recipes.streams import Prompt

TEXT = "Hear <a>{voice}</a>, see {face}; said: '{words}'. {question} Answer:"


def test_text_that_stands_together_is_one_piece():
    pieces = laid_out(TEXT, "What {is} it?", "So {odd}")
    assert pieces == [
        ("Hear <a>", "voice"),
        ("</a>, see ", "face"),
        ("; said: 'So {odd}'. What {is} it? Answer:", None),
    ]
    assert laid_out("{words}{voice}", "?", None) == [("", NO_WORDS), ("", "voice"), ("", None)]
    assert laid_out("a {{b}}", "?", None) == [("a {b}", None)]


@pytest.mark.parametrize("text", ["{voice}", "{voice}{face}{face}{words}", TEXT + "{motion}", TEXT + "{question}", "{"])
def test_a_prompt_has_one_place_for_each(text):
    with pytest.raises(ValidationError):
        ModelSpec.model_validate({"prompt": {"text": text}})


@pytest.fixture
def worded(policy):
    policy.spec = policy.spec.model_copy(update={"prompt": Prompt(text=TEXT, chat=False)})
    return policy


@torch.no_grad()
def test_it_is_laid_out_as_written(worded, make_features):
    clip = make_features(0, text="Oh!")
    prefix = worded.prefix([clip, make_features(1, text="No.")], "Why?", "<think>")
    table = worded.lm.get_input_embeddings()
    voice, face = (worded.fusion[name]([clip.streams[name].float()])[0] for name in ("voice", "face"))
    said = [table(worded.tokens(t)) for t in ("Hear <a>", "</a>, see ", "; said: 'Oh!'. Why? Answer:<think>")]
    torch.testing.assert_close(prefix.embeds[0][prefix.keep[0]], torch.cat([said[0], voice, said[1], face, said[2]]))
    assert prefix.shared == len(said[0])


@torch.no_grad()
def test_in_the_chat_template_and_without_words(worded, make_features):
    worded.spec = worded.spec.model_copy(update={"prompt": Prompt(text="{words} {voice}{face} {question}")})
    prefix = worded.prefix([make_features(0, text=None), make_features(1, text="Hm.")], "Why?")
    assert prefix.shared == 0  # what comes first differs
    start = worded.tokens(worded._turn_start)
    row = prefix.embeds[0][prefix.keep[0]]
    assert torch.equal(row[: len(start)], worded.lm.get_input_embeddings()(start))
    assert torch.equal(row[len(start)], worded.no_words[0])


@torch.no_grad()
def test_clips_of_the_same_words_alone_keep_a_position_of_their_own(worded, make_features):
    worded.spec = worded.spec.model_copy(update={"prompt": Prompt(text="{words} {question}")})
    worded.fusion = torch.nn.ModuleDict()
    same = [make_features(i, voice=0, face=0, text="Oh!") for i in range(2)]
    for clips in (same, same[:1]):
        prefix = worded.prefix(clips, "Why?")
        assert prefix.shared == prefix.embeds.shape[1] - 1
        wanted = worded.lm(inputs_embeds=prefix.embeds).logits[:, -1]
        torch.testing.assert_close(worded.logits(worded.prefill(prefix)[1]), wanted, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_free_questions_and_sizes(worded, make_features):
    clip = make_features(0, text="Oh!")
    both = worded.asked(["Why?", "And text alone?"], [clip, None])
    torch.testing.assert_close(both.embeds[0][both.keep[0]], worded.prefix([clip], "Why?").embeds[0])
    assert worded.columns([clip], "Why?") >= int(both.lengths[0])
