"""Presets: what they name, what goes over them, and that a recipe keeps what they stood for."""

from __future__ import annotations

from pathlib import Path

import pytest

from affectrl import shelves
from affectrl.errors import RecipeError
from affectrl.models import weights
from affectrl.recipes import presets
from affectrl.recipes.load import check, dump, load_recipe, packaged
from affectrl.recipes.schema import ModelSpec

NAMES = ("affectgpt", "emotion-llama", "humanomni", "merit", "nano")


def test_the_shelf():
    assert tuple(presets.known()) == NAMES
    assert not set(NAMES) & set(packaged())


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_names_parts_that_exist_and_published_checkpoints(name):
    assert set(presets.read(name)) == {"about", "model"}
    spec = ModelSpec.model_validate({"preset": name})
    named = [spec.backbone]
    for stream in spec.streams.values():
        assert stream.encoder in shelves.names("affectrl.models.encoders")
        assert stream.fusion in shelves.names("affectrl.models.fusion")
        named += [stream.settings["weights_name"]] if "weights_name" in stream.settings else []
    for place in named:
        found = weights.resolve(place)
        assert found.origin in ("hub", "package") if name == "nano" else found.origin == "hub"


def test_what_is_written_goes_over_the_preset():
    plain = ModelSpec.model_validate({"preset": "affectgpt"})
    assert (plain.lora.r, plain.lora.alpha) == (16, 32)
    assert plain.pre_fusion is not None
    fields = {"preset": "affectgpt", "backbone": "here", "lora": {"r": 2}, "voice": {"settings": {"excerpts": 4}}}
    over = ModelSpec.model_validate(fields | {"pre_fusion": None})
    assert (over.backbone, over.lora.r, over.lora.alpha, over.pre_fusion) == ("here", 2, 32, None)
    assert over.voice is not None
    assert over.voice.settings == plain.voice.settings | {"excerpts": 4}


def test_another_part_does_not_inherit_the_settings_of_the_one_it_replaces():
    over = ModelSpec.model_validate({"preset": "affectgpt", "voice": {"encoder": "whisper", "fusion": "mean"}})
    assert over.voice is not None
    assert (over.voice.settings, over.voice.fusion_settings) == ({}, {})
    assert over.voice.tokens == 1
    same = ModelSpec.model_validate({"preset": "affectgpt", "voice": {"encoder": "hubert"}})
    assert same == ModelSpec.model_validate({"preset": "affectgpt"})


DATA = "data: {cold_start: {source: a}, train: {source: a}, eval: {source: a}}\n"


def test_a_recipe_names_one_and_keeps_what_it_stood_for(tmp_path: Path):
    (tmp_path / "mine.yaml").write_text(DATA + "model: {preset: merit, words: false}\n")
    recipe = load_recipe(str(tmp_path / "mine.yaml"))
    assert recipe.model == ModelSpec.model_validate({"preset": "merit", "words": False})
    (tmp_path / "dumped.yaml").write_text(dump(recipe))
    assert "preset" not in dump(recipe)
    assert load_recipe(str(tmp_path / "dumped.yaml")) == recipe


def test_the_command_line_names_one(tmp_path: Path):
    (tmp_path / "mine.yaml").write_text(DATA)
    recipe = load_recipe(str(tmp_path / "mine.yaml"), ["model.preset=emotion-llama", "model.frame.tokens=8"])
    assert recipe.model.backbone == "meta-llama/Llama-2-7b-chat-hf"
    assert recipe.model.frame is not None
    assert (recipe.model.frame.tokens, recipe.model.frame.fusion_settings["stack"]) == (8, 4)


def test_on_the_command_line_it_takes_the_place_of_the_recipes_model():
    """Packaged recipes set the positions of the small model, of which an attention fusion would refuse all but one."""
    for name in NAMES:
        for recipe in ("r1-omni", "affectgpt-r1-think", "dapo", "ravdess-merit"):
            assert load_recipe(recipe, [f"model.preset={name}"]).model == ModelSpec.model_validate({"preset": name})
    changed = load_recipe("r1-omni", ["model.preset=humanomni", "model.lora.r=4"]).model
    assert changed.lora.r == 4
    assert changed.lora.alpha == 32
    at_scale = load_recipe("r1-omni", ["model.preset=emotion-llama"], paper_scale=True)
    assert at_scale.model == ModelSpec.model_validate({"preset": "emotion-llama"})
    assert at_scale.rl == load_recipe("r1-omni", paper_scale=True).rl != load_recipe("r1-omni").rl


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"preset": "affectgtp"}, "model: there is no preset 'affectgtp'. Did you mean 'affectgpt'?"),
        ({"preset": 3}, "model: preset must be a name"),
        (
            {"preset": "nano", "voice": {"tokns": 3}},
            "voice.tokns: there is no such field. Did you mean 'tokens'?",
        ),
    ],
)
def test_wrong_presets_are_told(model, told):
    fields = {"name": "x", "data": {k: {"source": "a"} for k in ("cold_start", "train", "eval")}, "model": model}
    with pytest.raises(RecipeError) as caught:
        check(fields, "x.yaml")
    assert told in str(caught.value)


def test_they_are_listed(affectrl_command):
    told = affectrl_command("recipes")
    assert told.status == 0
    assert all(name in told.out for name in NAMES)


def test_another_family_takes_the_place_of_the_recipes_model():
    recipe = load_recipe("r1-omni", ["model.family=native", "model.backbone=here", "model.lora.r=4"])
    assert (recipe.model.family, recipe.model.backbone, recipe.model.lora.r) == ("native", "here", 4)
    same = load_recipe("r1-omni", ["model.family=fused"])
    assert same.model == load_recipe("r1-omni").model
