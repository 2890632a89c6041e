"""A published checkpoint of AffectGPT becomes a model folder that computes what AffectGPT's own equations say."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest
import torch
import yaml
from published_affectgpt import AUDIO, VIDEO, Theirs, made, save, settings
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

import affectrl
from affectrl.data.clip import Clip
from affectrl.errors import ModelError, UsageError
from affectrl.models.features import ClipFeatures
from affectrl.sharing.convert import REPORT, convert
from affectrl.sharing.published import Asked
from small_parts import make, make_backbone

PROMPT = (
    "<|im_start|>###Q: Both say <M>{together}</M>. Sound: <A>{voice}</A>. Faces: <V>{face}</V>. "
    "Said: <S>{words}</S>. {question} ###A: "
)
THEIRS = {"together": "<MultiHere>", "voice": "<AudioHere>", "face": "<FaceHere>"}
QUESTION = "What do they feel? {not a place}"


@pytest.fixture(scope="module")
def parts(tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Small copies of Qwen2.5, CLIP and HuBERT."""
    folder = tmp_path_factory.mktemp("parts")
    found = {"base": str(make_backbone("qwen2.5", tiny_backbone, folder / "qwen"))}
    return found | {name: str(make(name, folder / name)) for name in ("clip-vit", "hubert")}


@pytest.fixture
def language(parts: dict[str, str]):
    return AutoModelForCausalLM.from_pretrained(parts["base"]).eval()


@pytest.fixture
def asked(parts: dict[str, str]) -> Asked:
    encoders = {"voice": parts["hubert"], "face": parts["clip-vit"], "frame": parts["clip-vit"]}
    return Asked(base=parts["base"], encoders=encoders, prompt=PROMPT)


@pytest.fixture
def clip() -> ClipFeatures:
    random = torch.Generator().manual_seed(3)
    # Eight rows of each, as AffectGPT takes them; half precision, as our cache keeps them.
    streams = {"voice": torch.randn(8, AUDIO, generator=random), "face": torch.randn(8, VIDEO, generator=random)}
    streams["frame"] = torch.randn(8, VIDEO, generator=random)
    return ClipFeatures(Clip(id="a", text="Oh. Really?"), {k: v.half() for k, v in streams.items()}, "Oh. Really?")


def with_settings(asked: Asked, **model: object) -> Asked:
    return Asked(asked.base, settings(**model), asked.encoders, asked.prompt)


@torch.no_grad()
@pytest.mark.parametrize(("pool", "multi"), [("attention", "attention"), ("qformer", "qformer"), ("mean", "attention")])
def test_it_computes_what_the_published_equations_say(pool, multi, asked, language, clip, tmp_path):
    tensors = made(language, pool=pool, multi=multi)
    save_file(tensors, tmp_path / "published.safetensors")
    report = convert(tmp_path / "published.safetensors", "affectgpt", tmp_path / "ours", asked=with_settings(asked))
    assert report.fits
    assert not report.unknown
    assert {row["theirs"] for row in report.matched + report.unused} == set(tensors)
    model = affectrl.load(tmp_path / "ours")
    prefix = model.policy.prefix([clip], QUESTION)
    logits = model.policy.logits(model.policy.prefill(prefix)[1])[0]

    theirs = Theirs(tensors, language, AutoTokenizer.from_pretrained(asked.base))
    voice, face = (clip.streams[name].float() for name in ("voice", "face"))
    embeds = {
        "<AudioHere>": theirs.stream("audio", "audio", "audio_llama_proj", voice),
        "<FaceHere>": theirs.stream("video", "video_frame", "affectgpt_proj", face),
        "<MultiHere>": theirs.multi(face, voice),
    }
    prompt = PROMPT.format(**THEIRS, words=clip.text, question=QUESTION)
    wanted = theirs.logits(prompt, embeds)
    torch.testing.assert_close(logits, wanted, atol=1e-4, rtol=1e-4)
    # An adapter that did nothing, or a stream that said nothing, would not have passed.
    plain = AutoModelForCausalLM.from_pretrained(asked.base).eval()
    assert (Theirs({}, plain, theirs.tokenizer).logits(prompt, embeds) - wanted).abs().max() > 0.05
    for token in embeds:
        assert (theirs.logits(prompt, embeds | {token: 0 * embeds[token]}) - wanted).abs().max() > 1e-3


def test_faces_and_frames_share_their_weights(asked, language, clip, tmp_path):
    save_file(tensors := made(language), tmp_path / "published.safetensors")
    prompt = PROMPT.replace("{face}", "{face}{frame}")
    more = Asked(asked.base, settings(face_or_frame="multiface_audio_face_frame_text"), asked.encoders, prompt)
    convert(tmp_path / "published.safetensors", "affectgpt", tmp_path / "ours", asked=more)
    held = load_file(tmp_path / "ours" / "fusion.safetensors")
    for stream in ("face", "frame"):
        assert torch.equal(held[f"fusion.{stream}.score.weight"], tensors["video_attention_mlp.weight"])
        assert torch.equal(held[f"fusion.{stream}.project.bias"], tensors["affectgpt_proj.bias"])
    assert affectrl.load(tmp_path / "ours").policy.spec.fused_first == ("face", "voice")


def test_a_mode_without_the_fused_token_leaves_its_weights_out(asked, language, tmp_path):
    save_file(made(language), tmp_path / "published.safetensors")
    prompt = PROMPT.replace("{together}", "").replace("{face}", "")
    more = Asked(asked.base, settings(face_or_frame="audio_text"), asked.encoders, prompt)
    report = convert(tmp_path / "published.safetensors", "affectgpt", tmp_path / "ours", asked=more)
    whys = {row["theirs"]: row["why"] for row in report.unused}
    assert whys["fc_att.weight"] == "the prompt has no fused token"
    assert whys["affectgpt_proj.weight"] == whys["video_attention_mlp.bias"] == "the prompt has no visual stream"
    assert set(affectrl.load(tmp_path / "ours").policy.spec.streams) == {"voice"}


class TestSource:
    def test_a_pickle_is_refused_until_its_author_is_trusted(self, asked, language, tmp_path):
        file = save(tmp_path / "checkpoint_000060_loss_0.1.pth", made(language), settings())
        with pytest.raises(ModelError, match="could run any program") as refused:
            convert(file, "affectgpt", tmp_path / "ours", asked=asked)
        assert refused.value.code == "pickle_refused"
        assert "--unsafe-pickle" in str(refused.value)
        assert not (tmp_path / "ours").exists()
        report = convert(file, "affectgpt", tmp_path / "ours", asked=asked, unsafe=True)
        assert report.settings["face_or_frame"]["from"] == "the checkpoint's config"

    def test_even_then_nothing_is_run(self, asked, tmp_path):
        ran = tmp_path / "ran"

        class Program:
            def __reduce__(self):
                return (open, (str(ran), "w"))

        torch.save({"model": {"a": torch.zeros(1)}, "config": Program()}, tmp_path / "evil.pth")
        with pytest.raises(ModelError, match="more than tensors") as refused:
            convert(tmp_path / "evil.pth", "affectgpt", tmp_path / "ours", asked=asked, unsafe=True)
        assert refused.value.code == "pickle_refused"
        assert not ran.exists()
        (tmp_path / "plain.pth").write_bytes(pickle.dumps({"a": 1}))
        with pytest.raises(ModelError):
            convert(tmp_path / "plain.pth", "affectgpt", tmp_path / "ours", asked=asked, unsafe=True)

    def test_half_precision_goes_to_float32_and_is_told(self, asked, language, clip, tmp_path):
        tensors = {name: t.half() if t.is_floating_point() else t for name, t in made(language).items()}
        save_file(tensors, tmp_path / "published.safetensors")
        report = convert(tmp_path / "published.safetensors", "affectgpt", tmp_path / "ours", asked=asked)
        assert {(row["dtype"], row["written"]) for row in report.matched} == {("float16", "float32")}
        held = load_file(tmp_path / "ours" / "fusion.safetensors")
        assert torch.equal(held["pre_fusion.weigh.weight"], tensors["fc_att.weight"].float())

    @pytest.mark.parametrize(
        ("spoil", "told"),
        [
            (lambda t: t.pop("fc_att.bias"), "1 tensors are missing, fc_att.bias"),
            (lambda t: t.update({"au_proj.weight": torch.zeros(2)}), "1 are of no part that we know, au_proj.weight"),
            (lambda t: t.update({"affectgpt_proj.bias": torch.zeros(7)}), r"affectgpt_proj.bias is \[7\]"),
            (lambda t: [t.pop(n) for n in list(t) if "layers.1.mlp.up_proj" in n], "lora_A.default.weight"),
            (lambda t: [t.pop(n) for n in list(t) if "lora" in n], "no LoRA tensors"),
            (lambda t: t.update({"fc_att.bias": torch.zeros(2, dtype=torch.float64)}), "'fc_att.bias' is float64"),
            (lambda t: t.update({"fc_att.bias": torch.zeros(2, dtype=torch.int64)}), "'fc_att.bias' is int64"),
            (lambda t: t.clear() or t.update(x=torch.zeros(1)), "missing"),
        ],
    )
    def test_what_does_not_fit_is_named_and_nothing_written(self, spoil, told, asked, language, tmp_path):
        spoil(tensors := made(language))
        save_file(tensors, tmp_path / "published.safetensors")
        with pytest.raises(ModelError, match=told) as refused:
            convert(tmp_path / "published.safetensors", "affectgpt", tmp_path / "ours", asked=asked)
        assert refused.value.code in ("layout_mismatch", "model_invalid")
        assert not (tmp_path / "ours").exists()

    def test_a_prompt_needs_a_place_for_each_stream(self, asked, language, tmp_path):
        save_file(made(language), tmp_path / "published.safetensors")
        short = Asked(asked.base, {}, asked.encoders, "{voice} {question}")
        with pytest.raises(UsageError, match="must name each of"):
            convert(tmp_path / "published.safetensors", "affectgpt", None, asked=short)

    @pytest.mark.parametrize(
        ("model", "told"),
        [
            ({"visual_encoder": "EVA_CLIP_G"}, "visual_encoder is 'EVA_CLIP_G'"),
            ({"acoustic_encoder": "IMAGEBIND"}, "acoustic_encoder is 'IMAGEBIND'"),
            ({"num_video_query_token": 4}, "one token said 4 times over"),
            ({"face_or_frame": "multiface_text"}, "face_or_frame is 'multiface_text'"),
        ],
    )
    def test_parts_that_we_lack_are_refused(self, model, told, asked, language, tmp_path):
        save_file(made(language), tmp_path / "published.safetensors")
        with pytest.raises(ModelError, match=told) as refused:
            convert(tmp_path / "published.safetensors", "affectgpt", None, asked=with_settings(asked, **model))
        assert refused.value.code == "layout_unsupported"

    def test_an_encoder_of_another_width_is_found_out(self, asked, parts, language, tmp_path):
        save_file(made(language), tmp_path / "published.safetensors")
        wrong = copy.deepcopy(asked.encoders) | {"voice": parts["hubert"], "face": parts["clip-vit"]}
        tensors = load_file(tmp_path / "published.safetensors")
        tensors |= {"audio_llama_proj.weight": torch.zeros(64, 40), "audio_attention_mlp.weight": torch.zeros(1, 40)}
        save_file(tensors, tmp_path / "wide.safetensors")
        report = convert(tmp_path / "wide.safetensors", "affectgpt", None, asked=Asked(asked.base, {}, wrong, PROMPT))
        assert any(row["shape"] == [AUDIO] and row["wanted"] == [40] for row in report.shapes)


class TestCommand:
    def test_from_file_to_answer(self, affectrl_command, asked, language, tmp_path):
        file = save(tmp_path / "checkpoint.pth", made(language), settings())
        (tmp_path / "prompt.txt").write_text(PROMPT + "\n")
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings()))
        given = ["--layout", "affectgpt", "--base", asked.base, "--prompt", tmp_path / "prompt.txt"]
        given += [f"--encoder=voice={asked.encoders['voice']}", f"--encoder=face={asked.encoders['face']}"]
        given += ["--settings", tmp_path / "config.yaml"]
        assert affectrl_command("convert", file, *given, "--check").status == 2
        looked = affectrl_command("convert", file, *given, "--check", "--unsafe-pickle")
        assert looked.status == 0
        assert "unused: image_llama_proj.weight, image_llama_proj.bias: for single pictures" in looked.out
        assert "setting: lora.alpha = 32 (the code)" in looked.out
        done = affectrl_command("convert", file, *given, "--unsafe-pickle", "--to", tmp_path / "ours")
        assert done.status == 0, done.err
        assert "Trust their author" in done.err
        held = json.loads((tmp_path / "ours" / REPORT).read_text())
        assert held["layout"] == "affectgpt"
        assert {"theirs": "fc_att.weight", "ours": "pre_fusion.weigh.weight"}.items() <= next(
            row for row in held["matched"] if row["theirs"] == "fc_att.weight"
        ).items()
        (row,) = affectrl.load(tmp_path / "ours").predict(text="I won!")
        assert row.text is not None
        # A folder that is no model stays as it is.
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "notes").write_text("x")
        assert affectrl_command("convert", file, *given, "--unsafe-pickle", "--to", tmp_path / "mine").status == 2
        assert affectrl_command("convert", file, *given).status == 2
