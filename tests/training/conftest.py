"""A whole run in miniature: real synthetic clips, the real encoders, a small random language model."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from affectrl.data.sandbox.generate import generate
from affectrl.recipes.load import check
from affectrl.recipes.schema import Recipe


@pytest.fixture(scope="session")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    generate(folder, 21, seed=3, workers=1, speakers=6, splits={"train": 0.6, "test": 0.4})
    return folder


@pytest.fixture(scope="session")
def fields(small_set: Path, tiny_backbone: Path) -> dict:
    source = str(small_set)
    return {
        "name": "small",
        "threads": 1,
        "data": {
            "cold_start": {"source": source, "split": "train", "limit": 7},
            "train": {"source": source, "split": "train"},
            "eval": {"source": source, "split": "test"},
        },
        "model": {"backbone": str(tiny_backbone)},
        "answers": {"format": "answer-only", "labels": "sandbox"},
        "cold_start": {"steps": 8, "batch_size": 4},
        "rl": {"steps": 8, "batch_size": 3, "num_generations": 4, "max_completion_length": 6},
        "eval": {"every": 5, "limit": 6},
        "checkpoints": {"every": 3, "keep": 2},
    }


@pytest.fixture
def small_fields(fields: dict) -> dict:
    """A copy to change."""
    return copy.deepcopy(fields)


@pytest.fixture
def small_recipe(small_fields: dict) -> Recipe:
    return check(small_fields, "small")
