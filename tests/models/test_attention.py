"""Grouped heads against transformers' eager attention, which repeats keys and values: states and gradients."""

from __future__ import annotations

import pytest
import torch

from affectrl.models.attention import NAME, use_grouped_heads


def model_of(kind: str, how: str, key_heads: int = 2):
    from transformers import AutoModelForCausalLM, GemmaConfig, LlamaConfig, MistralConfig, Qwen3Config

    known = {"llama": LlamaConfig, "qwen3": Qwen3Config, "gemma": GemmaConfig, "mistral": MistralConfig}
    more = {"sliding_window": 5} if kind == "mistral" else {}
    config = known[kind](
        vocab_size=50,
        hidden_size=48,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=key_heads,
        head_dim=8,
        initializer_range=0.2,
        **more,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(config, attn_implementation=how).eval()


def masks() -> dict[str, torch.Tensor | None]:
    padded = torch.ones(2, 9, dtype=torch.long)
    padded[1, :3] = 0
    free = torch.rand(2, 1, 9, 9, generator=torch.Generator().manual_seed(3)) > 0.4
    return {"none": None, "padded": padded, "blocks": free | torch.eye(9, dtype=torch.bool)}


@pytest.mark.parametrize("mask", ["none", "padded", "blocks"])
@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma", "mistral"])
def test_states_and_gradients_are_those_of_repeated_heads(kind: str, mask: str) -> None:
    found = {}
    given = masks()[mask]
    for how in ("eager", "sdpa"):
        model = model_of(kind, how)
        use_grouped_heads(model)
        assert model.config._attn_implementation == {"eager": "eager", "sdpa": NAME}[how]
        embeds = torch.randn(2, 9, 48, generator=torch.Generator().manual_seed(1)).requires_grad_()
        asked = given
        if how == "eager" and given is not None and given.ndim == 4:
            asked = torch.zeros(given.shape).masked_fill(~given, torch.finfo(torch.float32).min)
        out = model.model(inputs_embeds=embeds, attention_mask=asked).last_hidden_state[:, 3:]
        (out * torch.randn(out.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
        found[how] = [out, embeds.grad, *(p.grad for p in model.model.layers.parameters())]
    for ours, theirs in zip(found["sdpa"], found["eager"], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * float(theirs.detach().abs().max()))


def test_keys_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the module is for; it would pass the test above if it handed everything on."""
    from transformers.integrations import sdpa_attention

    def refuse(*args: object) -> None:
        raise AssertionError("keys were repeated")

    monkeypatch.setattr(sdpa_attention, "repeat_kv", refuse)
    grouped, plain = model_of("llama", "sdpa"), model_of("llama", "sdpa")
    use_grouped_heads(grouped)
    given = {"inputs_embeds": torch.randn(2, 9, 48), "attention_mask": masks()["blocks"]}
    grouped.model(**given)
    with pytest.raises(AssertionError, match="repeated"):
        plain.model(**given)


def test_heads_of_their_own_go_on_as_before() -> None:
    model, plain = model_of("llama", "sdpa", key_heads=6), model_of("llama", "sdpa", key_heads=6)
    use_grouped_heads(model)
    ids = torch.arange(7)[None]
    torch.testing.assert_close(model(ids).logits, plain(ids).logits, rtol=0, atol=0)
