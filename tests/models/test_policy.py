from __future__ import annotations

import pytest
import torch

from affectrl.models.decoding import pack, token_logprobs
from affectrl.models.features import without
from affectrl.models.policy import FusedPolicy
from affectrl.recipes.streams import Prompt

QUESTION = "What does the person feel?"


def last_state(policy, prefix):
    return policy.prefill(prefix)[1]


@torch.no_grad()
def test_a_clip_does_not_feel_its_neighbours(policy, make_features):
    clips = [
        make_features(0, text="A long sentence, to be padded against."),
        make_features(1, face=0),
        make_features(2, 1, 1),
    ]
    together = last_state(policy, policy.prefix(clips, QUESTION, "<think>"))
    for i, clip in enumerate(clips):
        single = last_state(policy, policy.prefix([clip], QUESTION, "<think>"))
        torch.testing.assert_close(together[i], single[0], atol=1e-4, rtol=1e-4)
    backwards = last_state(policy, policy.prefix(clips[::-1], QUESTION, "<think>")).flip(0)
    torch.testing.assert_close(together, backwards, atol=1e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("prompt", [None, "{question} Hear {voice}, see {face}, read '{words}'."])
def test_answers_may_have_come_to_different_places(policy, make_features, prompt):
    if prompt is not None:
        policy.spec = policy.spec.model_copy(update={"prompt": Prompt(text=prompt)})
    clips, said = [make_features(0, text="Well done!"), make_features(1)], ["<think>So", "happy\nWhy: the voice"]
    together = policy.prefix(clips, QUESTION, said)
    for i, (clip, opening) in enumerate(zip(clips, said, strict=True)):
        single = policy.prefix([clip], QUESTION, opening)
        torch.testing.assert_close(together.embeds[i][together.keep[i]], single.embeds[0][single.keep[0]])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        policy.prefix(clips, QUESTION, said[:1])


@torch.no_grad()
def test_the_prefix_is_the_chat_template_with_streams_in_it(policy, make_features):
    clip = make_features(0, text="Well done!")
    prefix = policy.prefix([clip], QUESTION, "<think>")
    turns = [
        {"role": "system", "content": ""},
        {"role": "user", "content": f'{QUESTION}\nVoice: [V] Face: [F] Words: "Well done!"'},
    ]
    text = policy.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True) + "<think>"
    before, rest = text.split(" [V]")
    middle, after = rest.split(" [F]")
    voice, face = (policy.fusion[name]([clip.streams[name].float()])[0] for name in ("voice", "face"))
    table = policy.lm.get_input_embeddings()
    # Tokens at the seams may be cut otherwise than in one text; what they spell may not.
    spelled = "".join(policy.tokenizer.convert_ids_to_tokens(policy.tokens(before + middle + after).tolist()))
    known = {tuple(row.tolist()): i for i, row in enumerate(table.weight)}
    ids = [known.get(tuple(row.tolist())) for row in prefix.embeds[0]]
    assert "".join(policy.tokenizer.convert_ids_to_tokens([i for i in ids if i is not None])) == spelled
    streamed = prefix.embeds[0][[i for i, token in enumerate(ids) if token is None]]
    torch.testing.assert_close(streamed, torch.cat([voice, face]))
    assert prefix.shared > 0
    assert prefix.keep.all()


def test_an_absent_stream_is_a_learned_vector_not_zeros(policy, make_features):
    whole = make_features(0, text="Hm.")
    mute = without(whole, "voice")
    assert mute.modalities == ("face", "words")
    prefix = policy.prefix([mute], QUESTION)
    state = last_state(policy, prefix)
    state.pow(2).sum().backward()
    absent = policy.fusion["voice"].absent
    assert absent.grad is not None
    assert absent.grad.abs().max() > 0
    assert policy.fusion["voice"].whole.weight.grad is None
    assert (prefix.embeds[0] - absent).abs().sum(1).min() == 0

    silent = make_features(0, text="Hm.")
    silent.streams["voice"] = torch.zeros_like(silent.streams["voice"])
    assert (last_state(policy, policy.prefix([silent], QUESTION)) - state).abs().max() > 1e-3
    with torch.no_grad():
        absent += 1.0
    assert (last_state(policy, policy.prefix([mute], QUESTION)) - state).abs().max() > 1e-3


def test_absent_words_are_a_learned_vector(policy, make_features):
    state = last_state(policy, policy.prefix([make_features(0, text=None)], QUESTION))
    state.pow(2).sum().backward()
    assert policy.no_words.grad is not None
    assert policy.no_words.grad.abs().max() > 0


def test_a_model_without_words_never_reads_them(tiny_spec, extractor, make_features):
    policy = FusedPolicy(tiny_spec.model_copy(update={"words": False, "face": None}), extractor).eval()
    assert list(policy.fusion) == ["voice"]
    one, other = (policy.prefix([make_features(0, text=text)], QUESTION) for text in ("I am sad", None))
    torch.testing.assert_close(one.embeds, other.embeds)


@pytest.mark.parametrize("stream", ["voice", "face"])
@torch.no_grad()
def test_every_stream_reaches_the_answer(policy, make_features, stream):
    clip, other = make_features(0), make_features(1)
    changed = make_features(0)
    changed.streams[stream] = other.streams[stream]
    states = last_state(policy, policy.prefix([clip, changed], QUESTION))
    assert (states[0] - states[1]).abs().max() > 1e-3


@torch.no_grad()
def test_fit_and_align_see_only_the_clips_that_have_the_stream(policy, make_features):
    clips = [make_features(i, face=0 if i % 2 else 4) for i in range(6)]
    policy.fit_features(clips)
    rows = torch.stack([c.streams["face"].float().mean(0) for c in clips[::2]])
    torch.testing.assert_close(policy.fusion["face"].feature_mean[1], rows.mean(0))
    before = policy.fusion["face"].whole.weight.clone()
    policy.align([(c, "happy") for c in clips])
    torch.testing.assert_close(policy.fusion["face"].whole.weight, before)
    policy.align([(c, "happy" if i < 3 else "sad") for i, c in enumerate(clips)])
    assert not torch.equal(policy.fusion["face"].whole.weight, before)


@torch.no_grad()
def test_projections_are_aligned_beside_a_language_model_in_bfloat16(tiny_spec, extractor, make_features):
    policy = FusedPolicy(tiny_spec, extractor, dtype=torch.bfloat16)
    clips = [make_features(i) for i in range(6)]
    policy.fit_features(clips)
    policy.align([(c, "happy" if i < 3 else "sad") for i, c in enumerate(clips)])
    assert policy.fusion["voice"].whole.weight.dtype == torch.float32
    assert not policy.fusion["voice"].segment.weight.any(), "it was aligned"


def test_recomputed_layers_leave_a_cache_alone_while_training(tiny_spec, extractor, make_features):
    lora = tiny_spec.lora.model_copy(update={"where": "completion"})
    policy = FusedPolicy(tiny_spec.model_copy(update={"lora": lora}), extractor).train()
    clips = [make_features(i, text="Hm." if i % 2 else None) for i in range(3)]
    ids, keep = pack(
        [[*policy.tokens(word).tolist(), policy.eos_id] for word in ("happy", "so sad", "x")], policy.eos_id
    )
    plain, _ = token_logprobs(policy, policy.prefix(clips, QUESTION), ids, keep, group=1)
    policy.recompute_layers()
    spared, _ = token_logprobs(policy, policy.prefix(clips, QUESTION), ids, keep, group=1)
    torch.testing.assert_close(spared, plain)
    assert all(module.training for module in policy.modules())
