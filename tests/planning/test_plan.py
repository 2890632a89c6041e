from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch

from affectrl.errors import ModelError, RecipeError, UsageError
from affectrl.planning import devices
from affectrl.planning.devices import GB, Device
from affectrl.planning.lengths import Lengths, lengths_of
from affectrl.planning.plan import advise, plan, with_field
from affectrl.planning.skeleton import Parts, Skeleton, depths
from affectrl.planning.walk import FORWARD, KEYS, Sizes, Walk
from affectrl.recipes.load import check

CPU = Device("a CPU", "cpu", 10**12)


@pytest.fixture(scope="module")
def bare_backbone(tiny_backbone, tmp_path_factory):
    """The tiny language model's folder without its weights."""
    folder = tmp_path_factory.mktemp("bare")
    shutil.copytree(tiny_backbone, folder, dirs_exist_ok=True)
    for file in folder.glob("*.safetensors"):
        file.unlink()
    return folder


def recipe_of(backbone, **changes):
    fields = {
        "name": "planned",
        "data": {"train": {"source": "none"}, "eval": {"source": "none"}, "cold_start": {"source": "none"}},
        "model": {"backbone": str(backbone), "voice": None, "face": None, "lora": {"r": 2, "alpha": 4}},
        "answers": {"format": "answer-only"},
        "cold_start": {"steps": 0},
        "rl": {"batch_size": 4, "num_generations": 4, "max_completion_length": 12},
        "eval": {"batch_size": 4},
    }
    recipe = check(fields, "planned")
    for field, value in changes.items():
        recipe = with_field(recipe, field.replace("__", "."), value)
    return recipe


def planned(backbone, device=CPU, prefix=100, **changes):
    return plan(recipe_of(backbone, **changes), device, base=0, lengths=Lengths(prefix, 8))


def test_the_skeleton_has_the_policys_weights_and_asks_for_none(bare_backbone, policy):
    skeleton = Skeleton(recipe_of(bare_backbone).model, dtype=torch.float32, kind="cpu", dims={})
    parts = Parts.of(skeleton)
    assert all(p.device.type == "meta" for p in skeleton.parameters())
    both = [*policy.named_parameters(), *policy.named_buffers()]
    own = {name: p for name, p in both if name.startswith("lm.")}
    assert parts.adapter == sum(4 * p.numel() for name, p in own.items() if "lora_" in name)
    assert parts.frozen == sum(4 * p.numel() for name, p in own.items() if "lora_" not in name)


def test_projections_are_counted(tiny_spec, extractor, policy):
    dims = {stream: extractor.encoder(stream).dim for stream in tiny_spec.streams}
    parts = Parts.of(Skeleton(tiny_spec, dtype=torch.float32, kind="cpu", dims=dims))
    assert parts.fusion == sum(4 * p.numel() for p in policy.fusion_parameters())


def test_four_bits_hold_matrices_in_a_seventh_of_float32(bare_backbone):
    plain, packed = (
        planned(bare_backbone, model__lora__quantize=quantize).static["language model"] for quantize in (None, "nf4")
    )
    layers = 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 96)
    assert plain - packed == pytest.approx(layers * (4 - 0.516), rel=0.001)


def test_offloaded_layers_are_not_on_the_device_but_for_one(bare_backbone):
    gpu = replace(CPU, kind="cuda")
    plain, away = (
        planned(bare_backbone, gpu, precision="float32", gradient_checkpointing=True, offload=wanted).static
        for wanted in (False, True)
    )
    layer = 4 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 96 + 2 * 64)
    assert plain["language model"] - away["language model"] == 2 * layer
    assert away["the layer that visits"] == layer
    assert plain["the layer that visits"] == 0


def test_keys_and_values_are_those_of_the_cache(bare_backbone):
    found = planned(bare_backbone)
    evaluation = next(phase for phase in found.phases if phase.name == "evaluation")
    columns = 100 + 11
    cache = 2 * 2 * 2 * 16 * columns * 4 * 4  # keys and values, layers, heads, width, columns, clips, bytes
    held = 4 * (100 - 8) * 64 * 4  # states of the pass, of which the last column's are a view
    assert evaluation.peaks[FORWARD][KEYS] == cache + held


def test_flops_of_a_forward_pass_are_two_a_weight_and_token(bare_backbone):
    skeleton = Skeleton(recipe_of(bare_backbone).model, dtype=torch.float32, kind="cpu", dims={})
    phase = Walk(skeleton, None).evaluation(Sizes(3, 50, 5, 1, 1, 1024))
    matrices = sum(p.numel() for n, p in skeleton.lm.named_parameters() if p.ndim == 2 and "embed" not in n)
    head, columns = skeleton.vocabulary * 64, 5 + 3 * 45  # the shared head runs once
    attention = 2 * 2 * 2 * 4 * 16 * (5 * 5 + 3 * 45 * 50)
    assert phase.flops == pytest.approx(2 * columns * matrices + 2 * 3 * head + attention, rel=0.01)


@pytest.mark.parametrize("recompute", [False, True])
def test_two_small_depths_give_what_all_layers_give(bare_backbone, tmp_path, recompute):
    deep = shutil.copytree(bare_backbone, tmp_path / "deep")
    config = json.loads((deep / "config.json").read_text()) | {"num_hidden_layers": 7}
    (deep / "config.json").write_text(json.dumps(config))
    recipe = recipe_of(deep, gradient_checkpointing=recompute)
    found = plan(recipe, CPU, base=0, lengths=Lengths(100, 8))
    skeleton = Skeleton(recipe.model, dtype=torch.float32, kind="cpu", dims={})
    if recompute:
        skeleton.recompute_layers()
    assert found.static["adapter"] == Parts.of(skeleton).adapter
    assert found.static["language model"] == Parts.of(skeleton).frozen
    sizes = Sizes(4, 100, 8, 4, 12, 1024, keeps=not recompute)
    for whole in Walk(skeleton, None).reinforcement(sizes):
        guessed = next(phase for phase in found.phases if phase.name == whole.name)
        assert guessed.bytes == pytest.approx(whole.bytes, rel=0.01)
        assert guessed.flops == pytest.approx(whole.flops, rel=0.01)


def test_depths_keep_turns_of_layers_whole(bare_backbone):
    class Config:
        num_hidden_layers = 24
        layer_types = (["sliding"] * 5 + ["full"]) * 4

    assert depths(Config) == (6, 12, 3.0)
    Config.layer_types = None
    assert depths(Config) == (2, 4, 11.0)
    Config.num_hidden_layers = 5
    assert depths(Config) is None


def test_what_should_save_memory_does(bare_backbone):
    def update(**changes):
        phases = planned(bare_backbone, prefix=300, **changes).phases
        return sum(next(p.peaks[FORWARD] for p in phases if p.name == "update").values())

    whole = update(micro_batch_tokens=4096)
    assert update(micro_batch_tokens=400) < 0.8 * whole
    assert update(micro_batch_tokens=4096, gradient_checkpointing=True) < 0.8 * whole
    assert planned(bare_backbone, precision="bfloat16").static["language model"] * 2 == pytest.approx(
        planned(bare_backbone).static["language model"], rel=0.01
    )
    assert planned(bare_backbone, optim__ema=0.9).static["copies of what learns"] > 0


def test_advice_is_verified(bare_backbone):
    first = planned(bare_backbone, prefix=300, micro_batch_tokens=4096)
    small = Device("a small CPU", "cpu", int(first.peak * 0.75))
    tight = plan(first.recipe, small, base=0, lengths=first.lengths)
    assert not tight.fits
    changes, then = advise(tight)
    assert then.fits
    again = recipe_of(bare_backbone, micro_batch_tokens=4096)
    for change in changes:
        again = with_field(again, change.field, change.value)
    assert plan(again, small, base=0, lengths=first.lengths).peak == then.peak
    assert sum(change.saves for change in changes) == tight.peak - then.peak


def test_a_device_that_nothing_fits_on(bare_backbone):
    changes, then = advise(planned(bare_backbone, Device("a stamp", "cpu", 1000), eval__batch_size=2))
    assert not then.fits
    assert changes


def test_a_gpu_is_faster_than_its_peak_figures_allow_nothing(bare_backbone):
    found = planned(bare_backbone, devices.gpu("h100-80gb"))
    assert found.dtype == "bfloat16"
    rollout, update = (next(p for p in found.phases if p.name == name) for name in ("rollout", "update"))
    assert rollout.seconds > rollout.flops / 989e12
    assert found.step_seconds() == rollout.seconds + update.seconds


def test_lengths_are_counted_by_the_tokenizer(bare_backbone, policy, make_features):
    recipe = recipe_of(bare_backbone)
    found = lengths_of(recipe, words=0)
    said = make_features(0, voice=0, face=0, text="Well then")
    tokens = len(policy.tokens(' "Well then"')) - len(policy.tokens(' ""'))
    from affectrl.models.task import Task

    task = Task("answer-only", None)
    policy.fusion = torch.nn.ModuleDict()
    prefix = policy.prefix([said], task.question, task.opening)
    assert prefix.shared == found.shared
    assert abs(prefix.embeds.shape[1] - (found.prefix + tokens)) <= 1
    assert lengths_of(recipe, prefix=200) == Lengths(200, found.shared)
    with pytest.raises(UsageError, match="the question alone"):
        lengths_of(recipe, prefix=3)


def test_lengths_of_a_prompt_that_the_recipe_words(bare_backbone, policy, make_features):
    from affectrl.models.task import Task
    from affectrl.recipes.streams import Prompt

    task, recipe = Task("answer-only", None), recipe_of(bare_backbone)
    two = [make_features(i, voice=0, face=0, text=text) for i, text in enumerate(("Well then", "Oh dear"))]
    policy.fusion = torch.nn.ModuleDict()
    for prompt in (Prompt(text="Read {words}. {question}"), Prompt(text="{question} Here: '{words}' So:", chat=False)):
        policy.spec = policy.spec.model_copy(update={"prompt": prompt})
        model = recipe.model.model_copy(update={"prompt": prompt})
        found = lengths_of(recipe.model_copy(update={"model": model}), words=2)
        prefix = policy.prefix(two, task.question, task.opening)
        assert found.shared == prefix.shared == 0
        assert abs(prefix.embeds.shape[1] - found.prefix) <= 2  # tokens at the seams may be cut otherwise


def test_devices_by_memory_or_name():
    assert devices.gpu("80GB").memory == 80 * GB
    assert "a100-80gb" in devices.gpu("80GB").name
    assert devices.gpu("H100-80GB").name == "h100-80gb"
    assert "rtx-4090" in devices.gpu("24 GiB").name
    for name in ("h1000", "0GB", "-3GB", ""):
        with pytest.raises(UsageError) as caught:
            devices.gpu(name)
        assert caught.value.code == "plan_device"


def test_this_cpu_can_be_measured():
    device = devices.cpu(measure=True)
    assert device.full_rate > 1e8
    assert device.bandwidth > 1e8
    assert 0 < device.launch_s < 1e-3
    assert devices.cpu().full_rate is None


def test_a_backbone_without_a_config_is_refused(tmp_path, bare_backbone):
    broken = shutil.copytree(bare_backbone, tmp_path / "broken")
    (broken / "config.json").write_text('{"model_type": "no-such-kind"}')
    with pytest.raises(ModelError, match=r"has no config\.json that transformers can read"):
        planned(broken)


def test_changes_go_through_the_schema(bare_backbone):
    with pytest.raises(RecipeError):
        with_field(recipe_of(bare_backbone), "rl.batch_size", 0)
