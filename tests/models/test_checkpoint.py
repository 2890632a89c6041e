from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from affectrl.errors import ModelError
from affectrl.models import checkpoint
from affectrl.models.policy import FusedPolicy
from affectrl.models.task import Task

TASK = Task("think-answer", ("happy", "sad"))


@pytest.fixture
def saved(policy, tmp_path, make_features):
    with torch.no_grad():
        policy.fit_features([make_features(i) for i in range(4)])
        for weight in policy.fusion_parameters():
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(2)) * 0.1)
    folder = tmp_path / "model"
    checkpoint.save(policy, TASK, folder)
    return folder


@torch.no_grad()
def answer(policy, clips):
    return policy.logits(policy.prefill(policy.prefix(clips, TASK.question, TASK.opening))[1])


def test_saved_and_loaded_it_is_the_same_to_the_bit(policy, saved, extractor, make_features):
    clips = [make_features(0, text="Hm."), make_features(1, voice=0), make_features(2, face=0)]
    loaded, task, _ = checkpoint.load(saved, extractor)
    assert task == TASK
    assert loaded.spec == policy.spec
    assert not loaded.training
    assert torch.equal(answer(loaded, clips), answer(policy, clips))
    theirs = policy.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in loaded.state_dict().items())


def test_it_holds_no_copy_of_the_language_model(saved, policy):
    names = sorted(str(f.relative_to(saved)) for f in saved.rglob("*") if f.is_file())
    expected = {
        "affectrl.json",
        "fusion.safetensors",
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
    }
    assert set(names) - {"adapter/README.md"} == expected
    trained = {id(p): p for p in policy.adapter_parameters()}
    held = load_file(saved / "adapter" / "adapter_model.safetensors")
    assert sum(t.numel() for t in held.values()) == sum(p.numel() for p in trained.values())


def test_plain_peft_loads_the_adapter(policy, saved, tiny_backbone):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(tiny_backbone, dtype=torch.float32)
    ids = torch.tensor([policy.tokens("What does the person feel?").tolist()])
    with torch.no_grad():
        plain = base(ids).logits
        theirs = PeftModel.from_pretrained(base, saved / "adapter").eval()(ids).logits
        ours = policy.lm(ids).logits
    torch.testing.assert_close(theirs, ours, atol=1e-5, rtol=1e-5)
    assert (plain - ours).abs().max() > 1e-2, "the adapter does something"
    config = json.loads((saved / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(tiny_backbone)


def test_saving_again_replaces_the_whole(policy, saved, extractor):
    (saved / "stray.txt").write_text("")
    with torch.no_grad():
        policy.no_words += 1
    checkpoint.save(policy, Task("answer-only"), saved)
    assert not (saved / "stray.txt").exists()
    loaded, task, _ = checkpoint.load(saved, extractor)
    assert task == Task("answer-only", None)
    assert torch.equal(loaded.no_words, policy.no_words)


def test_found_by_model_run_or_checkpoint(saved, tmp_path):
    run = tmp_path / "run"
    for step in ("step-000010", "step-000020"):
        (run / "checkpoints" / step).mkdir(parents=True)
        (run / "checkpoints" / step / "affectrl.json").write_text("{}")
    (run / "checkpoints" / "step-000030").mkdir()  # was never finished
    assert checkpoint.find(run) == run / "checkpoints" / "step-000020"
    saved.rename(run / "model")
    assert checkpoint.find(run) == run / "model"
    assert checkpoint.find(str(run / "model")) == run / "model"


@pytest.mark.parametrize("name", ["x" * 5000, "~nobody-of-that-name/model", "nul\0", ""])
def test_an_odd_name_is_no_model_either(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError) as caught:
        checkpoint.find(name)
    assert caught.value.code == "model_missing"


@pytest.mark.parametrize("make", [False, True])
def test_a_place_without_a_model(tmp_path, make):
    place = tmp_path / "nothing"
    if make:
        place.mkdir()
    with pytest.raises(ModelError) as caught:
        checkpoint.load(place)
    assert caught.value.code == "model_missing"
    assert str(place) in str(caught.value)


FILES = ["affectrl.json", "fusion.safetensors", "adapter/adapter_model.safetensors"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("harm", ["missing", "empty", "cut"])
def test_a_file_that_is_missing_or_cut_short(policy, saved, file, harm):
    path = saved / file
    whole = path.read_bytes()
    path.unlink()
    if harm != "missing":
        path.write_bytes(whole[: len(whole) // 2 if harm == "cut" else 0])

    def read() -> None:
        checkpoint.read_card(checkpoint.find(saved))
        checkpoint.load_weights(policy, saved)

    with pytest.raises(ModelError) as caught:
        read()
    missing_card = file == "affectrl.json" and harm == "missing"
    assert caught.value.code == ("model_missing" if missing_card else "model_invalid")
    assert str(saved if missing_card else path) in str(caught.value)
    assert "\n" not in str(caught.value)


def reshaped(path, change) -> None:
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


MISFITS = {
    "fusion lacks one": ("fusion.safetensors", lambda t: t.pop("no_words")),
    "fusion has one too many": ("fusion.safetensors", lambda t: t.update(extra=torch.zeros(1))),
    "fusion of another width": ("fusion.safetensors", lambda t: t.update(no_words=torch.zeros(1, 8))),
    "adapter lacks one": ("adapter/adapter_model.safetensors", lambda t: t.pop(next(iter(t)))),
    "adapter has one too many": ("adapter/adapter_model.safetensors", lambda t: t.update({"lora_x": torch.zeros(1)})),
    "adapter of another rank": (
        "adapter/adapter_model.safetensors",
        lambda t: t.update({next(iter(t)): torch.zeros(3, 64)}),
    ),
}


@pytest.mark.parametrize("kind", MISFITS)
def test_files_that_do_not_fit_each_other(policy, saved, kind):
    file, change = MISFITS[kind]
    reshaped(saved / file, change)
    with pytest.raises(ModelError, match=r"does not fit its affectrl\.json") as caught:
        checkpoint.load_weights(policy, saved)
    assert caught.value.code == "model_invalid"


def first(change):
    return lambda t: t.update({(name := next(iter(t))): change(t[name])})


TYPES = {
    "float64 adapter": ("adapter/adapter_model.safetensors", first(lambda t: t.double()), "is float64, and should be"),
    "integer adapter": ("adapter/adapter_model.safetensors", first(lambda t: t.long()), "is int64, and should be"),
    "half fusion": ("fusion.safetensors", first(lambda t: t.half()), "is float16, and should be float32"),
}


@pytest.mark.parametrize("kind", TYPES)
def test_tensors_of_another_type_are_not_converted_in_silence(policy, saved, kind):
    file, change, said = TYPES[kind]
    reshaped(saved / file, change)
    with pytest.raises(ModelError, match=said) as caught:
        checkpoint.load_weights(policy, saved)
    assert caught.value.code == "model_invalid"


def test_an_adapter_in_bfloat16_is_read(policy, saved):
    """What trainers elsewhere write; it is exact in float32."""
    reshaped(saved / "adapter/adapter_model.safetensors", first(lambda t: t.bfloat16()))
    checkpoint.load_weights(policy, saved)
    assert {p.dtype for p in policy.adapter_parameters()} == {torch.float32}


def edited(folder, **changes) -> None:
    card = json.loads((folder / "affectrl.json").read_text()) | changes
    (folder / "affectrl.json").write_text(json.dumps(card))


def test_the_card_of_a_later_version_asks_for_an_upgrade(saved):
    edited(saved, format_version=checkpoint.MERGED_VERSION + 1, affectrl="99.0")
    with pytest.raises(ModelError, match=r"affectrl 99\.0, which is newer. Upgrade"):
        checkpoint.read_card(saved)


CARDS = [
    "[]",
    "3",
    "null",
    "{}",
    '{"format_version": "1"}',
    '{"format_version": 1, "model": {}, "task": {}}',
    '{"format_version": 1, "model": {"zzz": 1}, "task": {"format": "answer-only", "labels": null}}',
    '{"format_version": 1, "model": {}, "task": {"format": "answer-only", "labels": 3}}',
    '{"format_version": 1, "model": {}, "task": null}',
    '{"format_version": 1, "model": {}, "task": {"format": 3, "labels": null}}',
    '{"format_version": 1, "model": {}, "task": {"format": "answer-only", "labels": [3, 4]}}',
]


@pytest.mark.parametrize("card", CARDS)
def test_a_card_that_says_nonsense(tmp_path, card):
    (tmp_path / "affectrl.json").write_text(card)
    with pytest.raises(ModelError, match="incomplete or damaged"):
        checkpoint.read_card(tmp_path)


def test_a_card_of_another_backbone_is_refused_not_mixed(saved, tiny_backbone, extractor, tmp_path):
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    config = AutoConfig.from_pretrained(tiny_backbone)
    config.hidden_size, config.num_attention_heads = 32, 2
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "other")
    AutoTokenizer.from_pretrained(tiny_backbone).save_pretrained(tmp_path / "other")
    card = json.loads((saved / "affectrl.json").read_text())
    edited(saved, model=card["model"] | {"backbone": str(tmp_path / "other")})
    with pytest.raises(ModelError, match="does not fit"):
        checkpoint.load(saved, extractor)


def test_a_known_backbone_is_named_by_its_hub_id(policy, tmp_path, monkeypatch):
    spec = policy.spec.model_copy(update={"backbone": "smollm2-135m-instruct"})
    monkeypatch.setattr(policy, "spec", spec)
    checkpoint.save(policy, TASK, tmp_path / "model")
    config = json.loads((tmp_path / "model" / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "HuggingFaceTB/SmolLM2-135M-Instruct"


def test_training_goes_on_from_what_was_saved(policy, saved, tiny_spec, extractor):
    fresh = FusedPolicy(tiny_spec, extractor)
    assert not torch.equal(fresh.no_words, policy.no_words)
    checkpoint.load_weights(fresh, saved)
    assert torch.equal(fresh.no_words, policy.no_words)
    assert {n for n, p in fresh.named_parameters() if p.requires_grad} == {
        n for n, p in policy.named_parameters() if p.requires_grad
    }
