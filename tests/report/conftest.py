"""A made-up run folder with real media files, whole or with pieces missing."""

from __future__ import annotations

import json
import math
import re
import wave
from collections.abc import Callable
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from affectrl.report.write import write_report

LABELS = ("angry", "happy", "neutral", "sad", "surprised")
RECIPE = """\
name: sample
about: A made-up run, to look at the report.
seed: 1
data:
  sandbox: {out: data/sandbox, n: 760}
  cold_start: {source: data/sandbox, split: dev}
  train: {source: data/sandbox, split: train}
  eval: {source: data/sandbox, split: test, speakers: [31-40]}
model:
  backbone: smollm2-135m-instruct
  voice: {encoder: whisper, tokens: 5}
  face: {encoder: face-hog, tokens: 4}
  words: true
rl: {num_generations: 8}
"""
WHY = (
    "The brows are drawn <together> and the voice is loud.",
    "The mouth corners are raised; the pitch is high and lively.",
    "The voice is slow and low, the words speak of loss.",
)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")


def tone(seconds: float, rate: int = 16_000) -> np.ndarray:
    t = np.arange(int(seconds * rate)) / rate
    return np.sin(2 * math.pi * 220 * t) * (0.2 + 0.6 * np.abs(np.sin(3 * t)))


def write_wav(path: Path, seconds: float = 1.0) -> None:
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, 16_000, 0, "NONE", ""))
        out.writeframes((tone(seconds) * 32_000).astype("<i2").tobytes())


def write_mp4(path: Path, hue: int, seconds: float = 1.0) -> None:
    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 160, 160, "yuv420p"
        audio = out.add_stream("aac", rate=16_000, layout="mono")
        y, x = np.mgrid[:160, :160]
        for i in range(int(10 * seconds)):
            rgb = np.full((160, 160, 3), (hue, 160, 255 - hue), np.uint8)
            rgb[(x - 80) ** 2 + (y - 80) ** 2 < 60**2] = (240, 205, 170)
            rgb[(abs(y - 110 - i) < 4) & (abs(x - 80) < 30)] = (150, 40, 50)
            for packet in video.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")):
                out.mux(packet)
        sound = av.AudioFrame.from_ndarray(tone(seconds).astype(np.float32)[None], format="fltp", layout="mono")
        sound.sample_rate = 16_000
        for frame in (sound, None):
            for packet in audio.encode(frame):
                out.mux(packet)
        for packet in video.encode(None):
            out.mux(packet)


def write_png(path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.tile(np.linspace(0, 255, 120, dtype=np.uint8)[:, None, None], (1, 120, 3))).save(path)


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_media(tmp_path_factory.mktemp("media"))


def write_media(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for i in range(3):
        write_mp4(folder / f"{i}.mp4", hue=80 * i)
    write_wav(folder / "talk.wav")
    write_png(folder / "face.png")
    return folder


def predictions(media: Path, skill: float, n: int, speakers: int, seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    kinds = [("0.mp4", ["video", "audio"]), ("1.mp4", ["video", "audio", "text"]), ("2.mp4", ["video", "audio"])]
    kinds += [("talk.wav", ["audio"]), ("face.png", ["image"]), ("lost.mp4", ["video"])]
    rows = []
    for i in range(n):
        truth = LABELS[i % len(LABELS)]
        right = rng.random() < skill
        top = truth if right else str(rng.choice(LABELS))
        name, used = kinds[i % len(kinds)]
        row = {
            "id": f"clip-{i:03d}",
            "path": str(media / name),
            "emotions": [top],
            "top": top,
            "confidence": float(np.clip(rng.normal(0.75 if right else 0.55, 0.15), 0.2, 1.0)),
            "reasoning": WHY[(i + seed) % 3],
            "text": f"<think>{WHY[(i + seed) % 3]}</think><answer>{top}</answer>",
            "modalities": used,
            "error": None,
            "labels": [truth],
            "speaker": f"s{i % speakers}",
            "group": "source",
            "input_text": "I said no, and I meant it." if "text" in used else None,
        }
        if rng.random() < 0.06:
            row |= {
                "top": None,
                "emotions": [],
                "confidence": None,
                "text": "I think that it may be",
                "reasoning": None,
            }
        if i % 9 == 0 and "video" in used:
            row["notes"] = [{"code": "no_face", "message": "no face was found, so the whole frame is used."}]
        rows.append(row)
    rows[-1] |= {"top": None, "emotions": [], "confidence": None, "text": ""}
    rows[-1]["error"] = {"code": "media_corrupt", "message": "broken off after 0 packets."}
    return rows


def metric_rows(steps: int = 60) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for s in range(1, 41):
        loss = 3 * math.exp(-s / 9) + 0.4 + rng.normal(0, 0.05)
        rows.append({"stage": "sft", "kind": "train", "step": s, "time_s": s, "loss": loss, "lr": 1e-4, "grad_norm": 1})
    for s in range(1, steps + 1):
        gain = 1 - math.exp(-s / 25)
        accuracy, form = 0.45 + 0.35 * gain + rng.normal(0, 0.06), min(1.0, 0.85 + 0.15 * gain)
        rows.append(
            {
                "stage": "rl",
                "kind": "train",
                "step": s,
                "time_s": 40 + 2 * s,
                "loss": rng.normal(0, 0.02),
                "reward": accuracy + form,
                "reward_std": 0.3,
                "reward/accuracy": accuracy,
                "reward/format": form,
                "zero_variance_share": 0.2 + 0.4 * gain,
                "completion_tokens": 30 - 8 * gain + rng.normal(0, 1),
                "entropy": 1.2 - 0.7 * gain + rng.normal(0, 0.05),
                "kl": 0.05 * gain,
            }
        )
        if s % 15 == 0:
            held = {"war": 0.5 + 0.25 * gain, "uar": 0.48 + 0.26 * gain, "parse_rate": form, "n": 120}
            rows.append({"stage": "rl", "kind": "eval", "step": s, "time_s": 41 + 2 * s, **held})
    return rows


def rollout_rows(steps: int = 60) -> list[dict[str, Any]]:
    rng = np.random.default_rng(1)
    rows = []
    for s in range(1, steps + 1):
        hits = (rng.random(8) < 0.45 + 0.4 * s / steps).astype(float)
        completions = [
            {
                "text": f"<think>loud</think><answer>{'happy' if h else 'sad'}</answer>",
                "reward": h + 1.0,
                "rewards": {"accuracy": h, "format": 1.0},
                "advantage": float(h - hits.mean()),
                "tokens": 24,
            }
            for h in hits
        ]
        rows.append({"step": s, "id": f"train-{s:03d}", "labels": ["happy"], "completions": completions})
    return rows


def manifest(status: str = "done") -> dict[str, Any]:
    return {
        "affectrl": "0.1.0",
        "status": status,
        "command": "affectrl train recipes/first-light.yaml",
        "created": "2026-11-21T07:30:00+00:00",
        "finished": "2026-11-21T07:38:10+00:00",
        "seconds": 490.2,
        "python": "3.11.7",
        "platform": "Linux-x86_64",
        "packages": {"torch": "2.9.0", "transformers": "5.1.0"},
        "seed": 1,
        "data": {
            "cold_start": {"n": 160, "fingerprint": "a1b2c3"},
            "train": {"n": 480, "fingerprint": "d4e5f6"},
            "eval": {"n": 120, "fingerprint": "0718ab"},
        },
        "model": {"name": "nano", "parameters": 151_000_000},
        "limits": "The clips are synthetic data, rendered and spoken by a program.",
    }


def build_run(folder: Path, media: Path, *, n: int = 120, speakers: int = 10) -> Path:
    """Write a finished run folder as ``affectrl train`` would."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "manifest.json").write_text(json.dumps(manifest()))
    write_rows(folder / "metrics.jsonl", metric_rows())
    write_rows(folder / "rollouts.jsonl", rollout_rows())
    write_rows(folder / "eval" / "cold-start.jsonl", predictions(media, 0.45, n, speakers, seed=0))
    final = predictions(media, 0.72, n, speakers, seed=5)
    write_rows(folder / "eval" / "final.jsonl", final)
    write_rows(folder / "predictions.jsonl", final)
    return folder


@pytest.fixture
def run_folder(tmp_path: Path, media: Path) -> Path:
    return build_run(tmp_path / "sample", media)


@pytest.fixture
def write() -> Callable[[Path, list[dict[str, Any]]], None]:
    return write_rows


@pytest.fixture
def answers(media: Path) -> Callable[..., list[dict[str, Any]]]:
    """``answers(skill, n, speakers, seed)``: rows of an evaluation."""
    return partial(predictions, media)


@pytest.fixture
def told() -> Callable[[Path], str]:
    """The words of a run's page."""

    def words(run: Path) -> str:
        page = write_report(run).read_text("utf-8").split("</style>", 1)[1]
        return " ".join(unescape(re.sub(r"<[^<>]+>", " ", page)).split())

    return words
