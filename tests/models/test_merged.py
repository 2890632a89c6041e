from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

import affectrl
from affectrl.errors import ModelError, UsageError
from affectrl.models import checkpoint
from affectrl.models.merged import save_merged


@pytest.fixture(scope="module")
def merged(tiny_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("merged") / "model"
    affectrl.load(tiny_model).save_pretrained(folder, merge=True)
    return folder


def test_it_answers_as_the_model_with_its_adapter_does(tiny_model, merged, taught):
    one, other = affectrl.load(tiny_model), affectrl.load(merged)
    for text, labels in taught.items():
        a, b = one.predict(text=text)[0], other.predict(text=text)[0]
        assert a.emotions == b.emotions == tuple(labels.split(", "))
        assert a.confidence == pytest.approx(b.confidence, abs=1e-4)
    choice = ["happy", "sad", "angry"]
    a, b = (model.predict(text="Well.", labels=choice)[0].scores for model in (one, other))
    assert a == pytest.approx(b, abs=1e-4)


def test_plain_transformers_loads_it_and_the_matrices_are_the_sums(tiny_model, merged):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    plain = AutoModelForCausalLM.from_pretrained(merged)
    assert AutoTokenizer.from_pretrained(merged).chat_template
    policy = affectrl.load(tiny_model).policy
    layer = policy.lm.get_base_model().model.layers[0].self_attn.q_proj
    product = layer.lora_B["default"].weight @ layer.lora_A["default"].weight * layer.scaling["default"]
    assert torch.allclose(plain.model.layers[0].self_attn.q_proj.weight, layer.base_layer.weight + product, atol=1e-6)
    assert not (merged / "adapter").exists()
    assert not [name for name in load_file(merged / "model.safetensors") if "lora" in name]


def test_the_policy_itself_is_left_alone(policy, tmp_path):
    before = {name: value.clone() for name, value in policy.state_dict().items()}
    save_merged(policy, affectrl.models.task.Task("answer-only"), tmp_path / "merged")
    after = policy.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_it_moves_and_is_shared_again(merged, tmp_path, taught):
    import shutil

    from affectrl.sharing.share import share

    moved = shutil.copytree(merged, tmp_path / "elsewhere")
    share(moved, str(tmp_path / "again"))
    assert (tmp_path / "again" / "README.md").is_file()
    assert affectrl.load(tmp_path / "again").predict(text="So good!")[0].emotions == (taught["So good!"],)


def test_an_earlier_affectrl_is_told_to_upgrade(merged):
    card = json.loads((merged / "affectrl.json").read_text())
    assert card["format_version"] == checkpoint.MERGED_VERSION > checkpoint.FORMAT_VERSION
    assert card["model"]["backbone"] == "."


@pytest.mark.parametrize(
    ("change", "why"), [({"where": "completion"}, "on the clip's"), ({"quantize": "nf4"}, "4 bits")]
)
def test_what_would_be_another_model_is_not_merged(policy, tmp_path, change, why):
    policy.spec = policy.spec.model_copy(update={"lora": policy.spec.lora.model_copy(update=change)})
    with pytest.raises(ModelError, match=why) as caught:
        save_merged(policy, affectrl.models.task.Task("answer-only"), tmp_path / "merged")
    assert caught.value.code == "merge_impossible"
    assert not (tmp_path / "merged").exists()


def test_the_backbone_is_not_overwritten(policy, tiny_backbone):
    with pytest.raises(UsageError, match="holds the backbone itself"):
        save_merged(policy, affectrl.models.task.Task("answer-only"), tiny_backbone)
