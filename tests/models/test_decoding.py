"""Decoding and scoring against the slow way: one row at a time, one whole sequence, no cache, no padding."""

from __future__ import annotations

import pytest
import torch

from affectrl.models import decoding
from affectrl.models.decoding import Completions, generate, pack, token_logprobs
from affectrl.models.prefix import Prefix

QUESTION, OPENING = "What does the person feel?", "<think>"
EXACT = {"atol": 1e-4, "rtol": 1e-4}


@pytest.fixture
def clips(make_features):
    """Of different lengths: all streams, one missing, words only, short words."""
    return [
        make_features(0, text="I did not expect that at all, honestly."),
        make_features(1, face=0, text="Oh."),
        make_features(2, voice=0, face=0, text="Leave me alone, please"),
        make_features(3),
    ]


@pytest.fixture
def rows(policy):
    words = ["happy", "sad, and rather tired of it all", "x", "no", "calm calm", "afraid of the dark", "", "angry!"]
    return [[*policy.tokens(word).tolist(), policy.eos_id] for word in words]


def alone(policy, prefix: Prefix, index: int, ids: list[int], temperature: float = 1.0):
    """Log-probabilities and entropies of one row from a single pass over one whole, unpadded sequence."""
    embeds = prefix.embeds[index][prefix.keep[index]]
    table = policy.lm.get_input_embeddings()
    whole = torch.cat([embeds, table(torch.tensor(ids[:-1], dtype=torch.long))])[None]
    logits = policy.lm(inputs_embeds=whole, use_cache=False).logits[0, len(embeds) - 1 :] / temperature
    logprobs = torch.log_softmax(logits.float(), -1)
    return logprobs.gather(1, torch.tensor(ids)[:, None])[:, 0], -(logprobs.exp() * logprobs).sum(-1)


def unshared(prefix: Prefix) -> Prefix:
    return Prefix(prefix.embeds, prefix.keep, shared=0)


@pytest.mark.parametrize("form", [lambda p: p, unshared], ids=["shared head", "no shared head"])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_token_logprobs_equal_whole_sequences_one_by_one(policy, clips, rows, form, temperature):
    prefix = form(policy.prefix(clips, QUESTION, OPENING))
    ids, keep = pack(rows, policy.eos_id)
    logprobs, entropy = token_logprobs(policy, prefix, ids, keep, group=2, temperature=temperature)
    for n, row in enumerate(rows):
        wanted, spread = alone(policy, prefix, n // 2, row, temperature)
        torch.testing.assert_close(logprobs[n, : len(row)], wanted, **EXACT)
        torch.testing.assert_close(entropy[n, : len(row)], spread, **EXACT)
    assert logprobs[~keep].abs().max() == 0
    assert entropy[~keep].abs().max() == 0


@pytest.mark.parametrize("form", [lambda p: p, unshared], ids=["shared head", "no shared head"])
def test_gradients_equal_those_of_whole_sequences(policy, clips, rows, form):
    weights = torch.linspace(-1, 1, len(rows))
    ids, keep = pack(rows, policy.eos_id)

    def gradients(total) -> dict[str, torch.Tensor]:
        policy.zero_grad()
        total.backward()
        return {name: p.grad.clone() for name, p in policy.named_parameters() if p.grad is not None}

    prefix = form(policy.prefix(clips, QUESTION, OPENING))
    ours = gradients((token_logprobs(policy, prefix, ids, keep, group=2)[0].sum(1) * weights).sum())
    prefix = policy.prefix(clips, QUESTION, OPENING)
    theirs = gradients(
        sum(
            w * alone(policy, prefix, n // 2, row)[0].sum()
            for n, (w, row) in enumerate(zip(weights, rows, strict=True))
        )
    )

    assert set(ours) == set(theirs)
    assert {"no_words", "fusion.voice.absent", "fusion.face.whole.weight"} <= set(ours)
    assert any("lora_A" in name for name in ours)
    for name, gradient in theirs.items():
        assert gradient.abs().max() > 0, name
        torch.testing.assert_close(ours[name], gradient, atol=1e-4 * float(gradient.abs().max()) + 1e-6, rtol=1e-3)


def test_only_adapter_and_fusion_learn(policy, clips, rows):
    trainable = {name for name, p in policy.named_parameters() if p.requires_grad}
    assert trainable == {n for n, _ in policy.named_parameters() if "lora_" in n or not n.startswith("lm.")}
    learned = {id(p) for p in [*policy.adapter_parameters(), *policy.fusion_parameters()]}
    assert learned == {id(p) for p in policy.parameters() if p.requires_grad}


@pytest.mark.parametrize("temperature", [1.0, 1.6])
def test_sampled_logprobs_equal_their_recomputation(policy, clips, temperature):
    prefix = policy.prefix(clips, QUESTION, OPENING)
    random = torch.Generator().manual_seed(3)
    done = generate(policy, prefix, group=3, max_new_tokens=9, temperature=temperature, generator=random)
    assert len(done.ids) == 12
    again, _ = token_logprobs(policy, prefix, done.ids, done.keep, group=3, temperature=temperature)
    torch.testing.assert_close(done.logprobs, again.detach(), **EXACT)
    assert (done.logprobs[done.keep] < 0).all()


def eager(policy, prefix: Prefix, index: int, limit: int) -> list[int]:
    embeds = prefix.embeds[index][prefix.keep[index]][None]
    ids: list[int] = []
    while len(ids) < limit and (not ids or ids[-1] != policy.eos_id):
        ids.append(int(policy.lm(inputs_embeds=embeds, use_cache=False).logits[0, -1].argmax()))
        embeds = torch.cat([embeds, policy.lm.get_input_embeddings()(torch.tensor([[ids[-1]]]))], dim=1)
    return ids


@torch.no_grad()
def test_greedy_equals_a_plain_loop_and_ends_each_row_in_its_own_time(policy, clips):
    prefix = policy.prefix(clips, QUESTION, OPENING)
    # Let some greedy answers end: make one of the tokens that come up the end token.
    first = [eager(policy, prefix, i, 8) for i in range(len(clips))]
    policy.tokenizer.eos_token = policy.tokenizer.convert_ids_to_tokens(first[0][2])
    wanted = [eager(policy, prefix, i, 8) for i in range(len(clips))]
    assert len({len(row) for row in wanted}) > 1, "the rows should end at different times"
    done = generate(policy, prefix, max_new_tokens=8, temperature=0)
    assert [row[keep].tolist() for row, keep in zip(done.ids, done.keep, strict=True)] == wanted
    assert done.truncated(policy.eos_id).tolist() == [row[-1] != policy.eos_id for row in wanted]
    assert done.lengths.tolist() == [len(row) for row in wanted]


@torch.no_grad()
def test_rows_that_have_ended_are_computed_no_more(policy, clips, monkeypatch):
    prefix = policy.prefix(clips, QUESTION, OPENING)
    first = [eager(policy, prefix, i, 8) for i in range(len(clips))]
    policy.tokenizer.eos_token = policy.tokenizer.convert_ids_to_tokens(first[0][2])
    sizes = []
    plain = type(policy).run
    monkeypatch.setattr(
        type(policy), "run", lambda s, e, *rest: (sizes.append(e.shape[0] * e.shape[1]), plain(s, e, *rest))[1]
    )
    done = generate(policy, prefix, max_new_tokens=8, temperature=0)
    lengths = done.lengths.tolist()
    ended = done.truncated(policy.eos_id).logical_not().tolist()
    going = [
        sum(n > step + 1 or (n == step + 1 and not e) for n, e in zip(lengths, ended, strict=True)) for step in range(7)
    ]
    sizes = sizes[2:]  # after the head and the clips' own parts
    assert sizes == [n for n in going if n]


@torch.no_grad()
def test_the_generator_decides_and_the_distribution_is_the_right_one(policy, clips):
    prefix = policy.prefix(clips[:1], QUESTION, OPENING)

    def draw(seed: int) -> Completions:
        random = torch.Generator().manual_seed(seed)
        return generate(policy, prefix, group=400, max_new_tokens=1, generator=random)

    one, same, other = draw(0), draw(0), draw(1)
    assert torch.equal(one.ids, same.ids)
    assert not torch.equal(one.ids, other.ids)
    logits = policy.logits(policy.prefill(prefix)[1])[0]
    top = logits.argmax()
    share, wanted = float((one.ids == top).float().mean()), float(logits.softmax(-1)[top])
    assert abs(share - wanted) < 5 * (wanted * (1 - wanted) / 400) ** 0.5


def test_texts_put_the_opening_back_and_leave_special_tokens_out(policy):
    ids, keep = pack([[*policy.tokens("happy").tolist(), policy.eos_id], policy.tokens("sad and tired").tolist()], 0)
    done = Completions(ids, keep, torch.zeros(ids.shape), group=2)
    assert done.texts(policy, "<think>") == ["<think>happy", "<think>sad and tired"]
    assert done.truncated(policy.eos_id).tolist() == [False, True]


def test_padding_is_no_end_token(policy):
    ids, keep = pack([[5, 6, 7], [5]], policy.eos_id)
    assert Completions(ids, keep, torch.zeros(ids.shape), 2).truncated(policy.eos_id).tolist() == [True, True]


@torch.no_grad()
def test_the_prefix_is_kept_once_and_ended_answers_ask_no_more(policy, clips, monkeypatch):
    prefix = policy.prefix(clips, QUESTION, OPENING)
    caches, queries = [], []
    plain = type(policy).run

    def spy(self, embeds, mask, positions, past=None, places=None):
        states = plain(self, embeds, mask, positions, past, places)
        caches.append(past.layers[0].keys.shape)
        queries.append(tuple(embeds.shape[:2]))
        return states

    monkeypatch.setattr(type(policy), "run", spy)
    logits, nudge = type(policy).logits, torch.zeros(policy.logits(prefix.embeds[0, :1]).shape[-1])
    nudge[policy.eos_id] = 9.0
    monkeypatch.setattr(type(policy), "logits", lambda self, states: logits(self, states) + nudge)
    random = torch.Generator().manual_seed(0)
    done = generate(policy, prefix, group=6, max_new_tokens=10, generator=random)
    longest = prefix.embeds.shape[1]
    lengths = done.lengths.view(4, 6)
    assert len(set(lengths.flatten().tolist())) > 1, "answers should end at different times"
    for step, ((rows, seats), cache) in enumerate(zip(queries[2:], caches[2:], strict=True), 1):
        going = (lengths > step).sum(1)
        assert rows == int((going > 0).sum()), "a clip leaves with its last answer"
        assert seats == int(going.max()), "an answer that has ended takes no seat"
        assert cache[0] == rows
        assert cache[2] <= longest + 6 * step, "the prefix is there once"


def test_tokens_are_drawn_as_often_as_they_are_likely():
    chances = torch.tensor([[0.5, 0.0, 0.3, 0.2], [0.0, 0.0, 1.0, 0.0]])
    random = torch.Generator().manual_seed(0)
    drawn = torch.stack([decoding.sample(chances, random) for _ in range(4000)])
    shares = torch.nn.functional.one_hot(drawn, 4).float().mean(0)
    torch.testing.assert_close(shares, chances, atol=0.03, rtol=0)
    assert shares[chances == 0].max() == 0


@pytest.mark.parametrize("number", [0.0, 1.0 - 2**-24])
def test_no_impossible_token_is_drawn_at_either_end(monkeypatch, number):
    chances = torch.tensor([[0.0, 0.1, 0.7, 0.2, 0.0]])
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.full(shape, number))
    assert decoding.sample(chances, None).tolist() == [1 if number == 0 else 3]
