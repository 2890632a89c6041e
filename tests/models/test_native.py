"""Native models against themselves: their own processors, their own forward passes, their own generation."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from affectrl.data.clip import Clip
from affectrl.data.load import load_clips
from affectrl.data.media.audio import read_audio
from affectrl.data.media.image import read_image
from affectrl.data.media.video import read_frames
from affectrl.data.sandbox.generate import generate as make_sandbox
from affectrl.inference.model import EmotionModel
from affectrl.models import checkpoint
from affectrl.models.cache import FeatureCache
from affectrl.models.decoding import generate, pack, token_logprobs
from affectrl.models.family import policy_of
from affectrl.models.features import ClipFeatures
from affectrl.models.native_features import NativeExtractor
from affectrl.models.native_model import metadata
from affectrl.models.native_policy import NativePolicy
from affectrl.models.prompt import Ask
from affectrl.models.task import Task
from affectrl.recipes.learning import Rl
from affectrl.recipes.schema import Lora, NativeSpec
from affectrl.rl import engine as engines
from affectrl.rl.rollout import collect
from affectrl.rl.steps import Learner, rl_step, sft_step
from affectrl.training import state
from affectrl.training.state import Place
from small_films import write_film
from tiny_native import MAKERS, build

QUESTION = "What does the person feel, and why?"
OPENING = "<answer>"
FRAMES = 5
OMNI = ("qwen2-5-omni", "qwen3-omni-moe")
SIZES = {"videos_kwargs": {"size": {"shortest_edge": 32 * 32, "longest_edge": 64 * 64}}}


@dataclass
class Native:
    """A tiny model as this library has it, and the same one as transformers has it."""

    name: str
    extractor: NativeExtractor
    policy: NativePolicy
    own: Any
    """The model of transformers, without an adapter."""

    def features(self, clip: Clip) -> ClipFeatures:
        return self.extractor.extract(clip)[0]

    @property
    def processor(self) -> Any:
        return self.extractor.chat.processor


@pytest.fixture(scope="module", params=list(MAKERS))
def native(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Native:
    if request.param != "qwen2-audio" and importlib.util.find_spec("torchvision") is None:
        pytest.skip("models that take pictures need torchvision")
    return opened(request.param, build(request.param, tmp_path_factory.mktemp(request.param)))


def opened(name: str, folder: Path, **fields: Any) -> Native:
    import transformers

    given = {"frames": FRAMES, "lora": Lora(r=2, alpha=4)} | ({"processor": SIZES} if name in OMNI else {}) | fields
    spec = NativeSpec(family="native", backbone=str(folder), **given)
    extractor = NativeExtractor(spec, FeatureCache(folder / "cache"))
    policy = policy_of(spec, extractor).eval()
    assert isinstance(policy, NativePolicy)
    own = getattr(transformers, extractor.chat.architecture.CLASS).from_pretrained(folder).eval()
    return Native(name, extractor, policy, own)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    folder = tmp_path_factory.mktemp("sandbox")
    make_sandbox(folder, 4, seed=3, workers=1, speakers=6)
    return load_clips(str(folder))


@pytest.fixture(scope="module")
def clips(small_media: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Clip]:
    """One clip of each kind that there is; a film's sound is its own, or another file's, or left aside."""
    film, talk = small_media / "film.mp4", small_media / "talk.wav"
    long = tmp_path_factory.mktemp("long") / "long.mp4"
    pictures = [np.full((64, 64, 3), 20 * i, np.uint8) for i in range(12)]
    write_film(long, np.sin(np.arange(5 * 16_000) / 40).astype(np.float32), [p for p in pictures for _ in range(4)])
    return {
        "long": Clip(id="long", video=long, labels=("happy",)),  # several of the chunks in which sound is interleaved
        "film": Clip(id="film", video=film, text="Good morning, and welcome!", labels=("happy",)),
        "mute": Clip(id="mute", video=small_media / "mute.mp4", labels=("sad",)),
        "silenced": Clip(id="silenced", video=film, use_video_audio=False, labels=("sad",)),
        "dubbed": Clip(id="dubbed", video=film, audio=talk, text="No.", labels=("angry",)),
        "face": Clip(id="face", image=small_media / "face.png", labels=("sad",)),
        "talk": Clip(id="talk", audio=talk, labels=("afraid",)),
        "words": Clip(id="words", text="I am fine.", labels=("happy",)),
    }


READS = {
    "qwen2-vl": ("film", "mute", "face", "words"),
    "qwen2-5-vl": ("film", "mute", "face", "words"),
    "qwen2-audio": ("film", "talk", "words"),
    "qwen2-5-omni": ("long", "film", "mute", "silenced", "dubbed", "face", "talk", "words"),
    "llava-onevision": ("film", "mute", "face", "words"),
    "qwen3-vl": ("film", "mute", "face", "words"),
    "qwen3-omni-moe": ("long", "film", "mute", "silenced", "dubbed", "face", "talk", "words"),
}


def own_inputs(native: Native, clip: Clip, question: str = QUESTION, opening: str = OPENING) -> dict[str, Any]:
    """What transformers' processor gives for a clip when a person calls it, and what the model needs to know beside."""
    takes = native.extractor.chat.architecture.TAKES
    content: list[dict[str, str]] = []
    given: dict[str, Any] = {}
    aside: dict[str, Any] = {}
    track = clip.audio or (clip.video if clip.use_video_audio and clip.id != "mute" else None)
    if clip.video is not None and "video" in takes:
        frames = read_frames(clip.video, count=FRAMES, max_side=448)
        content.append({"type": "video"})
        given |= {"videos": [frames.rgb], "video_metadata": [metadata(frames)], "do_sample_frames": False}
        if native.name in OMNI:
            given |= {"fps": metadata(frames).sampled_fps} | SIZES["videos_kwargs"]
    elif clip.image is not None and "image" in takes:
        content.append({"type": "image"})
        given["images"] = [read_image(clip.image, max_side=448).rgb[0]]
    if track is not None and "audio" in takes:
        given |= {"audio": [read_audio(track).samples], "sampling_rate": 16_000}
        if clip.audio is None and content:
            given |= {"load_audio_from_video": True, "audio_from_video_indices": [0]}
            aside["use_audio_in_video"] = True
        else:
            content.append({"type": "audio"})
    said = f'Words: "{clip.text}"\n{question}' if clip.text else question
    turns = [{"role": "user", "content": [*content, {"type": "text", "text": said}]}]
    text = native.processor.apply_chat_template(turns, tokenize=False, add_generation_prompt=True) + opening
    return dict(native.processor(text=[text], return_tensors="pt", **given)) | aside


def own_logprobs(native: Native, model: Any, clip: Clip, row: list[int]) -> torch.Tensor:
    """Log-probabilities of a completion by the model's whole forward pass over prompt, media and completion."""
    inputs = own_inputs(native, clip)
    prompt = inputs["input_ids"].shape[1]
    for name in ("input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids"):
        if name in inputs:
            more = torch.tensor([row]) if name == "input_ids" else torch.full((1, len(row)), int(name[0] == "a"))
            inputs[name] = torch.cat([inputs[name], more], 1)
    logits = model(**inputs).logits[0, prompt - 1 : -1].float()
    return logits.log_softmax(-1).gather(1, torch.tensor(row)[:, None])[:, 0]


def disturbed(policy: NativePolicy) -> None:
    """An adapter that does something."""
    torch.manual_seed(3)
    for name, weight in policy.lm.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.05)


ANSWERS = [[5, 90, 31, 7], [12, 40], [200, 3, 3, 60, 71, 2]]


def test_inputs_are_those_of_its_own_processor(native: Native, clips: dict[str, Clip]) -> None:
    for name in READS[native.name]:
        features = native.features(clips[name])
        ids, _ = native.policy._ids(features, QUESTION, OPENING)
        theirs = own_inputs(native, clips[name])
        assert ids.tolist() == theirs["input_ids"].tolist(), name
        ours = _seen(native, clips[name])
        pixels = {"pixel_values", "pixel_values_videos", "input_features"} & theirs.keys()
        assert pixels == {key for stream in ours for key in stream if key in pixels or key.startswith("pixel")}
        for key in pixels:
            (found,) = (stream[key] for stream in ours if key in stream)
            assert torch.equal(found, theirs[key]), (name, key)


def _seen(native: Native, clip: Clip) -> list[dict[str, Any]]:
    """What the towers are given when a clip that nobody has seen yet is extracted."""
    chat = native.extractor.chat
    fresh = NativeExtractor(native.extractor.spec, _Forgetful(Path("nowhere")), _chat=chat)
    given: list[dict[str, Any]] = []
    real = type(chat).towers

    def watch(self: Any, inputs: Any) -> Any:
        given.append(dict(inputs))
        return real(self, inputs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(chat), "towers", watch)
        fresh.extract(clip)
    return given


class _Forgetful(FeatureCache):
    def remember(self, key: str, compute: Callable[[], Any]) -> Any:
        return compute()


def test_prefix_shared_logprobs_are_those_of_whole_passes(native: Native, clips: dict[str, Clip]) -> None:
    chosen = [clips[name] for name in READS[native.name]]
    prefix = native.policy.prefix([native.features(clip) for clip in chosen], QUESTION, OPENING)
    assert prefix.shared > 0
    assert len(set(prefix.lengths.tolist())) > 1
    ids, keep = pack(ANSWERS * len(chosen), native.policy.eos_id)
    with torch.no_grad():
        ours, _ = token_logprobs(native.policy, prefix, ids, keep, group=len(ANSWERS))
        for i, clip in enumerate(chosen):
            for g, row in enumerate(ANSWERS):
                theirs = own_logprobs(native, native.own, clip, row)
                mine = ours[i * len(ANSWERS) + g][: len(row)]
                torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=0, msg=lambda m, c=clip: f"{c.id}: {m}")


@torch.no_grad()
def test_answers_may_have_come_to_different_places(native: Native, clips: dict[str, Clip]) -> None:
    chosen = [native.features(clips[name]) for name in READS[native.name]][:2]
    said = [OPENING, f"{OPENING} The voice"][: len(chosen)]
    together = native.policy.prefix(chosen, QUESTION, said)
    for i, (clip, opening) in enumerate(zip(chosen, said, strict=True)):
        single = native.policy.prefix([clip], QUESTION, opening)
        torch.testing.assert_close(together.embeds[i][together.keep[i]], single.embeds[0][single.keep[0]])
        assert (together.positions[i][together.keep[i]] == single.positions[0][single.keep[0]]).all()


def test_greedy_answers_are_those_of_its_own_generate(native: Native, clips: dict[str, Clip]) -> None:
    chosen = [clips[name] for name in READS[native.name]]
    done = generate(
        native.policy,
        native.policy.prefix([native.features(clip) for clip in chosen], QUESTION, OPENING),
        max_new_tokens=5,
        temperature=0.0,
    )
    for i, clip in enumerate(chosen):
        inputs = own_inputs(native, clip)
        theirs = native.own.generate(**inputs, max_new_tokens=5, do_sample=False)[0, inputs["input_ids"].shape[1] :]
        assert done.ids[i][done.keep[i]].tolist() == theirs.tolist(), clip.id


def test_it_learns_and_comes_back(native: Native, sandbox: list[Clip], tmp_path: Path) -> None:
    """A step of the cold start and three of GRPO on clips of the sandbox: finite, and only the adapter moves."""
    policy = opened(native.name, Path(native.extractor.spec.backbone)).policy
    before = {name: weight.detach().clone() for name, weight in policy.named_parameters()}
    clips = [features for clip in sandbox for features in native.extractor.extract(clip)]
    labels = tuple(sorted({clip.labels[0] for clip in sandbox}))
    task, rl = Task("answer-only", labels), {"num_generations": 2, "max_completion_length": 4}
    engine = engines.build(Rl.model_validate(rl), policy, task, keep_tokens=100_000)
    optimizer = torch.optim.AdamW(policy.adapter_parameters(), lr=1e-2)
    learner = Learner(policy, optimizer, Accelerator(cpu=True), 1.0, 4096)
    told = [sft_step(learner, clips[:2], task, dropout=0.0)]
    learner.policy.eval()
    for step in range(3):
        rollout = collect(engine, lambda _, at=step: clips[at : at + 2], torch.Generator().manual_seed(step))
        spread = torch.tensor([1.0, -1.0]).repeat(len(rollout.clips))  # random letters never earn anything
        told.append(rl_step(learner, engine, replace(rollout, advantages=spread)))
        assert rollout.completions.reuse is not None
        assert told[-1]["logprob_gap"] < 1e-4, "what is trained on is what was sampled"
    assert all(math.isfinite(step["loss"]) and step["grad_norm"] > 0 for step in told)
    moved = {name for name, weight in policy.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == {name for name in before if "lora_" in name}
    assert all("language_model" in name for name in moved)

    state.save(tmp_path / "checkpoints", Place("rl", 3), 4, policy, task, optimizer, 1)
    other, again, extractor = checkpoint.load(tmp_path / "checkpoints" / "step-000004")
    assert again == task
    same = [text_of(p, clips) for p in (policy, other)]
    assert same[0] == same[1]
    found = state.resume(tmp_path / "checkpoints", native.policy)
    assert found is not None
    assert found.place == Place("rl", 3)
    assert text_of(native.policy, clips) == same[0]
    extractor.cache = native.extractor.cache
    said = EmotionModel(other, task, extractor).predict(sandbox, labels=labels)
    assert [row.error for row in said] == [None] * len(sandbox)
    assert all(abs(sum(row.scores.values()) - 1) < 1e-4 for row in said if row.scores)


def text_of(policy: Any, clips: list[ClipFeatures]) -> list[str]:
    done = generate(policy, policy.prefix(clips, QUESTION, OPENING), max_new_tokens=6, temperature=0.0)
    return done.texts(policy)


@pytest.mark.parametrize("native", ["qwen2-5-omni", "qwen3-vl"], indirect=True)
def test_gradients_are_those_of_the_whole_model(native: Native, clips: dict[str, Clip]) -> None:
    policy = opened(native.name, Path(native.extractor.spec.backbone)).policy
    disturbed(policy)
    chosen = [clips[name] for name in READS[native.name][:2]]
    prefix = policy.prefix([native.features(clip) for clip in chosen], QUESTION, OPENING)
    ids, keep = pack(ANSWERS * 2, policy.eos_id)
    ours, _ = token_logprobs(policy, prefix, ids, keep, group=len(ANSWERS))
    theirs = torch.cat([own_logprobs(native, policy.lm, clip, row) for clip in chosen for row in ANSWERS])
    torch.testing.assert_close(ours[keep], theirs, atol=1e-4, rtol=0)
    weights = policy.adapter_parameters()
    mine = torch.autograd.grad(ours[keep].square().sum(), weights)
    whole = torch.autograd.grad(theirs.square().sum(), weights)
    assert sum(float(grad.abs().sum()) for grad in whole) > 0
    for a, b in zip(mine, whole, strict=True):
        torch.testing.assert_close(a, b, atol=1e-3 * float(b.abs().max()) + 1e-5, rtol=1e-3)


@torch.no_grad()
def test_several_questions_share_the_media(native: Native, clips: dict[str, Clip]) -> None:
    clip = native.features(clips[READS[native.name][0]])
    asks = [Ask("Sad?"), Ask(QUESTION, "\nGo by the voice.", OPENING), Ask("Which emotion does one see and hear?")]
    prefix = native.policy.several(clip, asks)
    done = generate(native.policy, prefix, max_new_tokens=6, temperature=0.0)
    for i, ask in enumerate(asks):
        own = native.policy.prefix([clip], f"{ask.question}{ask.then}", ask.opening)
        keep = prefix.keep[i]
        assert torch.equal(prefix.embeds[i][keep], own.embeds[0])
        assert torch.equal(prefix.positions[i][keep], own.positions[0])
        alone = generate(native.policy, own, max_new_tokens=6, temperature=0.0)
        width = alone.ids.shape[1]
        assert torch.equal(done.ids[i, :width], alone.ids[0])
        torch.testing.assert_close(done.logprobs[i, :width], alone.logprobs[0], atol=1e-4, rtol=1e-4)
    media = native.extractor.chat.kinds(native.policy._ids(clip, "Sad?")[0])[0].nonzero()
    assert prefix.shared > int(media.max())
