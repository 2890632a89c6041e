"""A table in miniature: a recipe over a few synthetic clips and the tiny language model, and variants of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from affectrl.data.sandbox.generate import generate
from affectrl.reproduce.table import Table, load_table

Fields = dict[str, Any]


@pytest.fixture(scope="session")
def base_recipe(tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Few clips, few steps, one thread."""
    folder = tmp_path_factory.mktemp("base")
    generate(folder / "clips", 21, seed=3, workers=1, speakers=6, splits={"train": 0.6, "test": 0.4})
    source = str(folder / "clips")
    fields = {
        "threads": 1,
        "data": {
            "cold_start": {"source": source, "split": "train", "limit": 7},
            "train": {"source": source, "split": "train"},
            "eval": {"source": source, "split": "test"},
            "also": {"seen": {"source": source, "split": "train"}},
        },
        "model": {"backbone": str(tiny_backbone), "face": None, "words": False},
        "answers": {"format": "answer-only", "labels": "sandbox"},
        "cold_start": {"steps": 4, "batch_size": 4},
        "rl": {"steps": 3, "batch_size": 3, "num_generations": 3, "max_completion_length": 6},
        "eval": {"every": 2, "limit": 6},
        "checkpoints": {"every": 1, "keep": 2},
    }
    file = folder / "tiny.yaml"
    file.write_text(yaml.safe_dump(fields))
    return file


@pytest.fixture
def table_fields(base_recipe: Path) -> Fields:
    """RL from one cold start, the cold start itself, and RL with a cold start of its own."""
    return {
        "title": "Tiny",
        "paper": {"citation": "Nobody, 2026", "where": "Table 0", "data": "nothing"},
        "base": str(base_recipe),
        "columns": {
            "war": {"title": "WAR", "metric": "war"},
            "seen": {"title": "labels", "metric": "labels", "set": "seen"},
        },
        "variants": {
            "rl": {"title": "RL", "published": {"war": [60, 70]}},
            "before": {"title": "cold start", "cold_start_of": "rl", "published": {"war": 50}},
            "more": {"title": "RL | again", "start": "rl", "set": {"rl.lr": 1e-3, "rl.reward_funcs": ["accuracy"]}},
        },
        "claims": [{"say": "RL helps.", "better": "rl", "than": "before", "column": "war"}],
    }


@pytest.fixture
def tiny_table(table_fields: Fields, tmp_path: Path) -> Table:
    file = tmp_path / "tiny-table.yaml"
    file.write_text(yaml.safe_dump(table_fields, sort_keys=False))
    return load_table(str(file))
