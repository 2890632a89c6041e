from __future__ import annotations

import json
from pathlib import Path

import pytest

from affectrl.recipes.load import load_recipe

SAID = ("So good?", "Go away?", "I miss her?", "It is noon?")


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "words.jsonl"
    labels = ("happy", "angry", "sad", "neutral")
    rows = [
        {"id": f"{i}", "text": text, "labels": [label], "split": "train" if i % 2 else "test"}
        for i, (text, label) in enumerate(zip(SAID, labels, strict=True))
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_dry_run_prints_a_recipe_and_leaves_nothing(affectrl_command, tiny_model: Path, words: Path) -> None:
    options = ("--votes", "6", "--train", "4", "--epochs", "2", "--held-out-split", "test", "--seed", "3")
    done = affectrl_command(
        "adapt", tiny_model, "--data", words, "--split", "train", *options, "rl.lr=1e-5", "--dry-run"
    )
    assert (done.status, done.err) == (0, "")
    assert [p.name for p in words.parent.iterdir()] == ["words.jsonl"]
    (words.parent / "printed.yaml").write_text(done.out)
    recipe = load_recipe("printed.yaml")
    assert (recipe.rl.num_generations, recipe.rl.train_generations, recipe.rl.lr, recipe.seed) == (6, 4, 1e-5, 3)
    assert (recipe.data.train.split, recipe.data.also["held-out"].split) == ("train", "test")
    assert recipe.data.also["held-out"].source == str(words)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--kernel", "round"), "usage"),
        (("--stream", "--epochs", "2"), "usage"),
        (("--votes", "4", "--train", "5"), "recipe_invalid"),
        (("--algorithm", "grop"), "unknown_name"),
        (("--kernel", "distance", "--alpha", "0"), "recipe_invalid"),
        (("--split", "dev"), "unknown_split"),
        (("eval.keep_best=true",), "recipe_invalid"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(
    affectrl_command, tiny_model: Path, words: Path, arguments: tuple[str, ...], code: str
) -> None:
    done = affectrl_command("adapt", tiny_model, "--data", words, *arguments)
    assert done.status == 2
    assert done.err.strip().splitlines()[-1].endswith(f"[{code}]")
    assert not (words.parent / "runs").exists()


def test_the_model_is_not_written_over(affectrl_command, tiny_model: Path, words: Path) -> None:
    place = ("--runs", tiny_model.parent.parent, "--name", tiny_model.parent.name)
    done = affectrl_command("adapt", tiny_model, "--data", words, *place, "--fresh")
    assert done.status == 2
    assert "[base_overwritten]" in done.err
    assert (tiny_model / "affectrl.json").is_file()


def test_before_and_after_and_the_way_back(
    affectrl_command, tiny_model: Path, words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    options = ("--split", "train", "--held-out-split", "test", "--epochs", "1", "--votes", "2", "--name", "again")
    small = ("rl.batch_size=2", "rl.max_completion_length=6", "threads=1")
    done = affectrl_command("adapt", tiny_model, "--data", words, *options, *small)
    assert done.status == 0, done.err
    told = " ".join(done.out.split())
    for part in (
        "adapted, before",
        "held-out, after",
        "answers changed; EW",
        "majority ratio",
        "Adapted: runs/again/model",
    ):
        assert part in told
    assert f"As before: {tiny_model}" in done.out.replace("\n", "")
    assert Path("runs/again/model/affectrl.json").is_file()
