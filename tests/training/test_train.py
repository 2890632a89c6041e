"""The whole way in miniature, in one process."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch

from affectrl import jsonl, paths
from affectrl.errors import DataError, RecipeError
from affectrl.inference.model import load
from affectrl.recipes.load import check, load_recipe
from affectrl.recipes.schema import Recipe
from affectrl.training.clips import thin
from affectrl.training.session import epoch_indices
from affectrl.training.train import train


@pytest.fixture(scope="module")
def finished(fields: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small recipe, in four steps a stage and with reasoning."""
    changes = {
        "answers": {"format": "think-answer"},
        "cold_start": {"steps": 4},
        "rl": {"steps": 4},
        "eval": {"every": 2},
    }
    shorter = {section: fields[section] | change for section, change in changes.items()}
    return train(check(fields | shorter, "small"), runs=tmp_path_factory.mktemp("runs"))


def test_run_folder_holds_what_is_promised(finished: Path) -> None:
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["status"] == "done"
    assert manifest["data"]["eval"]["n"] == len(jsonl.read_rows(finished / "predictions.jsonl")) > 0
    assert "Synthetic" in manifest["limits"]
    assert set(manifest["packages"]) >= {"torch", "transformers", "peft"}
    assert load_recipe(str(finished / "recipe.yaml")).rl.steps == 4
    rows = jsonl.read_rows(finished / "metrics.jsonl")
    kinds = [(r["stage"], r["kind"], r["step"]) for r in rows]
    assert kinds.count(("sft", "eval", 4)) == kinds.count(("rl", "eval", 2)) == kinds.count(("rl", "eval", 4)) == 1
    assert {"reward", "reward/accuracy", "reward/format", "zero_variance_share", "loss", "lr"} <= set(rows[-2])
    assert len(list((finished / "checkpoints").glob("step-*"))) == 2
    assert list((finished / "tensorboard").glob("events.*"))
    assert (finished / "report.html").stat().st_size < 6_000_000


def test_prediction_rows_have_the_documented_fields(finished: Path) -> None:
    fields = {"id", "path", "emotions", "top", "confidence", "reasoning", "text", "modalities", "error"}
    rows = jsonl.read_rows(finished / "predictions.jsonl")
    assert rows
    assert all(fields <= set(row) for row in rows)
    assert all(row["text"].startswith("<think>") for row in rows)


def test_the_model_answers_after_training(finished: Path) -> None:
    row = load(finished).predict(text="I am so happy for you", labels=["happy", "sad"])[0]
    assert row.top in ("happy", "sad")
    assert sum(row.scores.values()) == pytest.approx(1)
    assert (finished / "cold-start" / "affectrl.json").is_file()


def test_the_report_shows_pictures_and_sound(finished: Path) -> None:
    page = (finished / "report.html").read_text()
    assert page.count("data:image/jpeg") > 3
    assert page.count('class="wave"') > 1


def test_doing_it_again_does_nothing(finished: Path) -> None:
    before = (finished / "metrics.jsonl").read_bytes()
    assert train(load_recipe(str(finished / "recipe.yaml")), runs=finished.parent) == finished
    assert (finished / "metrics.jsonl").read_bytes() == before


def test_another_recipe_is_refused_and_fresh_replaces(finished: Path, small_recipe: Recipe) -> None:
    with pytest.raises(RecipeError, match=r"another recipe.*answers\.format") as caught:
        train(small_recipe, runs=finished.parent)
    assert caught.value.code == "run_differs"


def test_later_epochs_and_later_runs_open_no_media(
    small_fields: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import av

    for role in ("train", "eval"):
        small_fields["data"][role]["limit"] = 2
    small_recipe = check(small_fields, "small")

    opened: list[str] = []
    real = av.open

    def counting(file: object, *args: object, **kwargs: object) -> object:
        opened.append(str(file))
        return real(file, *args, **kwargs)

    weights = paths.home() / "weights"

    def opens(home: str, run: str, steps: int) -> int:
        opened.clear()
        monkeypatch.setenv("AFFECTRL_HOME", str(tmp_path / home))
        if not (tmp_path / home).exists():
            (tmp_path / home).mkdir()
            (tmp_path / home / "weights").symlink_to(weights)
        cold_start = small_recipe.cold_start.model_copy(update={"steps": steps})
        no_rl = small_recipe.rl.model_copy(update={"steps": 0})
        recipe = small_recipe.model_copy(update={"cold_start": cold_start, "rl": no_rl})
        train(recipe, runs=tmp_path / run, report=False)
        return len(opened)

    monkeypatch.setattr(av, "open", counting)
    one_batch = opens("one", "a", steps=1)
    assert one_batch > 0
    assert opens("two", "b", steps=12) == one_batch  # 48 draws from 7 clips: more than six epochs
    assert opens("two", "c", steps=12) == 0


def test_labels_outside_of_the_choice_are_refused(small_fields: dict, tmp_path: Path) -> None:
    small_fields["answers"]["labels"] = ["happy", "sad"]
    with pytest.raises(DataError, match="outside of the recipe's choice") as caught:
        train(check(small_fields, "small"), runs=tmp_path)
    assert caught.value.code == "unknown_labels"


def test_unreadable_clips_are_listed_and_skipped(small_fields: dict, small_set: Path, tmp_path: Path) -> None:
    rows = jsonl.read_rows(small_set / "manifest.jsonl")
    train_rows = [row for row in rows if row["split"] == "train"]
    for row in rows:
        for kind in ("video", "audio", "image"):
            if kind in row:
                row[kind] = str(small_set / row[kind])
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a film")
    train_rows[0] |= {"id": "broken", "video": str(broken), "audio": None, "image": None}
    manifest = tmp_path / "manifest.jsonl"
    jsonl.write_rows(manifest, [{k: v for k, v in row.items() if v is not None} for row in rows])
    for role in small_fields["data"]:
        small_fields["data"][role]["source"] = str(manifest)
    small_fields["cold_start"]["steps"] = 1
    small_fields["rl"]["steps"] = 0
    run = train(check(small_fields, "small"), runs=tmp_path / "runs", report=False)
    skipped = jsonl.read_rows(run / "skipped.jsonl")
    assert [(row["id"], row["error"]["code"]) for row in skipped] == [("broken", "media_corrupt")]


def test_targets_longer_than_answers_may_be_are_told(small_fields: dict, tmp_path: Path, capsys) -> None:
    small_fields["cold_start"]["steps"] = small_fields["rl"]["steps"] = 1
    told = []
    for name, room in (("short", 1), ("long", 12)):
        small_fields["rl"]["max_completion_length"] = room
        train(check(small_fields, name), runs=tmp_path / name, report=False)
        told.append("rl.max_completion_length lets the model write 1: longer" in capsys.readouterr().err)
    assert told == [True, False]


def test_epochs_visit_every_clip_once() -> None:
    seen = [i for step in range(7) for i in epoch_indices(21, 6, step, lambda epoch: epoch)]
    assert sorted(seen[:21]) == sorted(seen[21:42]) == list(range(21))
    assert seen[:21] != seen[21:42]


def test_an_epochs_order_is_that_of_its_seed() -> None:
    seen = [i for step in range(7) for i in epoch_indices(21, 6, step, lambda epoch: 100 + epoch)]
    expected = []
    for epoch in range(2):
        order = list(range(21))
        random.Random(100 + epoch).shuffle(order)
        expected += order
    assert seen == expected


def test_thinning_keeps_classes_and_order(small_set: Path) -> None:
    from affectrl.data.load import load_clips

    clips = load_clips(small_set, split="train")
    chosen = thin(clips, 10, 0, lambda clip: clip.labels[0])
    counts = [sum(c.labels[0] == name for c in chosen) for name in {c.labels[0] for c in clips}]
    assert max(counts) - min(counts) <= 1
    assert [c.id for c in chosen] == [c.id for c in clips if c in chosen]


def test_one_seed_one_result(small_recipe: Recipe, tmp_path: Path) -> None:
    two = {"steps": 2}
    stages = {name: getattr(small_recipe, name).model_copy(update=two) for name in ("cold_start", "rl")}
    short = small_recipe.model_copy(update=stages)
    runs = [train(short, runs=tmp_path / name, report=False) for name in ("a", "b")]
    first, second = (load(run).policy.state_dict() for run in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)
