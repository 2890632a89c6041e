"""Weights that are not what they should be: one tensor too few or too many, a wrong type, no chat template."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import affectrl
from affectrl.data.clip import Clip
from affectrl.errors import ModelError
from affectrl.inference.model import EmotionModel
from affectrl.models import backbone, checkpoint, family
from affectrl.models.cache import FeatureCache
from affectrl.models.encoders import bert, clip_vit, hubert
from affectrl.models.native_features import NativeExtractor
from affectrl.models.policy import FusedPolicy
from affectrl.models.task import Task
from affectrl.recipes.schema import ModelSpec, NativeSpec
from affectrl.training.train import plain_turns
from small_parts import make
from tiny_native import build

Change = Callable[[dict[str, Any], str], None]


@pytest.fixture(scope="module")
def ear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("qwen2-audio", tmp_path_factory.mktemp("ear"))


def native(folder: Path) -> NativeExtractor:
    spec = NativeSpec.model_validate({"family": "native", "backbone": str(folder), "lora": {"r": 2}})
    return NativeExtractor(spec, FeatureCache(folder.parent / "cache"))


def built_native(folder: Path) -> None:
    extractor = native(folder)
    family.policy_of(extractor.spec, extractor)


PARTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "backbone": (lambda place: backbone.load(str(place)), "layers.1.self_attn.q_proj.weight"),
    "native": (built_native, "layers.1.self_attn.q_proj.weight"),
    "bert": (lambda place: bert.build(str(place)), "layer.2.output.dense.weight"),
    "hubert": (lambda place: hubert.build(str(place)), "layers.2.attention.k_proj.weight"),
    "clip-vit": (lambda place: clip_vit.build(str(place)), "vision_model.encoder.layers.2.self_attn.k_proj.weight"),
}


def one_too_few(tensors: dict[str, Any], name: str) -> None:
    del tensors[name]


def a_layer_too_many(tensors: dict[str, Any], name: str) -> None:
    for number in "21":
        if f".{number}." in name:
            layer = name[: name.rindex(f".{number}.")]
            more = {n: t for n, t in tensors.items() if n.startswith(f"{layer}.{number}.")}
            tensors.update({n.replace(f"{layer}.{number}.", f"{layer}.7."): t.clone() for n, t in more.items()})
            return


def of(kind: torch.dtype) -> Change:
    def change(tensors: dict[str, Any], name: str) -> None:
        tensors[name] = tensors[name].to(kind)

    return change


WRONGS: dict[str, tuple[Change, str]] = {
    "one too few": (one_too_few, "1 weights are missing"),
    "a layer too many": (a_layer_too_many, "its config.json does not count"),
    "integers": (of(torch.int8), "is of type I8"),
    "scaled bytes": (of(torch.float8_e4m3fn), "is of type F8_E4M3"),
}


@pytest.fixture(scope="module")
def places(ear: Path, tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    small = {name: make(name, tmp_path_factory.mktemp(name) / name) for name in ("bert", "hubert", "clip-vit")}
    return {"backbone": tiny_backbone, "native": ear} | small


@pytest.mark.parametrize("wrong", WRONGS)
@pytest.mark.parametrize("part", PARTS)
def test_published_weights(places: dict[str, Path], tmp_path: Path, part: str, wrong: str) -> None:
    load, ending = PARTS[part]
    change, told = WRONGS[wrong]
    folder = Path(shutil.copytree(places[part], tmp_path / "copy"))
    tensors = load_file(folder / "model.safetensors")
    (name,) = [n for n in tensors if n.endswith(ending) and "audio_tower" not in n]
    change(tensors, name)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=told.replace(".", r"\.")) as caught:
        load(folder)
    assert caught.value.code == "model_invalid"
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", ["backbone", "bert"])
def test_a_head_or_another_float_is_no_fault(places: dict[str, Path], tmp_path: Path, part: str) -> None:
    load, ending = PARTS[part]
    folder = Path(shutil.copytree(places[part], tmp_path / "copy"))
    tensors = load_file(folder / "model.safetensors")
    (name,) = [n for n in tensors if n.endswith(ending)]
    tensors |= {name: tensors[name].double(), "score.weight": torch.zeros(2, 2), "position_ids": torch.arange(3)}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    load(folder)


ADAPTER = "adapter/adapter_model.safetensors"
MISFITS: dict[str, tuple[str, Callable[[dict[str, Any]], object], str]] = {
    "lacks one": (ADAPTER, lambda t: t.pop(next(iter(t))), "does not fit its affectrl.json"),
    "has one too many": (ADAPTER, lambda t: t.update({"lora_x": torch.zeros(1)}), "does not fit its affectrl.json"),
    "of another rank": (ADAPTER, lambda t: t.update({next(iter(t)): torch.zeros(3, 32)}), "does not fit its"),
    "float64": (ADAPTER, lambda t: t.update({n: x.double() for n, x in t.items()}), "is float64, and should be"),
    "integers": (ADAPTER, lambda t: t.update({n: x.long() for n, x in t.items()}), "is int64, and should be"),
    "a projection": ("fusion.safetensors", lambda t: t.update(no_words=torch.zeros(1)), "does not fit its"),
}


@pytest.fixture(scope="module")
def saved(ear: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    extractor = native(ear)
    folder = tmp_path_factory.mktemp("native") / "model"
    policy = family.policy_of(extractor.spec, extractor)
    EmotionModel(policy, Task("answer-only"), extractor).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", MISFITS)
def test_a_native_models_folder(saved: Path, tmp_path: Path, kind: str) -> None:
    file, change, told = MISFITS[kind]
    folder = Path(shutil.copytree(saved, tmp_path / "copy"))
    tensors = load_file(folder / file)
    change(tensors)
    save_file(tensors, folder / file)
    with pytest.raises(ModelError, match=told.replace(".", r"\.")) as caught:
        checkpoint.load(folder)
    assert caught.value.code == "model_invalid"


@pytest.mark.parametrize("file", ["affectrl.json", "fusion.safetensors", ADAPTER])
def test_a_native_models_folder_without_a_file(saved: Path, tmp_path: Path, file: str) -> None:
    folder = Path(shutil.copytree(saved, tmp_path / "copy"))
    (folder / file).unlink()
    with pytest.raises(ModelError) as caught:
        checkpoint.load(folder)
    assert caught.value.code == ("model_missing" if file == "affectrl.json" else "model_invalid")


def test_clips_that_lack_a_modality(saved: Path, small_media: Path, tmp_path: Path) -> None:
    """A native model that hears and reads: each alone is answered, neither is a row that says so."""
    model = affectrl.load(saved)
    clips = [
        Clip(id="both", audio=small_media / "talk.wav", text="Oh."),
        Clip(id="heard", audio=small_media / "talk.wav"),
        Clip(id="read", text="Oh."),
        Clip(id="seen", image=small_media / "face.png"),
    ]
    rows = model.predict(clips, labels=["happy", "sad"])
    assert [row.modalities for row in rows] == [("audio", "text"), ("audio",), ("text",), ()]
    assert [row.error and row.error["code"] for row in rows] == [None, None, None, "nothing_to_read"]


@pytest.fixture
def silent(tiny_backbone: Path, tmp_path: Path) -> Path:
    """A language model without a chat template."""
    from transformers import AutoTokenizer

    folder = Path(shutil.copytree(tiny_backbone, tmp_path / "silent"))
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(tiny_backbone)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(folder)
    return folder


def test_a_backbone_without_a_chat_template(silent: Path, tiny_spec: ModelSpec, extractor, tmp_path: Path) -> None:
    """It is asked in plain text: question, line, answer; and training tells so."""
    policy = FusedPolicy(tiny_spec.model_copy(update={"backbone": str(silent)}), extractor).eval()
    prefix = policy.asked(["What is felt?"], [None])
    wanted = torch.cat([policy.embed_ids(policy.tokens(piece)) for piece in ("What is felt?\n", "\n")])
    torch.testing.assert_close(prefix.embeds[0], wanted)
    assert "has no chat template" in str(plain_turns(policy))
    EmotionModel(policy, Task("answer-only"), extractor).save_pretrained(tmp_path / "model")
    (row,) = affectrl.load(tmp_path / "model").predict(text="Oh.", labels=["happy", "sad"])
    assert row.error is None
