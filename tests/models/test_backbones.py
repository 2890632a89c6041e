"""Language models with windows, odd templates and scaled embeddings: our rows against their own forward pass."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from whole_sequences import alone, text_policy

from affectrl.errors import ModelError
from affectrl.models import backbone, masks
from affectrl.models.decoding import generate, pack, token_logprobs
from affectrl.models.policy import FusedPolicy
from small_parts import BACKBONES, make_backbone

QUESTION = "What does the person feel?"
WINDOWS = [name for name, own in BACKBONES.items() if "sliding_window" in own]
FURTHER = [*WINDOWS, "llama2", "llama3"]
"""What tests/models/test_packed.py does not try."""


@pytest.fixture(scope="module")
def place(tiny_backbone, tmp_path_factory):
    made: dict[str, str] = {}

    def find(name: str) -> str:
        if name not in made:
            made[name] = str(make_backbone(name, tiny_backbone, tmp_path_factory.mktemp(name) / name))
        return made[name]

    return find


@pytest.mark.parametrize("name", FURTHER)
def test_shared_prefixes_equal_the_models_own_forward(place, make_features, name):
    policy = text_policy(place(name))
    texts = ["I did not expect that at all, and I do not know what to say about it now.", "Oh.", None]
    clips = [make_features(i, voice=0, face=0, text=text) for i, text in enumerate(texts)]
    prefix = policy.prefix(clips, QUESTION)
    words = ["happy", "sad, and rather tired of it all by now", "x", "calm", "", "afraid of the dark"]
    ids, keep = pack([[*policy.tokens(word).tolist(), policy.eos_id] for word in words], policy.eos_id)
    ours, _ = token_logprobs(policy, prefix, ids, keep, group=2)
    wanted = alone(policy, policy.prefix(clips, QUESTION), ids, keep, 2)
    for n, row in enumerate(wanted):
        torch.testing.assert_close(ours[n][keep[n]], row, rtol=1e-5, atol=1e-5)
    if name in WINDOWS:
        assert masks.window_of(policy.lm.get_base_model().config) == 7
        assert prefix.lengths.min() > 7, "the window matters"
    grads = []
    for rows in ([r[k] for r, k in zip(ours, keep, strict=True)], wanted):
        policy.zero_grad()
        sum(w * r.sum() for w, r in enumerate(rows, start=-3)).backward()
        grads.append({n: p.grad.clone() for n, p in policy.named_parameters() if p.grad is not None})
    assert set(grads[0]) == set(grads[1])
    for key, gradient in grads[1].items():
        assert float((grads[0][key] - gradient).norm()) <= 3e-5 * float(gradient.norm()) + 1e-9, key
    with torch.no_grad():
        done = generate(policy, prefix, group=2, max_new_tokens=6, generator=torch.Generator().manual_seed(0))
        again = alone(policy, prefix, done.ids, done.keep, 2)
    for n, row in enumerate(again):
        torch.testing.assert_close(done.logprobs[n][done.keep[n]], row, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["gemma3", "mistral-windows"])
@torch.no_grad()
def test_windows_with_an_adapter_on_completions_alone(place, make_features, name):
    from transformers import DynamicCache

    policy = text_policy(place(name), where="completion")
    clips = [make_features(i, voice=0, face=0, text=text) for i, text in enumerate(["A long line of words.", "Oh."])]
    prefix = policy.prefix(clips, QUESTION)
    ids, keep = pack([[*policy.tokens(w).tolist(), policy.eos_id] for w in ("so happy", "x")], policy.eos_id)
    ours, _ = token_logprobs(policy, prefix, ids, keep, group=1)
    model = policy.lm.get_base_model().model
    for n, (row, real) in enumerate(zip(ids, keep, strict=True)):
        embeds, past = prefix.embeds[n][prefix.keep[n]][None], DynamicCache(config=model.config)
        with policy.lm.disable_adapter():
            model(inputs_embeds=embeds[:, :-1], past_key_values=past, use_cache=True)
        rest = torch.cat([embeds[:, -1:], policy.embed_ids(row[real][:-1])[None]], 1)
        states = [
            model(inputs_embeds=rest[:, i : i + 1], past_key_values=past, use_cache=True) for i in range(len(rest[0]))
        ]
        logits = policy.logits(torch.cat([s.last_hidden_state[0] for s in states]))
        wanted = torch.log_softmax(logits, -1).gather(1, row[real][:, None])[:, 0]
        torch.testing.assert_close(ours[n][real], wanted, rtol=1e-5, atol=1e-5)


def test_eager_attention_has_windows_too(place, make_features):
    policy = text_policy(place("gemma3"))
    clips = [make_features(i, voice=0, face=0, text=text) for i, text in enumerate(["A long line of words.", "Oh."])]
    ids, keep = pack([[*policy.tokens(w).tolist(), policy.eos_id] for w in ("so happy", "x")], policy.eos_id)
    plain, _ = token_logprobs(policy, policy.prefix(clips, QUESTION), ids, keep, group=1)
    policy.lm.get_base_model().set_attn_implementation("eager")
    eager, _ = token_logprobs(policy, policy.prefix(clips, QUESTION), ids, keep, group=1)
    torch.testing.assert_close(eager[keep], plain[keep], rtol=1e-4, atol=1e-4)


def test_layers_that_cannot_share_a_prefix_are_refused(tiny_backbone, tmp_path):
    from transformers import AutoTokenizer, Qwen3NextConfig, Qwen3NextForCausalLM

    config = Qwen3NextConfig(
        vocab_size=64, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, layer_types=["linear_attention", "full_attention"], num_experts=2,
        num_experts_per_tok=1, moe_intermediate_size=16, shared_expert_intermediate_size=16,
        linear_key_head_dim=8, linear_value_head_dim=8, linear_num_key_heads=2, linear_num_value_heads=2,
    )  # fmt: skip
    Qwen3NextForCausalLM(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_backbone).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="linear_attention"):
        backbone.load(str(tmp_path))


def test_scaled_logits_are_refused(tiny_backbone, tmp_path):
    from transformers import AutoTokenizer, GraniteConfig, GraniteForCausalLM

    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = GraniteConfig(vocab_size=64, logits_scaling=8.0, **sizes)
    GraniteForCausalLM(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_backbone).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"scales its logits \(logits_scaling"):
        backbone.load(str(tmp_path))


class TestTemplates:
    def test_a_template_without_system_turns(self, place):
        assert backbone.load(place("gemma"), system_prompt="").turn_start == "<|im_start|>user\n"
        assert backbone.load(place("gemma"), system_prompt=None).turn_start == "<|im_start|>user\n"
        with pytest.raises(ModelError, match="refuses a system prompt: no system turn") as caught:
            backbone.load(place("gemma"), system_prompt="Be kind.")
        assert "model.system_prompt=null" in str(caught.value.hint)

    def test_a_template_that_loses_the_words(self, place, tmp_path):
        import shutil

        folder = Path(shutil.copytree(place("gemma"), tmp_path / "odd"))
        (folder / "chat_template.jinja").write_text("{{ messages[0].content | upper | replace('WORDS', '') }}")
        with pytest.raises(ModelError, match="does not repeat"):
            backbone.load(str(folder), system_prompt=None)


@pytest.mark.parametrize("name", ["gemma", "smollm"])
@torch.no_grad()
def test_streams_begin_as_loud_as_words(place, extractor, make_features, name):
    spec = extractor.spec.model_copy(update={"backbone": place(name)})
    policy = FusedPolicy(spec, extractor).eval()
    words = policy._embed("So what does the person feel here, and why?").pow(2).mean().sqrt()
    for loudness in (policy.no_words, policy.fusion["voice"].absent):
        assert 0.5 < float(loudness.pow(2).mean().sqrt() / words) < 2
