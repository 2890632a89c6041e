"""Presets are planned without a network, from shapes that must add up to what their publishers say."""

from __future__ import annotations

import json

import pytest
import torch

from affectrl import shelves
from affectrl.errors import ModelError
from affectrl.models.native_model import SHELF, architecture_of, bare
from affectrl.planning import devices, shapes
from affectrl.planning.lengths import lengths_of
from affectrl.planning.plan import plan
from affectrl.planning.skeleton import config_of, planned_config
from affectrl.recipes.load import load_recipe

LANGUAGE_MODELS = [name for name, row in shapes.table().items() if "weights" in row]
PUBLISHED = {
    "Qwen/Qwen2.5-0.5B-Instruct": 494_032_768,
    "Qwen/Qwen2.5-7B-Instruct": 7_615_616_512,
    "Qwen/Qwen2.5-32B-Instruct": 32_763_876_352,
    "Qwen/Qwen3-8B": 8_190_735_360,
    "meta-llama/Llama-2-7b-chat-hf": 6_738_415_616,
    "meta-llama/Llama-3.1-8B-Instruct": 8_030_261_248,
    "Qwen/Qwen2.5-VL-3B-Instruct": 3_754_622_976,
    "Qwen/Qwen2.5-VL-7B-Instruct": 8_292_166_656,
    "Qwen/Qwen3-VL-4B-Instruct": 4_437_815_808,
    "Qwen/Qwen3-VL-8B-Instruct": 8_767_123_696,
    "Qwen/Qwen2-Audio-7B-Instruct": 8_397_094_912,
}
"""Weights, as the pages of these models on the hub count them."""


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_shapes_add_up(name):
    import transformers

    config = planned_config(name)
    if shelves.has(SHELF, config.model_type.removesuffix("_thinker")):
        model = bare(getattr(transformers, architecture_of(config, name).CLASS), config)
    else:
        with torch.device("meta"):
            model = transformers.AutoModelForCausalLM.from_config(config)
    count = sum(weight.numel() for weight in model.parameters())
    assert round(count / 1e6) == shapes.table()[name]["weights"]
    assert count == PUBLISHED.get(name, count)


@pytest.mark.parametrize("preset", ["affectgpt", "emotion-llama", "humanomni", "merit"])
def test_every_preset_is_planned_without_a_network(preset):
    recipe = load_recipe("r1-omni", [f"model.preset={preset}"])
    taken = shapes.taken_for_granted(recipe.model)
    assert recipe.model.backbone in taken
    lengths = lengths_of(recipe)
    found = plan(recipe, devices.gpu("80GB"), base=0, lengths=lengths)
    wanted = 2e6 * shapes.table()[recipe.model.backbone]["weights"]
    assert found.static["language model"] == pytest.approx(
        wanted + 4 * 108.9e6 * (preset == "humanomni"),
        rel=0.01,  # its BERT is among what is frozen, in float32
    )
    assert lengths.prefix > sum(part.tokens for part in recipe.model.streams.values())
    assert json.loads(json.dumps(found.to_dict()))["shapes_from_table"] == taken


def test_a_model_of_this_machine_is_asked_itself(tiny_backbone):
    assert shapes.known(str(tiny_backbone)) is None
    assert shapes.known("smollm2-135m-instruct") is None


def test_what_is_neither_here_nor_known_says_what_to_do(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="Go online, or give a folder"):
        config_of("nobody/has-this")


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    from affectrl.models.backbone import load_tokenizer

    fields = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 512}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2", **fields}))
    with pytest.raises(ModelError, match="has no tokenizer"):
        load_tokenizer(str(tmp_path))
