from __future__ import annotations

import importlib.util
import json
import shutil

import pytest
import torch

from affectrl.errors import ModelError
from affectrl.models import backbone, checkpoint, quantized
from affectrl.models.policy import FusedPolicy
from affectrl.models.task import Task
from affectrl.training.train import plain_turns

TASK = Task("answer-only", ("happy", "sad"))


def with_lora(spec, **changes):
    return spec.model_copy(update={"voice": None, "face": None, "lora": spec.lora.model_copy(update=changes)})


def test_dora_learns_sizes_and_comes_back(tiny_spec, extractor, tmp_path, make_features):
    spec = with_lora(tiny_spec, use_dora=True)
    policy = FusedPolicy(spec, extractor).eval()
    names = {name for name, p in policy.lm.named_parameters() if p.requires_grad}
    sizes = [name for name in names if "lora_magnitude_vector" in name]
    assert len(sizes) == 14, "one for each linear map of two layers"
    with torch.no_grad():
        for p in policy.adapter_parameters():
            p.add_(torch.randn(p.shape, generator=torch.Generator().manual_seed(3)) * 0.05)
    checkpoint.save(policy, TASK, tmp_path / "model")
    assert json.loads((tmp_path / "model/adapter/adapter_config.json").read_text())["use_dora"]
    again, _, _ = checkpoint.load(tmp_path / "model", extractor)
    clip = make_features(0, voice=0, face=0, text="Hm.")
    with torch.no_grad():
        a, b = (p.prefill(p.prefix([clip], TASK.question))[1] for p in (policy, again))
    assert torch.equal(a, b)


@pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is not None, reason="bitsandbytes is installed")
def test_without_bitsandbytes_4_bits_are_refused_in_plain_words(tiny_spec, extractor):
    with pytest.raises(ModelError, match="needs the package bitsandbytes") as caught:
        FusedPolicy(with_lora(tiny_spec, quantize="nf4"), extractor)
    assert caught.value.code == "quantization_missing"


@pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
def test_in_4_bits_it_trains_its_adapter_alone(tiny_spec, extractor, make_features):
    from bitsandbytes.nn import Linear4bit

    policy = FusedPolicy(with_lora(tiny_spec, quantize="nf4"), extractor)
    layers = [m for m in policy.lm.modules() if isinstance(m, Linear4bit)]
    assert len(layers) == 14
    packed = sum(m.weight.numel() * m.weight.element_size() for m in layers)
    whole = sum(m.in_features * m.out_features for m in layers)
    assert packed == whole / 2
    assert whole * quantized.BYTES_A_WEIGHT == pytest.approx(packed, rel=0.04)
    prefix = policy.prefix([make_features(0, voice=0, face=0, text="Hm.")], TASK.question)
    policy.logits(policy.run(prefix.embeds, prefix.keep, prefix.positions)[:, -1]).sum().backward()
    assert {name for name, p in policy.lm.named_parameters() if p.grad is not None} == {
        name for name, _ in policy.lm.named_parameters() if "lora_" in name
    }


def test_a_tokenizer_without_a_chat_template_asks_in_plain_text(
    tiny_spec, tiny_backbone, extractor, tmp_path, make_features
):
    folder = shutil.copytree(tiny_backbone, tmp_path / "plain")
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    loaded = backbone.load(str(folder))
    assert (loaded.turn_start, loaded.turn_end) == ("", "\n")
    policy = FusedPolicy(tiny_spec.model_copy(update={"backbone": str(folder), "voice": None, "face": None}), extractor)
    assert "has no chat template" in (plain_turns(policy) or "")
    clip = make_features(0, voice=0, face=0, text="Hm.")
    prefix = policy.prefix([clip], "What is felt?")
    plain = policy.embed_ids(policy.tokens("What is felt?\n"))
    assert torch.equal(prefix.embeds[0, : prefix.shared], plain)
    checkpoint.save(policy, TASK, tmp_path / "model")
    again, _, _ = checkpoint.load(tmp_path / "model", extractor)
    assert torch.equal(again.prefix([clip], "What is felt?").embeds, prefix.embeds)
