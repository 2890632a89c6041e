"""Shared fixtures: where the development data lies, and a home of our own for every cache."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
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
    from affectrl.recipes.schema import FaceStream, Lora, ModelSpec, VoiceStream

    return ModelSpec(
        backbone=str(tiny_backbone),
        voice=VoiceStream(tokens=3, dropout=0.0),
        face=FaceStream(tokens=3, dropout=0.0, frames=4),
        lora=Lora(r=2, alpha=4),
    )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of third-party development data; tests that need it are skipped, aloud, where it is absent."""
    folder = Path(os.environ.get("AFFECTRL_SHARED_DATA", REPO.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"third-party development data is not at {folder} (set AFFECTRL_SHARED_DATA)")
    return folder
