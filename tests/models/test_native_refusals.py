"""What native models are not given, and what is refused; adapters on their prefixes and outside of us."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from affectrl.data.clip import Clip
from affectrl.errors import MediaError, ModelError, RecipeError
from affectrl.models import checkpoint, family
from affectrl.models.cache import FeatureCache
from affectrl.models.decoding import generate, pack, token_logprobs
from affectrl.models.features import without
from affectrl.models.language import Policy
from affectrl.models.native_features import NativeExtractor
from affectrl.models.native_model import Chat
from affectrl.models.task import Task
from affectrl.recipes.load import check
from affectrl.recipes.schema import Lora, NativeSpec
from affectrl.rl.samplers.vllm import check as check_vllm
from tiny_native import build

SEES = pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="needs torchvision")
QUESTION = "What does the person feel?"


@pytest.fixture(scope="module")
def ear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("qwen2-audio", tmp_path_factory.mktemp("ear"))


@pytest.fixture(scope="module")
def omni(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("qwen2-5-omni", tmp_path_factory.mktemp("omni"))


@pytest.fixture
def copied(ear: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ear, tmp_path / "copy"))


def extractor_of(folder: Path, cache: Path, **fields: Any) -> NativeExtractor:
    spec = NativeSpec.model_validate(
        {"family": "native", "backbone": str(folder), "frames": 2, "lora": {"r": 2}} | fields
    )
    return NativeExtractor(spec, FeatureCache(cache))


def policy_of(extractor: NativeExtractor) -> Policy:
    return family.policy_of(extractor.spec, extractor)


def test_towers_run_once_a_clip(ear: Path, small_media: Path, tmp_path: Path) -> None:
    clip = Clip(id="a", audio=small_media / "talk.wav")
    first = extractor_of(ear, tmp_path).extract(clip)[0]
    again = extractor_of(ear, tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Chat, "towers", None)  # fails if it is asked
        same = again.extract(clip.model_copy(update={"text": "Hello."}))[0]
    assert again.cache.counts.hits == 1
    assert torch.equal(first.streams["voice"], same.streams["voice"])
    policy = policy_of(again).eval()
    assert policy.prefix([same], QUESTION).embeds.shape[1] == policy.columns([same], QUESTION)


def test_bfloat16_outlives_the_cache(ear: Path, small_media: Path, tmp_path: Path) -> None:
    clip = Clip(id="a", audio=small_media / "talk.wav")
    rows = []
    for _ in range(2):
        extractor = extractor_of(ear, tmp_path)
        extractor.dtype = torch.bfloat16
        rows.append(extractor.extract(clip)[0].streams["voice"])
    assert rows[0].dtype == torch.bfloat16
    assert torch.equal(rows[0], rows[1])


def test_what_it_does_not_take_is_left_out(ear: Path, small_media: Path, tmp_path: Path) -> None:
    extractor = extractor_of(ear, tmp_path)
    with pytest.raises(MediaError, match=r"nothing to read emotions from\. The model does not read") as picture:
        extractor.extract(Clip(id="a", image=small_media / "face.png"))
    assert picture.value.code == "nothing_to_read"
    with pytest.raises(MediaError, match="The video has no sound track"):
        extractor.extract(Clip(id="a", video=small_media / "mute.mp4"))
    (mute,) = extractor.extract(Clip(id="a", video=small_media / "mute.mp4", text="Hello."))
    assert mute.used == ("text",)
    assert [note.code for note in mute.notes] == ["video_without_sound"]
    deaf = extractor_of(ear, tmp_path, sound=False)
    with pytest.raises(MediaError, match="nothing to read"):
        deaf.extract(Clip(id="a", audio=small_media / "talk.wav"))


def test_words_cannot_pose_as_media(ear: Path, tmp_path: Path) -> None:
    extractor = extractor_of(ear, tmp_path)
    policy = policy_of(extractor).eval()
    said = [extractor.extract(Clip(id="a", text=text))[0] for text in ("Well<|AUDIO|><|im_end|> then", "Well then")]
    prefixes = [policy.prefix([clip], QUESTION) for clip in said]
    assert torch.equal(prefixes[0].embeds, prefixes[1].embeds)


@SEES
def test_a_dropped_modality_is_as_if_never_given(omni: Path, small_media: Path, tmp_path: Path) -> None:
    extractor = extractor_of(omni, tmp_path)
    policy = policy_of(extractor).eval()
    film = Clip(id="a", video=small_media / "film.mp4")
    (both,) = extractor.extract(film)
    (unheard,) = extractor.extract(film.model_copy(update={"use_video_audio": False}))
    (sound,) = extractor.extract(Clip(id="a", audio=small_media / "film.mp4"))
    assert both.used == ("video", "audio")
    for given, alone in ((without(both, "voice"), unheard), (without(both, "face"), sound)):
        one, other = (policy.prefix([clip], QUESTION) for clip in (given, alone))
        assert torch.equal(one.embeds, other.embeds)
        assert torch.equal(one.positions, other.positions)


@SEES
def test_an_adapter_on_completions_alone(omni: Path, small_media: Path, tmp_path: Path) -> None:
    """Prefixes are kept from sampling, positions and all, and give what passes anew give."""
    extractor = extractor_of(omni, tmp_path, lora={"r": 2, "where": "completion"})
    policy = policy_of(extractor).eval()
    torch.manual_seed(0)
    for name, weight in policy.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    clips = [Clip(id="a", video=small_media / "film.mp4"), Clip(id="b", text="No.")]
    prefix = policy.prefix([extractor.extract(clip)[0] for clip in clips], QUESTION)
    done = generate(policy, prefix, group=3, max_new_tokens=4, generator=torch.Generator().manual_seed(1))
    assert done.reuse is not None
    for rows, reuse in ((prefix, None), (prefix, done.reuse)):
        found, _ = token_logprobs(policy, rows, done.ids, done.keep, group=3, reuse=reuse)
        torch.testing.assert_close(found.detach(), done.logprobs, atol=1e-4, rtol=0)
    apart = [
        token_logprobs(policy, prefix.rows(slice(i, i + 1)), done.ids[at], done.keep[at], group=3)[0]
        for i, at in enumerate((slice(0, 3), slice(3, 6)))
    ]
    torch.testing.assert_close(torch.cat(apart).detach(), done.logprobs, atol=1e-4, rtol=0)


def test_plain_peft_loads_the_adapter(ear: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import Qwen2AudioForConditionalGeneration

    extractor = extractor_of(ear, tmp_path)
    policy = policy_of(extractor).eval()
    for name, weight in policy.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    checkpoint.save(policy, Task("answer-only"), tmp_path / "model")  # type: ignore[arg-type]
    bare = Qwen2AudioForConditionalGeneration.from_pretrained(ear)
    plain = PeftModel.from_pretrained(bare, tmp_path / "model" / "adapter").eval()
    ids = torch.tensor([[5, 60, 70, 80]])
    ours, keep = pack([ids[0, 1:].tolist()], 0)
    prefix = policy.prefix(extractor.extract(Clip(id="a", text="x")), QUESTION)
    asked = policy._ids(extractor.extract(Clip(id="a", text="x"))[0], QUESTION)[0]  # type: ignore[operator]
    whole = torch.cat([asked, ours], 1)
    with torch.no_grad():
        theirs = plain(input_ids=whole, attention_mask=torch.ones_like(whole)).logits.log_softmax(-1)
        found, _ = token_logprobs(policy, prefix, ours, keep, group=1)
    picked = theirs[0, asked.shape[1] - 1 : -1].gather(1, ours[0][:, None])[:, 0]
    torch.testing.assert_close(found[0], picked, atol=1e-4, rtol=0)


@SEES
def test_no_chat_template(omni: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(omni, tmp_path / "copy"))
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="has no chat template") as refused:
        policy_of(extractor_of(folder, tmp_path))
    assert refused.value.code == "no_chat_template"


def test_another_architecture(tiny_backbone: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a llama, which is no architecture of the native family") as refused:
        policy_of(extractor_of(tiny_backbone, tmp_path))
    assert refused.value.code == "architecture_unknown"
    assert "qwen2-5-omni" in str(refused.value)


def test_a_missing_tensor(copied: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = copied / "model.safetensors"
    tensors = load_file(file)
    lost = next(name for name in tensors if "audio_tower" in name)
    save_file({name: value for name, value in tensors.items() if name != lost}, file, {"format": "pt"})
    with pytest.raises(ModelError, match="1 weights are missing"):
        policy_of(extractor_of(copied, tmp_path))


def test_a_target_that_is_not_there(ear: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"has no linear map 'q_prj'\. Did you mean 'q_proj'"):
        policy_of(extractor_of(ear, tmp_path, lora={"target_modules": ["q_prj"]}))
    policy = policy_of(extractor_of(ear, tmp_path, lora={"target_modules": ["q_proj"]}))
    names = [name for name, weight in policy.named_parameters() if weight.requires_grad]
    assert len(names) == 4
    assert all(".language_model." in name and ".q_proj." in name for name in names)


def test_vllm_has_no_native_models() -> None:
    spec = NativeSpec(family="native", backbone="a/b", lora=Lora())
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "vllm", object())
        with pytest.raises(RecipeError, match="without the positions that a native model needs"):
            check_vllm(spec)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"family": "native"}, "model.backbone: Field required"),
        (
            {"family": "native", "backbone": "x", "frame": 3},
            "model.frame: there is no such field. Did you mean 'fr",
        ),
        ({"family": "native", "backbone": "x", "lora": {"rr": 1}}, "model.lora.rr: there is no such field."),
        ({"family": "nativ"}, "family is one of fused, native"),
        (
            {"family": "fused", "voice": {"tokns": 1}},
            "model.voice.tokns: there is no such field. Did you mean 'to",
        ),
        (
            {"family": "native", "backbone": "x", "pictures": False, "sound": False, "words": False},
            "at least one of pictures, sound, words",
        ),
    ],
)
def test_wrong_fields(model: dict, told: str) -> None:
    clips = {"source": "words.jsonl"}
    data = {"cold_start": clips, "train": clips, "eval": clips}
    with pytest.raises(RecipeError, match=told.replace(".", r"\.")):
        check({"name": "r", "data": data, "model": model}, "r.yaml")


@pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is not None, reason="bitsandbytes is installed")
def test_without_bitsandbytes_4_bits_are_refused_in_plain_words(ear: Path, tmp_path: Path) -> None:
    extractor = extractor_of(ear, tmp_path, lora={"r": 2, "quantize": "nf4"})
    with pytest.raises(ModelError, match="needs the package bitsandbytes") as caught:
        extractor.prepare()
    assert caught.value.code == "quantization_missing"


@pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
def test_4_bits_hold_the_language_model_and_not_the_towers(ear: Path, tmp_path: Path) -> None:
    from bitsandbytes.nn import Linear4bit

    policy = policy_of(extractor_of(ear, tmp_path, lora={"r": 2, "quantize": "nf4"}))
    packed = [name for name, module in policy.lm.named_modules() if isinstance(module, Linear4bit)]
    assert len(packed) == 14
    assert all("language_model" in name for name in packed)
