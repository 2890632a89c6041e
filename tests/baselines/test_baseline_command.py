"""``affectrl baseline`` on synthetic clips: real media, real encoders, real files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from affectrl import jsonl
from affectrl.baselines.features import feature
from affectrl.baselines.study import Plan, systems_of
from affectrl.data.clip import Clip
from affectrl.data.manifest import read_manifest, write_manifest
from affectrl.data.sandbox.generate import generate
from affectrl.metrics.classification import uar, war, weighted_f1

FEATURES = "voice=whisper,words=wordllama"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 clips of six speakers that speak, one of them without words; and one whose file is broken."""
    folder = tmp_path_factory.mktemp("sandbox")
    generate(folder / "made", 24, seed=5, workers=1, speakers=6, modalities={"audio+text": 1.0})
    found = read_manifest(folder / "made" / "manifest.jsonl")
    (folder / "broken.wav").write_bytes(b"RIFF")
    found[3] = found[3].model_copy(update={"text": None})
    found.append(Clip(id="broken", audio=folder / "broken.wav", text="Oh.", labels=found[0].labels, speaker="zoe"))
    write_manifest(found, folder / "manifest.jsonl")
    return folder / "manifest.jsonl"


def test_each_feature_and_all_together(affectrl_command, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    asked = ["--features", FEATURES, "--head", "logistic", "--seeds", "0-1", "--folds", "3", "--together"]
    done = affectrl_command("baseline", clips, *asked, "--mode", "fixed,random", "-o", out)
    assert done.status == 0, done.err
    assert "12 prediction files" in done.out
    told = json.loads((out / "summary.json").read_text())
    assert [(s["system"], s["mode"], s["clips"], s["failed"]) for s in told["systems"]] == [
        ("voice-whisper", "fixed", 24, 1),
        ("voice-whisper", "random", 24, 1),
        ("words-wordllama", "fixed", 24, 1),
        ("words-wordllama", "random", 24, 1),
        ("together", "fixed", 25, 0),
        ("together", "random", 25, 0),
    ]
    assert all(s["speakers_apart"] for s in told["systems"])
    assert [(s["system"], s["part"]) for s in told["steadiness"]] == [
        (name, "cv") for name in ("voice-whisper", "words-wordllama", "together")
    ]
    assert [len(b["systems"]) for b in told["between_systems"]] == [3, 3]
    whole = {clip.id: clip for clip in read_manifest(clips)}
    for system in told["systems"]:
        each: dict[str, list[float]] = {"war": [], "uar": [], "weighted_f1": []}
        votes = []
        for seed in (0, 1):
            rows = jsonl.read_rows(out / "cv" / f"{system['system']}-{system['mode']}-seed{seed}.jsonl")
            assert [row["id"] for row in rows] == list(whole)
            ready = [row for row in rows if row["error"] is None]
            truth, top = [whole[row["id"]].labels[0] for row in ready], [row["top"] for row in ready]
            for row in ready:
                assert row["confidence"] == max(row["scores"].values()) == row["scores"][row["top"]]
                assert sum(row["scores"].values()) == pytest.approx(1)
                assert row["emotions"] == sorted(row["scores"], key=row["scores"].__getitem__, reverse=True)
            for name, score in (("war", war), ("uar", uar), ("weighted_f1", weighted_f1)):
                each[name].append(score(truth, top))
            votes.append(top)
        for name, values in each.items():
            found = system["scores"][name]
            assert found["seeds"] == pytest.approx(values)
            assert found["mean"] == pytest.approx(np.mean(values))
            assert found["sd"] == pytest.approx(np.std(values, ddof=1))
            assert found["low"] <= found["mean"] <= found["high"]
        same = np.mean([a == b for a, b in zip(*votes, strict=True)])
        assert system["between_seeds"]["unanimous"] == pytest.approx(same)
    lost = [row for row in jsonl.read_rows(out / "cv" / "words-wordllama-fixed-seed0.jsonl") if row["error"]]
    assert [(row["id"], row["error"]["code"]) for row in lost] == [(list(whole)[3], "nothing_to_read")]


def test_its_files_are_scored_like_any_prediction(affectrl_command, clips: Path, tmp_path: Path) -> None:
    out, told = tmp_path / "out", tmp_path / "score.json"
    asked = ["--features", "words=wordllama", "--head", "logistic", "--seeds", "4", "--folds", "3"]
    done = affectrl_command("baseline", clips, *asked, "--test", clips, "-o", out)
    assert done.status == 0, done.err
    speakers = {clip.speaker for clip in read_manifest(clips)}
    assert f"{len(speakers)} speakers are named in training and test clips" in " ".join(done.out.split())
    file = out / "test" / "words-wordllama-fixed-seed4.jsonl"
    scored = affectrl_command(
        "score", "--task", "basic", "--pred", file, "--ref", clips, "--missing", "skip", "--json", told
    )
    assert scored.status == 0, scored.err
    found = next(s for s in json.loads((out / "summary.json").read_text())["systems"] if s["part"] == "test")
    rows = [row for row in jsonl.read_rows(file) if row["error"] is None]
    assert found["scores"]["war"]["mean"] == pytest.approx(
        war([r["labels"][0] for r in rows], [r["top"] for r in rows])
    )
    assert found["between_seeds"] is None


def test_combinations_take_the_first_features_of_each_modality() -> None:
    names = ["voice=wavlm", "words=bert", "voice=hubert", "face=clip-vit", "motion=videomae"]
    found = systems_of(many := [feature(name) for name in names], Plan(top_n=(1, 2), together=True))
    wav, bert, hubert, clip, mae = many
    pairs = {"A.top2": (wav, hubert), "V.top2": (clip, mae)}  # with one feature they stand there already
    assert {n: fs for n, fs in found.items() if "." in n} == pairs | {
        "AV.top1": (wav, clip),
        "AV.top2": (wav, hubert, clip, mae),
        "AT.top1": (wav, bert),
        "AT.top2": (wav, hubert, bert),
        "VT.top1": (clip, bert),
        "VT.top2": (clip, mae, bert),
        "AVT.top1": (wav, clip, bert),
        "AVT.top2": (wav, hubert, clip, mae, bert),
    }
    assert len(found) == 5 + 1 + 10
    assert "AT.top2" not in systems_of([wav, bert], Plan(top_n=(1, 2)))


def test_combinations_by_command(affectrl_command, clips: Path, tmp_path: Path) -> None:
    asked = ["--features", FEATURES, "--head", "logistic", "--seeds", "0", "--folds", "3", "--combine", "1-2"]
    done = affectrl_command("baseline", clips, *asked, "-o", tmp_path)
    assert done.status == 0, done.err
    told = json.loads((tmp_path / "summary.json").read_text())
    assert [s["system"] for s in told["systems"]] == ["voice-whisper", "words-wordllama", "AT.top1"]
    assert (tmp_path / "cv" / "AT.top1-fixed-seed0.jsonl").is_file()
    assert told["systems"][-1]["clips"] == 25


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (["--mode", "drawn"], "baseline_setting"),
        (["--seeds", "x"], "baseline_setting"),
        (["--seeds", "1,1"], "baseline_setting"),
        (["--combine", "0"], "baseline_setting"),
        (["--set", "epoch=3"], "baseline_setting"),
        (["--features", "words=wordllama,words=wordllama"], "baseline_feature"),
        (["--folds", "25"], "baseline_classes"),
        (["--head", "atention"], "unknown_name"),
        (["--split", "tset"], "unknown_split"),
    ],
)
def test_wrong_usage(affectrl_command, clips: Path, tmp_path: Path, more: list[str], code: str) -> None:
    asked = ["--features", "words=wordllama", "--head", "logistic", "--folds", "3", *more]
    if code == "baseline_classes":  # nobody's speaker is known
        bare = [clip.model_copy(update={"speaker": None}) for clip in read_manifest(clips) if clip.text][:20]
        write_manifest(bare, clips := tmp_path / "bare.jsonl")
    done = affectrl_command("baseline", clips, *asked, "-o", tmp_path / "out")
    assert done.status in (1, 2)
    assert f"[{code}]" in done.err
    assert "Traceback" not in done.err
