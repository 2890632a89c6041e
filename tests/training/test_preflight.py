"""What is wrong is said before anything slow, and a first try that failed does not stand in the second one's way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from affectrl.errors import AffectError, DataError, ModelError, RecipeError
from affectrl.recipes.load import check, dump, load_recipe, packaged
from affectrl.recipes.schema import ModelSpec, Recipe
from affectrl.training import train as training
from affectrl.training.preflight import check_clips, check_names, check_parts
from affectrl.training.run_folder import RunFolder
from affectrl.training.train import train


def test_looking_first_needs_no_torch() -> None:
    code = "import sys; import affectrl.training.preflight; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


WRONG = [
    ({"answers": {"labels": "sandbax"}}, "unknown_name", "answers.labels: "),
    ({"answers": {"labels": ["sad", "happy, or so"]}}, "labels_invalid", "answers.labels: .*'happy, or so'"),
    ({"answers": {"labels": ["sad", "happy"]}}, "unknown_labels", "outside of the recipe's choice"),
    ({"model": {"backbone": "nowhere"}}, "weights_unknown", "model.backbone: "),
    ({"data.train.split": "trian"}, "unknown_split", "Did you mean 'train'"),
    ({"data.train.map_to": "sandbax"}, "unknown_name", "data.train.map_to: .*sandbox"),
    ({"data.also": {"far": {"source": "far.jsonl", "map_to": "dfwe"}}}, "unknown_name", "data.also.far.map_to: .*dfew"),
    ({"data.also": {"far": {"source": "far.jsonl"}}}, "manifest_missing", "far.jsonl"),
    ({"data.cold_start.unlabelled": True}, "recipe_invalid", "data.cold_start.unlabelled: this stage needs labels"),
    ({"rl.judge": {"kind": "polisy"}}, "unknown_name", "rl.judge.kind: .*'policy'"),
    ({"rl.sampler": "vllmm"}, "unknown_name", "rl.sampler: .*"),
    ({"rl.algorithm": "gpro"}, "unknown_name", "rl.algorithm: .*'grpo'"),
    ({"rl.critic": {"lr": 0.1}}, "recipe_invalid", "rl.critic: grpo does not use it"),
    ({"data.eval.speakers": ["nobody"]}, "unknown_speaker", "nobody"),
    ({"data.eval.source": "gone.jsonl"}, "manifest_missing", "gone.jsonl"),
]


@pytest.mark.parametrize(("changes", "code", "words"), WRONG, ids=[next(iter(row[0])) for row in WRONG])
def test_wrong_in_python_too_and_nothing_is_made(small_fields: dict, tmp_path: Path, changes, code, words) -> None:
    for key, value in changes.items():
        place = small_fields
        for part in key.split(".")[:-1]:
            place = place[part]
        place[key.split(".")[-1]] = value
    with pytest.raises(AffectError, match=words) as caught:
        train(check(small_fields, "small"), runs=tmp_path / "runs")
    assert caught.value.code == code
    assert not (tmp_path / "runs").exists()


def test_clips_that_the_sandbox_will_make_are_believed(small_fields: dict, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    small_fields["data"] = {"sandbox": {"out": "box"}} | {
        "cold_start": {"source": "box"},
        "train": {"source": "./box/manifest.jsonl", "split": "train"},
        "eval": {"source": "sandbox:box"},
    }
    check_clips(check(small_fields, "small"))
    small_fields["data"]["also"] = {"shifted": {"source": "shifted"}}
    with pytest.raises(DataError, match="shifted"):
        check_clips(check(small_fields, "small"))
    small_fields["data"]["more_sandboxes"] = [{"out": "shifted"}]
    check_clips(check(small_fields, "small"))
    small_fields["data"]["eval"]["source"] = "boxes"
    with pytest.raises(DataError, match="boxes"):
        check_clips(check(small_fields, "small"))


REWARDS = [
    (
        {"reward_funcs": ["majority-vote"], "reward_settings": {"majority-vote": {"alhpa": 1}}},
        {},
        "rl: 'alhpa' .*'alpha'",
    ),
    (
        {"reward_funcs": ["majority-vote"], "reward_settings": {"majority-vote": {"alpha": "big"}}},
        {},
        "rl: .* alpha: 'big'",
    ),
    ({"reward_funcs": ["accuracy", "accuracy"]}, {}, "rl: reward 'accuracy' is named twice"),
    ({"reward_funcs": ["format", "accuracy"]}, {"unlabelled": True}, "rl.reward_funcs: accuracy reads labels"),
]


@pytest.mark.parametrize(("rl", "train_data", "words"), REWARDS, ids=[row[2][:20] for row in REWARDS])
def test_rewards_are_asked_whether_they_take_it(small_fields: dict, rl: dict, train_data: dict, words: str) -> None:
    small_fields["rl"] |= rl
    small_fields["data"]["train"] |= train_data
    with pytest.raises(RecipeError, match=words):
        check_parts(check(small_fields, "small"))
    small_fields["rl"]["steps"] = 0
    check_parts(check(small_fields, "small"))


def test_votes_need_no_labels(small_fields: dict) -> None:
    small_fields["rl"] |= {"reward_funcs": ["majority-vote", "format"]}
    small_fields["data"]["train"] |= {"unlabelled": True}
    check_parts(check(small_fields, "small"))


@pytest.mark.parametrize("name", list(packaged()))
def test_rewards_of_packaged_recipes_take_their_settings(name: str) -> None:
    recipe = load_recipe(name)
    check_names(recipe)
    check_parts(recipe)


def test_a_model_to_start_from_is_the_recipes(small_fields: dict, tiny_model: Path, tiny_spec: ModelSpec) -> None:
    def started(**changes: object) -> Recipe:
        model = tiny_spec.model_dump(mode="json") | {"modality_dropout": 0.9}
        answers = {"format": "answer-only", "labels": None}
        return check(small_fields | {"start": str(tiny_model), "model": model, "answers": answers} | changes, "small")

    check_parts(started())
    check_parts(started(start=None, answers={"format": "think-answer"}))
    wrong = {
        r"answers\.format, answers\.labels\.": {"answers": {"format": "think-answer", "labels": "sandbox"}},
        r"model\.voice\.tokens\.": {"model": tiny_spec.model_dump(mode="json") | {"voice": {"tokens": 4}}},
        r"model\.face\.": {"model": tiny_spec.model_dump(mode="json") | {"face": None}},
    }
    for words, changes in wrong.items():
        with pytest.raises(RecipeError, match=f"start: .* another {words}") as caught:
            check_parts(started(**changes))
        assert (caught.value.code, caught.value.path) == ("start_differs", str(tiny_model))
    with pytest.raises(ModelError) as missing:
        check_parts(started(start="nowhere"))
    assert missing.value.code == "model_missing"


@pytest.mark.parametrize("settings", [{"zzz": 1}, {"crop": "big"}, {"crop": [64]}])
def test_settings_of_an_encoder_are_looked_at_before_the_clips(
    small_fields: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict
) -> None:
    monkeypatch.setattr(training, "prepare", lambda *_: pytest.fail("features before the encoders were looked at"))
    small_fields["model"]["face"] = {"settings": settings}
    recipe = check(small_fields, "small")
    check_names(recipe)
    with pytest.raises(RecipeError, match=f"model.face.settings, encoder 'face-hog': {next(iter(settings))}"):
        train(recipe, runs=tmp_path)


def test_a_run_that_came_to_nothing_gives_way(small_fields: dict, tmp_path: Path) -> None:
    first, second = (check(small_fields | {"seed": seed}, "small") for seed in (1, 2))
    folder = RunFolder(tmp_path / "small")
    assert folder.claim(first, fresh=False) is False
    folder.open(first, "affectrl train")
    folder.log("metrics.jsonl", [{"stage": "sft", "step": 1, "kind": "train"}])
    (folder.path / "mine.txt").touch()
    assert folder.claim(second, fresh=False) is False
    assert sorted(p.name for p in folder.path.iterdir()) == ["mine.txt", "recipe.yaml"]
    assert (folder.path / "recipe.yaml").read_text() == dump(second)
    assert folder.claim(load_recipe(str(folder.path / "recipe.yaml")), fresh=False) is True


@pytest.mark.parametrize("work", ["checkpoints/step-000001", "eval/cold-start.jsonl"])
def test_a_run_with_work_in_it_does_not(small_fields: dict, tmp_path: Path, work: str) -> None:
    first, second = (check(small_fields | {"seed": seed}, "small") for seed in (1, 2))
    folder = RunFolder(tmp_path / "small")
    folder.claim(first, fresh=False)
    (folder.path / work).parent.mkdir()
    (folder.path / work).touch()
    with pytest.raises(RecipeError, match=r"another recipe \(seed\)") as caught:
        folder.claim(second, fresh=False)
    assert caught.value.code == "run_differs"
    assert folder.claim(second, fresh=True) is False


@pytest.mark.parametrize("content", ["", "{", "3", "[1]"])
def test_a_damaged_manifest_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(DataError, match=r"manifest\.json") as caught:
        RunFolder(tmp_path).manifest()
    assert caught.value.code == "run_damaged"
