"""Each preset over small random copies of the parts it names, and each family of language models: the whole way.

A copy on disk is loaded as a published one would be, trained for a cold start and three steps of RL on sandbox clips,
interrupted, resumed, and asked.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from affectrl import jsonl
from affectrl.data.sandbox.generate import generate
from affectrl.inference.model import load
from affectrl.recipes.load import check
from affectrl.training import reinforce
from affectrl.training.train import train
from small_parts import make, make_backbone

FILES = ("model/adapter/adapter_model.safetensors", "model/fusion.safetensors", "predictions.jsonl")
HEARD = {"encoder": "whisper", "fusion": "mlp", "tokens": 2}
SEEN = {"encoder": "face-hog", "fusion": "linear", "tokens": 2, "frames": 2}

PRESETS = {
    "nano": ("smollm", {}),
    "affectgpt": ("qwen2.5", {}),
    "humanomni": (
        "qwen2.5",
        {"voice": {"tokens": 20}, "frame": {"tokens": 8, "fusion_settings": {"grid": 2, "gate_hidden": 8}}},
    ),
    "merit": ("qwen3", {"voice": {"mix_layers": True, "settings": {"layers": [1, 2]}}}),
    "emotion-llama": ("llama2", {"frame": {"tokens": 1}, "motion": {"frames": 8}}),
}
"""A language model of each preset's kind, and what is changed for the copies' sizes or to try more."""

FORMER = {"layers": 1, "hidden": 16, "heads": 2}
BACKBONES = {
    "llama3": {"voice": HEARD | {"mix_layers": True}, "face": None},
    "gemma": {"voice": HEARD | {"fusion": "q-former", "fusion_settings": FORMER}, "face": None},
    "gemma3": {"voice": HEARD, "face": SEEN, "pre_fusion": {"kind": "q-former", "tokens": 2, "settings": FORMER}},
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    generate(folder, 8, seed=3, workers=1, speakers=4, splits={"train": 0.5, "test": 0.5})
    return folder


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    made: dict[str, str] = {}

    def find(encoder: str) -> str:
        if encoder not in made:
            made[encoder] = str(make(encoder, tmp_path_factory.mktemp("parts") / encoder))
        return made[encoder]

    return find


@pytest.fixture(scope="module")
def language(tiny_backbone, tmp_path_factory):
    return lambda name: str(make_backbone(name, tiny_backbone, tmp_path_factory.mktemp("backbones") / name))


@pytest.fixture
def vowels(tmp_path, monkeypatch) -> str:
    """A reward that tells a random model's answers apart, as a module of the user's own."""
    folder = tmp_path / "ownrewards"
    folder.mkdir()
    (folder / "__init__.py").touch()
    told = "[sum(c in 'aeiou' for c in text) / 10 for text in completions]"
    code = f"def reward(prompts, completions, completion_ids, **_):\n    return {told}\n"
    (folder / "vowels.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    return "ownrewards.vowels"


def fields(model: dict, clips: Path, reward: str) -> dict:
    source = str(clips)
    return {
        "name": "run",
        "threads": 1,
        "data": {
            "cold_start": {"source": source, "split": "train"},
            "train": {"source": source, "split": "train"},
            "eval": {"source": source, "split": "test", "limit": 2},
        },
        "model": {"modality_dropout": 0.5, "lora": {"r": 2}} | model,
        "answers": {"format": "answer-only", "labels": "sandbox"},
        "cold_start": {"steps": 1, "batch_size": 3},
        "rl": {"steps": 3, "batch_size": 2, "num_generations": 3, "max_completion_length": 4, "reward_funcs": [reward]},
        "eval": {"every": 100},
        "checkpoints": {"every": 1},
    }


def on_preset(name: str, changes: dict, backbone: str, parts) -> dict:
    from affectrl.recipes import presets

    model = {"preset": name, "backbone": backbone} | {key: dict(value) for key, value in changes.items()}
    for stream, part in presets.read(name)["model"].items():
        if isinstance(part, dict) and part.get("encoder") not in (None, "face-hog"):
            mine = model.setdefault(stream, {})
            mine["settings"] = mine.get("settings", {}) | {"weights_name": parts(part["encoder"])}
            if part["fusion"] == "branches":
                mine["fusion_settings"] = mine.get("fusion_settings", {}) | {"gate": parts("bert-gate")}
    return model


CASES = [*(("preset", name) for name in PRESETS), *(("backbone", name) for name in BACKBONES)]


@pytest.mark.parametrize(("what", "name"), CASES, ids=[f"{what}-{name}" for what, name in CASES])
def test_a_small_copy_goes_the_whole_way(what, name, clips, parts, language, vowels, tmp_path, monkeypatch):
    if what == "preset":
        built, changes = PRESETS[name]
        model = on_preset(name, changes, language(built), parts)
    else:
        model = BACKBONES[name] | {"backbone": language(name)}
    recipe = check(fields(model, clips, vowels), "run")
    whole = interrupted_and_resumed(recipe, tmp_path / "runs", monkeypatch)

    rows = [r for r in jsonl.read_rows(whole / "metrics.jsonl") if r["kind"] == "train"]
    assert [(r["stage"], r["step"]) for r in rows] == [("sft", 1), ("rl", 1), ("rl", 2), ("rl", 3)]
    assert all(math.isfinite(r["loss"]) and math.isfinite(r["grad_norm"]) for r in rows)
    learned_only_what_may_learn(whole, recipe)
    if name == "affectgpt":
        undisturbed = train(recipe, runs=tmp_path / "undisturbed")
        assert [f for f in FILES if (undisturbed / f).read_bytes() != (whole / f).read_bytes()] == []

    said = load(whole).predict(str(clips / "manifest.jsonl"), labels=["happy", "sad"])
    assert len(said) == 8
    readable = [row for row in said if row.error is None]
    assert len(readable) >= 6, "clips of words only are nothing to models without words"
    assert all(row.top in ("happy", "sad") and sum(row.scores.values()) == pytest.approx(1) for row in readable)


def learned_only_what_may_learn(whole: Path, recipe) -> None:
    """Frozen weights are those on disk; adapter and projections moved since the cold start's first step."""
    from transformers import AutoModelForCausalLM

    policy = load(whole).policy
    torch.manual_seed(0)
    published = AutoModelForCausalLM.from_pretrained(recipe.model.backbone).state_dict()
    ours = {n.replace(".base_layer", ""): t for n, t in policy.lm.get_base_model().state_dict().items()}
    assert all(torch.equal(ours[n], t) for n, t in published.items())
    adapters = {n: p for n, p in policy.lm.named_parameters() if p.requires_grad}
    assert adapters
    assert all("lora_" in n for n in adapters)
    assert all(p.abs().max() > 0 for n, p in adapters.items() if "lora_B" in n)
    wanted = recipe.model.lora.target_modules
    if wanted != "all-linear":
        assert {n.split(".lora_")[0].rsplit(".", 1)[-1] for n in adapters} == set(wanted)
    before = load(whole / "cold-start").policy.state_dict()
    moved = {n for n, t in policy.state_dict().items() if not torch.equal(t, before[n])}
    assert moved <= {n for n, p in policy.named_parameters() if p.requires_grad}
    parts = [f"fusion.{stream}." for stream in recipe.model.streams] + ["pre_fusion."] * bool(recipe.model.pre_fusion)
    parts += [f"mix.{s}." for s, part in recipe.model.streams.items() if part.mix_layers]
    assert any("lora_" in n for n in moved)
    assert [part for part in parts if not any(n.startswith(part) for n in moved)] == []
    for encoder in (load(whole).extractor.encoder(stream) for stream in recipe.model.streams):
        assert not any(p.requires_grad for p in getattr(encoder, "model", torch.nn.Module()).parameters())


def interrupted_and_resumed(recipe, runs: Path, monkeypatch) -> Path:
    """The run folder of a run that was stopped in the second step of RL and started again."""
    plain, steps = reinforce.rl_step, []

    def stopping(*given):
        steps.append(1)
        if len(steps) == 2:
            raise KeyboardInterrupt
        return plain(*given)

    with monkeypatch.context() as patch:
        patch.setattr(reinforce, "rl_step", stopping)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, runs=runs)
    return train(recipe, runs=runs)
