"""A run folder as a training leaves it, around the tiny model: a recipe, a manifest, answers with speakers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from affectrl import jsonl
from affectrl.recipes.load import check, dump

SPEAKERS = ("ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ida", "jon", "kay", "lee")


def answers() -> list[dict[str, object]]:
    """Five clips of each speaker; the first speaker is never understood."""
    rows = []
    for number, speaker in enumerate(SPEAKERS):
        for clip in range(5):
            label = "happy" if clip % 2 else "sad"
            right = number > 0 and (number + clip) % 4 != 0
            said = label if right else "angry"
            rows.append(
                {
                    "id": f"{speaker}{clip}",
                    "path": "x.mp4",
                    "emotions": [said],
                    "top": said,
                    "confidence": 0.5,
                    "reasoning": None,
                    "text": said,
                    "modalities": ["text"],
                    "error": None,
                    "labels": [label],
                    "speaker": speaker,
                    "group": None,
                    "input_text": "Well.",
                }
            )
    return rows


@pytest.fixture
def run(tiny_model: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "try-one"
    folder.mkdir(parents=True)
    shutil.copytree(tiny_model, folder / "model")
    sets = {"train": {"source": "sandbox/a"}, "eval": {"source": "sandbox/a"}}
    recipe = check({"name": "try-one", "data": sets, "cold_start": {"steps": 0}, "seed": 5}, "try-one")
    (folder / "recipe.yaml").write_text(dump(recipe))
    manifest = {
        "affectrl": "0.1.0",
        "status": "done",
        "python": "3.11",
        "packages": {"torch": "2.13"},
        "seconds": 1234.5,
        "device": "cpu",
        "limits": "Synthetic clips made by affectrl's sandbox: they say nothing about people.",
        "data": {
            "train": {"source": f"ravdess:{tmp_path}/private/ravdess", "n": 77, "fingerprint": "abc123"},
            "eval": {"source": f"{tmp_path}/private/clips", "n": 60, "fingerprint": "def456"},
        },
        "model": {"encoders": {"voice": "whisper-v1"}, "adapter_parameters": 1234, "fusion_parameters": 56},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    jsonl.write_rows(folder / "eval" / "cold-start.jsonl", [{**row, "top": "angry"} for row in answers()])
    jsonl.write_rows(folder / "eval" / "final.jsonl", answers())
    return folder
