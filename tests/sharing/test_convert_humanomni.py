"""A published folder of HumanOmni or R1-Omni becomes a merged model that computes what its own equations say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from published_humanomni import GRID, PICTURE, SOUND, Theirs, made, save, save_bert, save_siglip
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, BertModel, BertTokenizer

import affectrl
from affectrl.data.clip import Clip
from affectrl.errors import ModelError
from affectrl.models.features import ClipFeatures
from affectrl.sharing.convert import convert
from affectrl.sharing.published import Asked
from small_parts import make, make_backbone

QUESTION = "Which emotion is in the face?"


@pytest.fixture(scope="module")
def parts(tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("parts")
    return {
        "lm": make_backbone("qwen2.5", tiny_backbone, folder / "qwen"),
        "gate": save_bert(folder / "bert"),
        "frame": save_siglip(folder / "siglip"),
        "voice": make("whisper", folder / "whisper"),
    }


@pytest.fixture
def asked(parts: dict[str, Path]) -> Asked:
    return Asked(encoders={name: str(parts[name]) for name in ("gate", "frame", "voice")})


@pytest.fixture
def language(parts: dict[str, Path]):
    return AutoModelForCausalLM.from_pretrained(parts["lm"]).eval()


@pytest.fixture
def bert(parts: dict[str, Path]):
    return BertModel.from_pretrained(parts["gate"]).eval()


@pytest.fixture
def tokenizer(parts: dict[str, Path]):
    return AutoTokenizer.from_pretrained(parts["lm"])


def clip_of(patches: torch.Tensor, states: torch.Tensor) -> ClipFeatures:
    """What our encoders hand over: patches as they are, and three states of sound a row."""
    rows = states.view(500, 3, SOUND).mean(1)
    return ClipFeatures(Clip(id="a", text="x"), {"frame": patches, "voice": rows}, None)


@torch.no_grad()
@pytest.mark.parametrize(
    ("kind", "depth", "pad", "slow_fast"), [("all_in_one_small", 2, 0, False), ("all_in_one", 4, 1, True)]
)
def test_it_computes_what_the_published_equations_say(
    kind, depth, pad, slow_fast, asked, parts, language, bert, tokenizer, tmp_path
):
    if pad:  # the padded convolution gives one row more than half of an even grid: theirs is odd, 27
        pytest.importorskip("torch")
    tensors = made(language, bert, depth=depth, slow_fast=slow_fast)
    place = save(tmp_path / "R1-Omni", tensors, language, tokenizer, mm_projector_type=kind)
    if pad:
        with pytest.raises(ModelError, match="with grid 4 and pad 1 the branches give 3 and 2 rows a side"):
            convert(place, "humanomni", tmp_path / "ours", asked=asked)
        return
    report = convert(place, "humanomni", tmp_path / "ours", asked=asked)
    assert not report.unknown
    assert {row["theirs"] for row in report.matched + report.unused} == set(tensors)
    random = torch.Generator().manual_seed(1)
    patches = torch.randn(8 * GRID**2, PICTURE, generator=random)
    states = torch.randn(1500, SOUND, generator=random)
    model = affectrl.load(tmp_path / "ours")
    prefix = model.policy.prefix([clip_of(patches, states)], QUESTION)
    logits = model.policy.logits(model.policy.prefill(prefix)[1])[0]

    theirs = Theirs(tensors, language, bert, BertTokenizer.from_pretrained(parts["gate"]))
    frames, sound = theirs.frames(patches, QUESTION), theirs.sound(states)
    wanted = theirs.logits(tokenizer, QUESTION, frames, sound)
    torch.testing.assert_close(logits, wanted, atol=2e-4, rtol=2e-4)
    # Neither the question's share, nor a branch, nor the sound could have been left out.
    assert (theirs.frames(patches, "voice voice?") - frames).abs().max() > 1e-3
    assert (theirs.logits(tokenizer, QUESTION, 0 * frames, sound) - wanted).abs().max() > 1e-3
    assert (theirs.logits(tokenizer, QUESTION, frames, 0 * sound) - wanted).abs().max() > 1e-3
    both = model.policy.asked([QUESTION, "voice voice?"], [clip_of(patches, states)] * 2)
    torch.testing.assert_close(both.embeds[0][both.keep[0]], prefix.embeds[0], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_slow_and_fast_frames_where_the_compressor_is_there(asked, parts, language, bert, tokenizer, tmp_path):
    tensors = made(language, bert, slow_fast=True)
    report = convert(
        save(tmp_path / "HumanOmni", tensors, language, tokenizer), "humanomni", tmp_path / "ours", asked=asked
    )
    assert report.settings["slow_fast"]["value"] is True
    assert sum(row["why"] == "called by nothing in the published code" for row in report.unused) == 4
    policy = affectrl.load(tmp_path / "ours").policy
    patches = torch.randn(8 * GRID**2, PICTURE, generator=torch.Generator().manual_seed(1))
    theirs = Theirs(tensors, language, bert, BertTokenizer.from_pretrained(parts["gate"]))
    wanted = theirs.frames(patches, QUESTION, slow_fast=True)
    (found,) = policy.fusion["frame"]([patches], [QUESTION])
    assert len(found) == policy.spec.frame.tokens == 8 + 2 * 4
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


class TestFolder:
    @pytest.fixture
    def ours(self, asked, language, bert, tokenizer, tmp_path) -> Path:
        language.lm_head.weight = torch.nn.Parameter(language.lm_head.weight + 0.01)
        tensors = {name: t.bfloat16() for name, t in made(language, bert, tied=False).items()}
        place = save(tmp_path / "R1-Omni", tensors, language, tokenizer, tie_word_embeddings=False)
        convert(place, "humanomni", tmp_path / "ours", asked=asked)
        return tmp_path / "ours"

    def test_it_is_one_of_transformers_in_its_own_type(self, ours, tmp_path):
        config = json.loads((ours / "config.json").read_text())
        assert (config["model_type"], config["dtype"]) == ("qwen2", "bfloat16")
        assert not [name for name in config if name.startswith("mm_")]
        held = load_file(ours / "model.safetensors")
        shards = [load_file(f) for f in sorted((tmp_path / "R1-Omni").glob("*.safetensors"))]
        published = {n: t for shard in shards for n, t in shard.items()}
        assert held
        for name, tensor in held.items():
            assert tensor.dtype == torch.bfloat16
            assert torch.equal(tensor, published[name])
        assert AutoModelForCausalLM.from_pretrained(ours).lm_head.weight.dtype == torch.bfloat16

    def test_from_a_film_to_an_answer(self, ours, small_media):
        (row,) = affectrl.load(ours).predict(small_media / "film.mp4")
        assert row.modalities == ("video", "audio")
        assert row.error is None or row.error["code"].startswith("answer_")


def test_what_cannot_be_is_refused(asked, language, bert, tokenizer, tmp_path):
    tensors = made(language, bert)
    kind = save(tmp_path / "other", tensors, language, tokenizer, mm_projector_type="all_in_one_mlp")
    with pytest.raises(ModelError, match="mm_projector_type is 'all_in_one_mlp'") as refused:
        convert(kind, "humanomni", None, asked=asked)
    assert refused.value.code == "layout_unsupported"
    plain = save(tmp_path / "plain", tensors, language, tokenizer, model_type="qwen2")
    with pytest.raises(ModelError, match="model_type 'qwen2'"):
        convert(plain, "humanomni", None, asked=asked)
    unknown = Asked(encoders={k: v for k, v in asked.encoders.items() if k != "frame"})
    tower = save(tmp_path / "tower", tensors, language, tokenizer, mm_vision_tower="/mnt/data/my-siglip")
    with pytest.raises(ModelError, match="--encoder frame="):
        convert(tower, "humanomni", None, asked=unknown)
    del tensors["model.mm_projector.s2_body.b2.se.fc1.bias"], tensors["model.layers.1.mlp.up_proj.weight"]
    short = save(tmp_path / "short", tensors, language, tokenizer)
    with pytest.raises(ModelError, match="2 tensors are missing, fusion.frame.s2_body.b2.se.fc1.bias"):
        convert(short, "humanomni", tmp_path / "ours", asked=asked)
