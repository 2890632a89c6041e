"""Native models are planned on shapes too: against real tiny copies of theirs, and their own processors."""

from __future__ import annotations

import importlib.util
import json
import shutil

import numpy as np
import pytest

from affectrl.data.clip import Clip
from affectrl.errors import ModelError, UsageError
from affectrl.models.cache import FeatureCache
from affectrl.models.native_features import NativeExtractor
from affectrl.models.native_policy import NativePolicy
from affectrl.models.task import Task
from affectrl.planning import devices
from affectrl.planning.devices import Device
from affectrl.planning.lengths import Lengths, lengths_of
from affectrl.planning.plan import plan
from affectrl.recipes.load import check, load_recipe
from small_films import write_film
from tiny_native import MAKERS, build

CPU = Device("a CPU", "cpu", 10**12)
SECONDS = 2.0
FRAMES = 4


@pytest.fixture(scope="module", params=list(MAKERS))
def name(request):
    if request.param != "qwen2-audio" and importlib.util.find_spec("torchvision") is None:
        pytest.skip("models that take pictures need torchvision")
    return request.param


@pytest.fixture(scope="module")
def folder(name, tmp_path_factory):
    return build(name, tmp_path_factory.mktemp(name))


def recipe_of(folder, **changes):
    fields = {
        "name": "planned",
        "data": {"train": {"source": "none"}, "eval": {"source": "none"}, "cold_start": {"source": "none"}},
        "model": {"family": "native", "backbone": str(folder), "frames": FRAMES, "max_side": 64}
        | {"lora": {"r": 2, "alpha": 4}},
        "answers": {"format": "answer-only"},
        "rl": {"batch_size": 2, "num_generations": 4, "max_completion_length": 8},
        "eval": {"batch_size": 2},
    }
    return check(fields | changes, "planned")


def test_towers_and_language_model_weigh_what_the_model_does(name, folder, tmp_path):
    bare = shutil.copytree(folder, tmp_path / "bare")
    for file in bare.glob("*.safetensors"):
        file.unlink()
    recipe = recipe_of(bare, precision="bfloat16")
    found = plan(recipe, devices.gpu("80GB"), base=0, lengths=Lengths(100, 8)).static
    policy = NativePolicy(recipe.model, NativeExtractor(recipe_of(folder).model))
    sizes = {name: 2 * p.numel() for name, p in policy.named_parameters() if "lora_" not in name}
    sizes |= {name: p.numel() * p.element_size() for name, p in policy.named_buffers()}
    text = sum(size for name, size in sizes.items() if "language_model" in name or "lm_head" in name)
    assert found["language model"] == text
    assert found["towers"] == sum(sizes.values()) - text
    assert found["adapter"] == sum(4 * p.numel() for p in policy.adapter_parameters())
    assert found["projections"] == 0


def test_positions_are_those_of_the_models_own_processor(name, folder, tmp_path):
    recipe = recipe_of(folder)
    film = tmp_path / "black.mp4"
    pictures = [np.zeros((64, 64, 3), np.uint8)] * int(25 * SECONDS)
    write_film(film, np.zeros(int(16_000 * SECONDS), np.float32), pictures)
    extractor = NativeExtractor(recipe.model, FeatureCache(tmp_path / "cache"))
    policy = NativePolicy(recipe.model, extractor).eval()
    task = Task("answer-only")
    (features,) = extractor.extract(Clip(id="black", video=film))
    real = policy.prefix([features], task.question, task.opening).embeds.shape[1]
    found = lengths_of(recipe, words=0, seconds=SECONDS)
    assert found.prefix == pytest.approx(real, abs=2)  # a film's own sound is cut into chunks by when its frames are
    assert 0 < found.shared < 40
    assert lengths_of(recipe, words=20, seconds=SECONDS).prefix > found.prefix + 20
    with pytest.raises(UsageError, match="the question alone"):
        lengths_of(recipe, prefix=3)


def test_sentences_alone_share_nothing_that_every_one_would_begin_with(name, folder):
    model = {"family": "native", "backbone": str(folder), "pictures": False, "sound": False}
    assert lengths_of(recipe_of(folder, model=model), words=20).shared == 0


def test_phases_of_every_architecture_are_walked(name, folder):
    recipe = recipe_of(folder, precision="bfloat16", cold_start={"steps": 2})
    found = plan(recipe, devices.gpu("80GB"), base=0, lengths=lengths_of(recipe))
    assert [phase.name for phase in found.phases] == ["cold start", "rollout", "update", "evaluation"]
    assert all(phase.flops > 0 and phase.bytes > 0 for phase in found.phases)
    assert json.loads(json.dumps(found.to_dict()))["fits"]


def test_a_mixture_of_experts_in_single_precision_is_refused(tmp_path):
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("models that take pictures need torchvision")
    recipe = recipe_of(build("qwen3-omni-moe", tmp_path / "moe"))
    with pytest.raises(ModelError, match="mixture of experts") as caught:
        plan(recipe, CPU, base=0, lengths=Lengths(100, 8))
    assert caught.value.code == "plan_experts"


@pytest.mark.parametrize("backbone", ["Qwen/Qwen2.5-Omni-7B", "Qwen/Qwen3-VL-8B-Instruct"])
def test_published_ones_are_planned_without_a_network(backbone):
    recipe = load_recipe("r1-omni", ["model.family=native", f"model.backbone={backbone}"])
    with pytest.raises(UsageError, match="not on this machine") as caught:
        lengths_of(recipe)
    assert caught.value.code == "plan_lengths"
    found = plan(recipe, devices.gpu("80GB"), base=0, lengths=lengths_of(recipe, prefix=900))
    assert found.to_dict()["shapes_from_table"] == [backbone]
    assert found.static["language model"] > 14e9
    assert 1e9 < found.static["towers"] < 3e9
    quarter = load_recipe("r1-omni", ["model.family=native", f"model.backbone={backbone}", "model.lora.quantize=nf4"])
    packed = plan(quarter, devices.gpu("80GB"), base=0, lengths=Lengths(900, 0)).static
    assert packed["language model"] < 0.45 * found.static["language model"]
    assert packed["towers"] == found.static["towers"]
