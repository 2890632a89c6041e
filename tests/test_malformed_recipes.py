"""What is wrong with a recipe, said in one line; like :mod:`test_malformed`, a case a row."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from test_malformed import CALLS, CLIPS, MANIFESTS, MEDIA, MODELS, OPTIONS, SOURCES, refused


def recipe(**changes: object) -> dict:
    """A good recipe on words alone, with top-level fields replaced."""
    clips = {"source": "words.jsonl"}
    return {
        "data": {"cold_start": clips, "train": clips, "eval": clips},
        "model": {"voice": None, "face": None, "backbone": "tiny"},
        "cold_start": {"steps": 1},
        "rl": {"steps": 1},
        **changes,
    }


WORDS_ONLY = {"voice": None, "face": None}
CLIPS_OF = {"train": {"source": "words.jsonl"}, "eval": {"source": "words.jsonl"}}
RECIPES: list[tuple[str, object, list[str], str, str]] = [
    ("no YAML", "data: [", [], "recipe_yaml", "r.yaml"),
    ("no text", b"\xff\xfe\x00", [], "recipe_yaml", "r.yaml"),
    ("a list", "- 1\n- 2\n", [], "recipe_yaml", "r.yaml"),
    ("empty", "", [], "recipe_invalid", "data: Field required"),
    (
        "unknown field",
        recipe(optm={"lr": 1}),
        [],
        "recipe_invalid",
        "optm: there is no such field. Did you mean 'optim'?",
    ),
    (
        "unknown inner",
        recipe(rl={"stepz": 1}),
        [],
        "recipe_invalid",
        "rl.stepz: there is no such field. Did you mean 'st",
    ),
    ("unknown deep", recipe(model={"voice": {"tokns": 1}}), [], "recipe_invalid", "Did you mean 'tokens'?"),
    ("wrong type", recipe(seed="soon"), [], "recipe_invalid", "seed: "),
    ("out of range", recipe(rl={"num_generations": 1}), [], "recipe_invalid", "rl.num_generations: "),
    ("bad name", recipe(name="../x"), [], "recipe_invalid", "name: "),
    ("several", recipe(seed="a", threads=0), [], "recipe_invalid", "threads: "),
    ("no cold clips", recipe(data=CLIPS_OF), [], "recipe_invalid", "data.cold_start names no clips"),
    ("nothing to do", recipe(cold_start={"steps": 0}, rl={"steps": 0}), [], "recipe_invalid", "nothing to do"),
    ("weights", recipe(rl={"reward_weights": [1]}), [], "recipe_invalid", "1 reward_weights for 2 reward_funcs"),
    (
        "reads nothing",
        recipe(model=WORDS_ONLY | {"words": False}),
        [],
        "recipe_invalid",
        "at least one of voice, face, frame, motion, words",
    ),
    ("no override", recipe(), ["rl.steps"], "recipe_override", "rl.steps"),
    ("override YAML", recipe(), ["name=["], "recipe_override", "override 'name=['"),
    ("override reference", recipe(), ["name=${nowhere}"], "recipe_override", "override 'name=${nowhere}'"),
    ("override type", recipe(), ["optim.lr=fast"], "recipe_invalid", "optim.lr: "),
    ("override field", recipe(), ["optim.lrr=1"], "recipe_invalid", "Did you mean 'lr'?"),
    ("override in text", recipe(), ["data.train.source.x=1"], "recipe_invalid", "data.train.source"),
    ("reward", recipe(), ["rl.reward_funcs=[acuracy]"], "unknown_name", "rl.reward_funcs: "),
    ("no reward()", recipe(), ["rl.reward_funcs=[os.path]"], "unknown_name", "rl.reward_funcs: the module 'os.path'"),
    ("format", recipe(answers={"format": "think"}), [], "unknown_name", "answers.format: "),
    ("label set", recipe(answers={"labels": "ravdes"}), [], "unknown_name", "answers.labels: "),
    ("label commas", recipe(answers={"labels": ["sad, blue", "happy"]}), [], "labels_invalid", "answers.labels: "),
    ("label words", recipe(answers={"labels": ["sad", "a b c d e"]}), [], "labels_invalid", "'a b c d e'"),
    ("one label", recipe(answers={"labels": ["sad"]}), [], "labels_invalid", "answers.labels: "),
    ("label file", recipe(answers={"labels": "my.yaml"}), [], "label_set", "my.yaml"),
    ("encoder", recipe(model={"voice": {"encoder": "wisper"}}), [], "unknown_name", "model.voice.encoder: "),
    ("fusion", recipe(model={"face": {"fusion": "glue"}}), [], "unknown_name", "model.face.fusion: "),
    ("backbone", recipe(), ["model.backbone=smollm"], "weights_unknown", "model.backbone: "),
    ("long backbone", recipe(model=WORDS_ONLY | {"backbone": "x" * 5000}), [], "weights_unknown", "model.backbone: "),
    ("backbone's user", recipe(), ["model.backbone=~nobody-of-that-name/m"], "weights_unknown", "model.backbone: "),
    (
        "setting",
        recipe(model={"face": {"settings": {"crob": 3}}, "backbone": "tiny"}),
        [],
        "recipe_invalid",
        "model.face.settings, encoder 'face-hog': crob: ",
    ),
    (
        "setting's type",
        recipe(model={"face": {"settings": {"crop": "big"}}, "backbone": "tiny"}),
        [],
        "recipe_invalid",
        "model.face.settings, encoder 'face-hog': crop: ",
    ),
    ("split", recipe(), ["data.eval.split=tset"], "unknown_split", "Did you mean 'test'?"),
    ("speaker", recipe(), ["data.train.speakers=['7']"], "unknown_speaker", "Speakers: ann."),
    ("source", recipe(), ["data.train.source=gone.jsonl"], "manifest_missing", "gone.jsonl"),
    ("no labels", recipe(), ["data.train.source=bare.jsonl"], "no_clips", "bare.jsonl"),
    ("labels", recipe(answers={"labels": ["happy", "angry"]}), [], "unknown_labels", "sad"),
]


SAID_FIRST = {
    "recipe_yaml",
    "recipe_invalid",
    "recipe_override",
    "unknown_name",
    "label_set",
    "labels_invalid",
    "weights_unknown",
}
"""What is wrong with the recipe itself is said before any data is looked at."""


@pytest.mark.parametrize(("what", "content", "overrides", "code", "words"), RECIPES, ids=[row[0] for row in RECIPES])
def test_recipes(affectrl_command, here, tiny_backbone, what, content, overrides, code, words) -> None:
    (here / "tiny").symlink_to(tiny_backbone)
    text = yaml.safe_dump(content) if isinstance(content, dict) else content
    (here / "r.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(affectrl_command("train", "r.yaml", *overrides), code, words)
    if code in SAID_FIRST and not what.startswith("setting"):  # an encoder's settings are known by the encoder
        refused(affectrl_command("train", "r.yaml", *overrides, "--dry-run"), code, words)
        assert not (here / "runs").exists(), "refused before anything was made"


def test_a_run_of_another_recipe(affectrl_command, here: Path, tiny_backbone: Path) -> None:
    (here / "tiny").symlink_to(tiny_backbone)
    (here / "r.yaml").write_text(yaml.safe_dump(recipe()))
    (here / "runs" / "r" / "checkpoints" / "step-000001").mkdir(parents=True)
    (here / "runs" / "r" / "recipe.yaml").write_text(affectrl_command("train", "r.yaml", "--dry-run").out)
    refused(affectrl_command("train", "r.yaml", "seed=5"), "run_differs", "runs/r", "seed")


def test_there_are_enough_cases() -> None:
    tables = (MEDIA, CLIPS, MANIFESTS, SOURCES, CALLS, OPTIONS, RECIPES, MODELS)
    print(f"visited {sum(map(len, tables))} malformed inputs")
    assert sum(map(len, tables)) >= 30
