"""Packed rows against whole sequences run alone: log-probabilities and gradients, on several architectures."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from whole_sequences import alone, text_policy

from affectrl.models import packed, scoring
from affectrl.models.decoding import generate, pack, token_logprobs
from affectrl.models.policy import FusedPolicy
from affectrl.models.prefix import Prefix

RELATIVE = 1e-5
QUESTION = "What does the person feel?"
TEXTS = [
    "I did not expect that at all, honestly, and I do not know what to say about it now.",
    "Oh.",
    "Leave me alone, please",
]
WORDS = [
    "happy", "sad, and rather tired of it all", "x", "no", "calm calm", "afraid of the dark and of much else",
    "", "angry!", "so", "surprised, worried", "glad", "hm",
]  # fmt: skip


def config_of(kind: str, vocab: int):
    from transformers import GemmaConfig, LlamaConfig, Qwen2Config, Qwen3Config

    sizes = {
        "vocab_size": vocab,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "initializer_range": 0.15,
        "tie_word_embeddings": True,
    }
    known = {"llama": LlamaConfig, "qwen2": Qwen2Config, "qwen3": Qwen3Config, "gemma": GemmaConfig}
    more = {"head_dim": 16} if kind in ("qwen3", "gemma") else {}
    return known[kind](**sizes, **more)


@pytest.fixture(scope="module", params=["llama", "qwen2", "qwen3", "gemma"])
def backbone(request, tiny_backbone: Path, tmp_path_factory):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_backbone)
    folder = tmp_path_factory.mktemp(request.param)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        config = config_of(request.param, len(tokenizer))
        config.eos_token_id = tokenizer.eos_token_id
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def clips_of(make_features):
    return [make_features(i, voice=0, face=0, text=text) for i, text in enumerate(TEXTS)]


def rows_of(policy: FusedPolicy) -> tuple[torch.Tensor, torch.Tensor]:
    return pack([[*policy.tokens(word).tolist(), policy.eos_id] for word in WORDS], policy.eos_id)


def gradients(policy: FusedPolicy, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    policy.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in policy.named_parameters() if p.grad is not None}


def assert_equal_learning(policy: FusedPolicy, clips, relative: float = RELATIVE, **options) -> None:
    ids, keep = rows_of(policy)
    weights = torch.linspace(-1, 1, len(ids))[:, None]
    prefix = policy.prefix(clips, QUESTION)
    ours, _ = token_logprobs(policy, prefix, ids, keep, group=4, **options)
    found = gradients(policy, (ours * weights).sum())
    theirs = alone(policy, policy.prefix(clips, QUESTION), ids, keep, 4)
    wanted = gradients(policy, sum((w * row).sum() for w, row in zip(weights, theirs, strict=True)))
    for n, row in enumerate(theirs):
        torch.testing.assert_close(ours[n][keep[n]], row, rtol=relative, atol=relative)
    assert set(found) == set(wanted)
    assert any("lora_B" in name for name in wanted)
    for name, gradient in wanted.items():
        assert gradient.abs().max() > 0, name
        error = float((found[name] - gradient).norm() / gradient.norm())
        assert error < relative * 3, (name, error)


def test_packed_rows_learn_what_whole_sequences_learn(backbone, make_features):
    assert_equal_learning(text_policy(backbone), clips_of(make_features))


def test_packed_rows_on_smollm2_itself(make_features):
    policy = text_policy("smollm2-135m-instruct")
    assert_equal_learning(policy, clips_of(make_features), relative=3 * RELATIVE)


def test_recomputed_layers_change_nothing_but_memory(backbone, make_features):
    policy = text_policy(backbone)
    policy.recompute_layers()
    assert_equal_learning(policy, clips_of(make_features))
    assert not any(layer.training for layer in policy.modules())


def test_memory_of_recomputed_layers_is_smaller(backbone, make_features):
    saved: dict[bool, int] = {}
    for recompute in (False, True):
        policy = text_policy(backbone)
        if recompute:
            policy.recompute_layers()
        kept: dict[int, int] = {}

        def pack_hook(t, kept=kept):
            kept[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
            return t

        ids, keep = rows_of(policy)
        with torch.autograd.graph.saved_tensors_hooks(pack_hook, lambda t: t):
            token_logprobs(policy, policy.prefix(clips_of(make_features), QUESTION), ids, keep, group=4)
        saved[recompute] = sum(kept.values())
    assert saved[True] < 0.7 * saved[False]


def test_logits_are_never_all_in_memory(backbone, make_features, monkeypatch):
    policy = text_policy(backbone)
    ids, keep = rows_of(policy)
    sizes = []
    plain = FusedPolicy.logits
    monkeypatch.setattr(FusedPolicy, "logits", lambda s, h: (sizes.append(len(h)), plain(s, h))[1])
    monkeypatch.setattr(scoring, "LOGIT_ROWS", 5)
    prefix = policy.prefix(clips_of(make_features), QUESTION)
    token_logprobs(policy, prefix, ids, keep, group=4)[0].sum().backward()
    assert max(sizes) == 5
    assert sum(sizes) == int(keep.sum()), "a head that does not learn makes them once"


class TestAdapterOnCompletions:
    """An adapter that acts on generated positions alone leaves the prefix's keys and values as they are."""

    def reference(self, policy: FusedPolicy, prefix: Prefix, ids, keep, group: int):
        """Row by row: the prefix but its last position without the adapter, the rest with it."""
        from transformers import DynamicCache

        out = []
        for n, (row, real) in enumerate(zip(ids, keep, strict=True)):
            embeds = prefix.embeds[n // group][prefix.keep[n // group]][None]
            past = DynamicCache()
            with policy.lm.disable_adapter():
                policy.lm.get_base_model().model(inputs_embeds=embeds[:, :-1], past_key_values=past, use_cache=True)
            rest = torch.cat([embeds[:, -1:], policy.embed_ids(row[real][:-1])[None]], 1)
            states = policy.lm.get_base_model().model(inputs_embeds=rest, past_key_values=past, use_cache=True)
            logits = policy.logits(states.last_hidden_state[0])
            out.append(torch.log_softmax(logits, -1).gather(1, row[real][:, None])[:, 0])
        return out

    def test_equals_the_slow_way_with_and_without_reuse(self, backbone, make_features):
        policy = text_policy(backbone, where="completion")
        policy.learn("adapter")
        clips = clips_of(make_features)
        ids, keep = rows_of(policy)
        weights = torch.linspace(-1, 1, len(ids))[:, None]
        prefix = policy.prefix(clips, QUESTION)
        wanted = self.reference(policy, prefix, ids, keep, 4)
        slow = gradients(policy, sum((w * row).sum() for w, row in zip(weights, wanted, strict=True)))
        with torch.no_grad():
            _, _, reuse = policy.prefill(prefix)
        assert reuse is not None
        for cache in (None, reuse):
            prefix = policy.prefix(clips, QUESTION)
            ours, _ = token_logprobs(policy, prefix, ids, keep, group=4, reuse=cache)
            for n, row in enumerate(wanted):
                torch.testing.assert_close(ours[n][keep[n]], row, rtol=RELATIVE, atol=RELATIVE)
            fast = gradients(policy, (ours * weights).sum())
            for name, gradient in slow.items():
                assert float((fast[name] - gradient).norm()) <= 3 * RELATIVE * float(gradient.norm()), name

    def test_reuse_runs_no_prefix(self, backbone, make_features, monkeypatch):
        policy = text_policy(backbone, where="completion")
        policy.learn("adapter")
        prefix = policy.prefix(clips_of(make_features), QUESTION)
        done = generate(policy, prefix, group=2, max_new_tokens=4, generator=torch.Generator().manual_seed(0))
        columns = []
        plain = FusedPolicy.run
        monkeypatch.setattr(FusedPolicy, "run", lambda s, e, *rest: (columns.append(e.shape[1]), plain(s, e, *rest))[1])
        again, _ = token_logprobs(policy, prefix, done.ids, done.keep, group=2, reuse=done.reuse)
        assert columns == [1 + 2 * 3]
        torch.testing.assert_close(again.detach(), done.logprobs, rtol=1e-4, atol=1e-4)

    def test_nothing_is_reused_while_projections_or_the_whole_adapter_learn(self, backbone, make_features):
        prefix_of = lambda policy: policy.prefix(clips_of(make_features), QUESTION)  # noqa: E731
        for where, what in (("completion", "all"), ("everything", "adapter")):
            policy = text_policy(backbone, where=where)
            policy.learn(what)
            assert policy.prefill(prefix_of(policy))[2] is None


def test_the_mask_says_who_may_look_at_whom():
    ids = torch.tensor([[1, 2, 3, 0], [4, 5, 0, 0], [6, 0, 0, 0], [7, 8, 9, 10]])
    keep = ids > 0
    prefix_keep = torch.tensor([[True, False, True], [True, True, True]])
    rows = packed.layout(ids, keep, group=2)
    assert rows.ids[rows.real].tolist() == [1, 2, 4, 7, 8, 9]
    assert rows.owner.tolist() == [[0, 0, 1], [1, 1, 1]]
    assert rows.at.tolist() == [[0, 1, 0], [0, 1, 2]]
    seen = packed.block_mask(prefix_keep, 2, rows)[:, 0]
    assert seen.shape == (2, 1 + 3, 3 + 3)
    said = [["".join("x" if v else "." for v in row) for row in clip] for clip in seen.tolist()]
    assert said == [
        ["x.x...", "x.xx..", "x.xxx.", "x.x..x"],
        ["xxx...", "xxxx..", "xxxxx.", "xxxxxx"],
    ]


def test_a_head_that_learns_is_recomputed_and_gets_its_gradient(backbone, make_features):
    policy = text_policy(backbone)
    ids, keep = rows_of(policy)
    prefix = policy.prefix(clips_of(make_features), QUESTION)
    weights = torch.linspace(-1, 1, len(ids))[:, None]
    frozen, entropy = token_logprobs(policy, prefix, ids, keep, group=4, temperature=0.7)
    before = gradients(policy, (frozen * weights).sum())
    policy.lm.get_output_embeddings().weight.requires_grad_(True)
    prefix = policy.prefix(clips_of(make_features), QUESTION)
    learning, again = token_logprobs(policy, prefix, ids, keep, group=4, temperature=0.7)
    after = gradients(policy, (learning * weights).sum())
    torch.testing.assert_close(frozen, learning, rtol=RELATIVE, atol=RELATIVE)
    torch.testing.assert_close(entropy, again, rtol=RELATIVE, atol=RELATIVE)
    assert set(after) > set(before)
    for name, gradient in before.items():
        assert float((after[name] - gradient).norm()) <= 3 * RELATIVE * float(gradient.norm()), name
