"""Shared fixtures: where the development data lies, and a home of our own for every cache."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import affectrl.models  # noqa: F401  # before a test imports transformers, as `torchvision_fit` wants it
from small_films import write_film

if TYPE_CHECKING:
    from affectrl.models.features import ClipFeatures, FeatureExtractor
    from affectrl.models.policy import FusedPolicy
    from affectrl.recipes.schema import ModelSpec

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def home() -> Iterator[Path]:
    """Caches of the tests: inside the clone, so that weights are converted once a clone and the user's stay alone."""
    folder = REPO / ".pytest_cache" / "affectrl-home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFFECTRL_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def tiny_backbone(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with SmolLM2's tokenizer and a random Llama of the same build, small enough for any test."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from affectrl.models import backbone, weights

    found = weights.resolve("smollm2-135m-instruct")
    place = weights.converted(found, backbone._convert_gguf) if found.origin == "package" else found.location
    tokenizer = AutoTokenizer.from_pretrained(place)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=0.15,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    folder = tmp_path_factory.mktemp("tiny-backbone")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_spec(tiny_backbone: Path) -> ModelSpec:
    """The fused family over the tiny language model: the real voice and face streams, LoRA of rank 2."""
    from affectrl.recipes.schema import Lora, ModelSpec
    from affectrl.recipes.streams import FaceStream, VoiceStream

    return ModelSpec(
        backbone=str(tiny_backbone),
        voice=VoiceStream(tokens=3, dropout=0.0),
        face=FaceStream(tokens=3, dropout=0.0, frames=4),
        lora=Lora(r=2, alpha=4),
    )


@pytest.fixture(scope="session")
def extractor(tiny_spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> FeatureExtractor:
    """Real encoders, and a cache of their own."""
    from affectrl.models.cache import FeatureCache
    from affectrl.models.features import FeatureExtractor

    return FeatureExtractor(tiny_spec, FeatureCache(tmp_path_factory.mktemp("features")))


@pytest.fixture(scope="session")
def _mould(tiny_spec: ModelSpec, extractor: FeatureExtractor) -> FusedPolicy:
    import torch

    from affectrl.models.policy import FusedPolicy

    with torch.random.fork_rng():
        torch.manual_seed(1)
        policy = FusedPolicy(tiny_spec, extractor)
        for name, weight in policy.lm.named_parameters():
            if "lora_B" in name:  # born as zeros, which would make every test of the adapter trivial
                torch.nn.init.normal_(weight, std=0.1)
    return policy.eval()


@pytest.fixture
def policy(_mould: FusedPolicy) -> FusedPolicy:
    """A tiny random policy in evaluation mode, for this test alone; its adapter already does something."""
    import copy

    return copy.deepcopy(_mould)


@pytest.fixture
def make_features(extractor: FeatureExtractor) -> Callable[..., ClipFeatures]:
    """Random features of a clip with any of ``voice`` and ``face`` (rows of each) and text."""
    import torch

    from affectrl.data.clip import Clip
    from affectrl.models.features import ClipFeatures

    def make(seed: int, voice: int = 12, face: int = 4, text: str | None = None, **clip: object) -> ClipFeatures:
        random = torch.Generator().manual_seed(seed)
        streams = {
            name: torch.randn(rows, extractor.encoder(name).dim, generator=random).half()
            for name, rows in (("voice", voice), ("face", face))
            if rows
        }
        about = Clip.model_validate({"id": f"clip{seed}", "text": text or "unread", "labels": ("happy",)} | clip)
        return ClipFeatures(about, streams, text)

    return make


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of third-party development data; tests that need it are skipped, aloud, where it is absent."""
    folder = Path(os.environ.get("AFFECTRL_SHARED_DATA", REPO.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"third-party development data is not at {folder} (set AFFECTRL_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def small_media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``talk.wav``, ``film.mp4`` (with sound), ``mute.mp4`` and ``face.png``, each about a second."""
    import numpy as np
    from PIL import Image

    folder = tmp_path_factory.mktemp("media")
    t = np.arange(16_000) / 16_000
    sound = (0.4 * np.sin(2 * np.pi * 180 * t) * np.sin(6 * np.pi * t) ** 2).astype(np.float32)
    rng = np.random.default_rng(0)
    still = rng.integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(still).save(folder / "face.png")
    write_film(folder / "talk.wav", sound, None)
    frames = [np.roll(still, 4 * i, axis=1) for i in range(10)]
    write_film(folder / "film.mp4", sound, frames)
    write_film(folder / "mute.mp4", None, frames)
    return folder


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def affectrl_command(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """The real command-line entry, in this process: ``affectrl_command("predict", file)``."""

    def command(*arguments: str | Path) -> Outcome:
        from affectrl.cli.main import run

        monkeypatch.setattr("sys.argv", ["affectrl", *map(str, arguments)])
        capfd.readouterr()
        try:
            run()
            status = 0
        except SystemExit as left:
            status = left.code if isinstance(left.code, int) else int(left.code is not None)
        return Outcome(status, *capfd.readouterr())

    return command


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: an empty folder, a text file, and manifests of words."""
    folder = tmp_path / "here"
    (folder / "empty").mkdir(parents=True)
    (folder / "notes.txt").write_text("Notes.")
    clip = {"id": "a", "text": "Well.", "labels": ["sad"], "split": "test", "speaker": "ann"}
    (folder / "words.jsonl").write_text(json.dumps(clip) + "\n")
    (folder / "bare.jsonl").write_text('{"id": "a", "text": "Well."}\n')
    monkeypatch.chdir(folder)
    monkeypatch.delenv("AFFECTRL_MODEL", raising=False)
    return folder


@pytest.fixture(scope="session")
def taught() -> dict[str, str]:
    """What ``tiny_model`` has been taught to answer to four sentences."""
    return {"So good!": "happy", "Go away!": "angry", "I miss her.": "sad", "It is noon.": "neutral, calm"}


@pytest.fixture(scope="session")
def tiny_model(tiny_spec: ModelSpec, taught: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model that answers with emotions: the tiny language model after 40 steps on four sentences."""
    import torch
    from accelerate import Accelerator

    from affectrl.data.clip import Clip
    from affectrl.models import checkpoint
    from affectrl.models.features import ClipFeatures, FeatureExtractor
    from affectrl.models.policy import FusedPolicy
    from affectrl.models.task import Task
    from affectrl.rl.steps import Learner, sft_step

    clips = [
        ClipFeatures(Clip(id=f"{i}", text=text, labels=tuple(labels.split(", "))), {}, text)
        for i, (text, labels) in enumerate(taught.items())
    ]
    task, accelerator = Task("answer-only"), Accelerator(cpu=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        policy = FusedPolicy(tiny_spec, FeatureExtractor(tiny_spec))
        optimizer = torch.optim.AdamW([p for p in policy.parameters() if p.requires_grad], lr=3e-2)
        learner = Learner(policy, accelerator.prepare_optimizer(optimizer), accelerator, 1.0, 4096)
        for _ in range(40):
            sft_step(learner, clips, task, dropout=0.0)
    folder = tmp_path_factory.mktemp("tiny") / "model"
    checkpoint.save(policy, task, folder)
    return folder


@pytest.fixture(scope="session")
def official_ew() -> dict[str, tuple[tuple[float, float, float], ...]]:
    """What the official scorers of either year print on the 332 clips: F, P, R at level 1 and at level 2."""
    return {
        "2025": (
            (0.5537059069585599, 0.559395213821158, 0.5485155879797873),
            (0.4244863488795757, 0.44742075932955183, 0.40504023059457717),
        ),
        "2026": (
            (0.5546077966514373, 0.5605239492818354, 0.5491872520358774),
            (0.42458260487565785, 0.4480263339179024, 0.404763839873191),
        ),
    }
