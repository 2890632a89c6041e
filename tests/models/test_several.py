"""One clip asked several things over one prefix, against each question alone on a prefix of its own."""

from __future__ import annotations

import pytest
import torch
from whole_sequences import alone, text_policy

from affectrl.models.decoding import generate
from affectrl.models.prefix import Prefix, fan
from affectrl.models.prompt import Ask
from affectrl.recipes.streams import Prompt

QUESTION = "What does the person feel?"
ASKS = [
    Ask(QUESTION),
    Ask(QUESTION, "\nGo by the face alone.", "<think>"),
    Ask(QUESTION, "\nGo by the voice and how it sounds, and say so in a few words. One of: sad, glad."),
]
LAYOUTS = {
    "behind the clip": (None, ASKS),
    "a place behind the clip": (
        Prompt(text="Hear {voice}, see {face}; said: '{words}'. {question}"),
        [Ask("Why?"), Ask("How does the voice sound, and what does it say?", "", "<think>"), Ask("{sad}?")],
    ),
    "before the clip": (None, [Ask(QUESTION), Ask("How does the voice sound?", "", "<think>")]),
}


@pytest.fixture(params=list(LAYOUTS))
def asked(request, policy, make_features):
    prompt, asks = LAYOUTS[request.param]
    policy.spec = policy.spec.model_copy(update={"prompt": prompt})
    clip = make_features(0, text="I did not expect that, honestly.")
    with torch.no_grad():
        return request.param, policy, clip, asks, policy.several(clip, asks)


def of(prefix: Prefix, i: int) -> torch.Tensor:
    return prefix.embeds[i][prefix.keep[i]]


@torch.no_grad()
def test_rows_are_the_prefixes_of_each_question_alone(asked):
    name, policy, clip, asks, prefix = asked
    for i, ask in enumerate(asks):
        torch.testing.assert_close(of(prefix, i), of(policy.several(clip, [ask]), 0), rtol=0, atol=0)
        if not ask.then:
            wanted = policy.prefix([clip], ask.question, ask.opening)
            torch.testing.assert_close(of(prefix, i), of(wanted, 0), rtol=0, atol=0)
    # The streams' tokens are not of the table: where questions come last, all of them are in the shared head.
    table = {tuple(row.tolist()) for row in policy.lm.get_input_embeddings().weight}
    streamed = [i for i, row in enumerate(of(prefix, 0)) if tuple(row.tolist()) not in table]
    assert len(streamed) == 6
    assert (max(streamed) < prefix.shared) == (name != "before the clip")
    words = policy.tokens("honestly.")
    if name != "before the clip":
        assert prefix.shared > max(streamed) + len(words)


@torch.no_grad()
def test_the_clip_runs_once(asked, monkeypatch):
    _, policy, _, asks, prefix = asked
    columns = []
    run = policy.run

    def counted(embeds, *rest):
        columns.append(embeds.shape[0] * embeds.shape[1])
        return run(embeds, *rest)

    monkeypatch.setattr(policy, "run", counted)
    policy.prefill(prefix)
    assert columns[0] == prefix.shared
    assert sum(columns) == prefix.shared + len(asks) * (prefix.embeds.shape[1] - prefix.shared)


@torch.no_grad()
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_is_written_is_what_each_question_alone_would_get(asked, temperature):
    _, policy, clip, asks, prefix = asked
    group = 1 if temperature == 0 else 4
    how = {"group": group, "max_new_tokens": 12, "temperature": temperature}
    done = generate(policy, prefix, generator=torch.Generator().manual_seed(3), **how)
    for i, ask in enumerate(asks):
        rows = slice(i * group, (i + 1) * group)
        own = policy.several(clip, [ask])
        separate = Prefix(own.embeds, own.keep)  # nothing shared, no cache
        for n, wanted in enumerate(alone(policy, separate, done.ids[rows], done.keep[rows], group)):
            torch.testing.assert_close(done.logprobs[rows][n][done.keep[rows][n]], wanted, atol=1e-4, rtol=1e-4)
        if temperature == 0:
            plain = generate(policy, separate, **how)
            assert plain.texts(policy) == done.texts(policy)[rows]
    if temperature:
        assert len({tuple(row.tolist()) for row in done.ids}) > len(asks)


@torch.no_grad()
def test_where_the_adapter_acts_on_answers_alone(tiny_backbone, make_features):
    policy = text_policy(str(tiny_backbone), "completion")
    clip = make_features(0, voice=0, face=0, text="Leave me alone, please")
    prefix = policy.several(clip, ASKS)
    done = generate(policy, prefix, max_new_tokens=8, temperature=0.0)
    for i, ask in enumerate(ASKS):
        single = generate(policy, policy.several(clip, [ask]), max_new_tokens=8, temperature=0.0)
        assert single.texts(policy) == [done.texts(policy)[i]]


def test_a_head_ends_where_positions_part():
    rows = [torch.ones(5, 2), torch.ones(4, 2)]
    assert fan(rows).shared == 2  # the last columns of the shorter are its own
    places = [torch.tensor([[0, 0], [1, 1], [2, 2], [3, 3], [4, 4]]), torch.tensor([[0, 0], [1, 9], [2, 9], [3, 9]])]
    whole = fan(rows, places)
    assert whole.shared == 1
    assert whole.places[1][whole.keep[1]].tolist() == places[1].tolist()
    assert fan(rows[:1]).shared == 3
