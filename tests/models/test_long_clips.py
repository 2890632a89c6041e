"""A two-hour film through a whole model: it is told what was used of it, and memory does not know how long it was.

Memory is the growth of a fresh process's high-water mark over what a film of a minute took before. As arrays, the long
film's pictures would be 170 MiB and its sound 440.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from affectrl.data.media.probe import probe
from affectrl.recipes.schema import Lora, ModelSpec, NativeSpec
from small_films import repeat_film, write_film
from tiny_native import build

MOST_MIB = 96
WATCHED = """
import json, pathlib, sys, time
import affectrl.models
import torch
from accelerate import Accelerator
from pydantic import TypeAdapter
from affectrl.data.clip import Clip
from affectrl.inference.model import EmotionModel
from affectrl.models.cache import FeatureCache
from affectrl.models.family import extractor_of, policy_of
from affectrl.models.task import Task
from affectrl.recipes.schema import AnyModel
from affectrl.rl.steps import Learner, sft_step

torch.set_num_threads(1)

def high_water_mib():
    text = pathlib.Path("/proc/self/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) / 1024

spec = TypeAdapter(AnyModel).validate_json(sys.argv[1])
extractor = extractor_of(spec)
extractor.cache = FeatureCache(pathlib.Path(sys.argv[2]))
policy, task = policy_of(spec, extractor), Task("answer-only", ("happy", "sad"))
learner = Learner(policy, torch.optim.AdamW(policy.adapter_parameters(), lr=1e-3), Accelerator(cpu=True), 1.0, 4096)
for number, film in enumerate(sys.argv[3:]):
    before, began = high_water_mib(), time.perf_counter()
    clip = Clip(id="a", video=pathlib.Path(film), labels=("happy",))
    (features,) = extractor.extract(clip)
    if number == 0:
        policy.fit_features([features])
    loss = sft_step(learner, [features], task, dropout=0.0)["loss"]
    (row,) = EmotionModel(policy.eval(), task, extractor).predict([clip], labels=("happy", "sad"))
    print(json.dumps({
        "mib": high_water_mib() - before, "seconds": time.perf_counter() - began, "loss": loss, "error": row.error,
        "used": row.modalities, "notes": [note.code for note in features.notes],
        "rows": {name: len(stream) for name, stream in features.streams.items()},
    }))
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc to measure memory")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A minute, and two hours."""
    folder = tmp_path_factory.mktemp("films")
    hum = (0.3 * np.sin(np.arange(60 * 16_000) / 20)).astype(np.float32)
    pictures = [np.full((64, 64, 3), 2 * i, np.uint8) for i in range(120)]
    write_film(folder / "minute.mp4", hum, pictures, fps=2)
    long = repeat_film(folder / "long.mp4", folder / "minute.mp4", 120)
    assert (probe(long).duration_s or 0) > 7200
    return folder / "minute.mp4", long


def watched(spec: ModelSpec | NativeSpec, films: tuple[Path, Path], tmp_path: Path) -> tuple[dict, dict]:
    command = [sys.executable, "-W", "ignore", "-c", WATCHED, spec.model_dump_json(), tmp_path, *films]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    minute, long = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    print(minute, long)
    return minute, long


def told_and_bounded(minute: dict, long: dict) -> None:
    assert long["error"] is None
    assert long["loss"] == pytest.approx(long["loss"])  # a number
    assert sorted(long["used"]) == ["audio", "video"]
    assert "audio_cut" in long["notes"]
    assert long["rows"] == minute["rows"]
    assert long["mib"] < MOST_MIB
    assert long["seconds"] < 30


def test_a_two_hour_film_in_the_fused_family(tiny_spec: ModelSpec, films: tuple[Path, Path], tmp_path: Path) -> None:
    told_and_bounded(*watched(tiny_spec, films, tmp_path))


def test_a_two_hour_film_in_a_native_model(films: tuple[Path, Path], tmp_path: Path) -> None:
    """One that interleaves pictures with their own sound."""
    folder = build("qwen2-5-omni", tmp_path / "omni")
    spec = NativeSpec(family="native", backbone=str(folder), frames=5, lora=Lora(r=2, alpha=4))
    told_and_bounded(*watched(spec, films, tmp_path / "cache"))
