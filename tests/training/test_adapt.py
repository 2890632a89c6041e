"""Adaptation of a model that a tiny language model was taught to be, on words alone."""

from __future__ import annotations

import json
from pathlib import Path

import huggingface_hub
import pytest

from affectrl import jsonl
from affectrl.errors import RecipeError, UsageError
from affectrl.models import checkpoint
from affectrl.recipes.load import check
from affectrl.recipes.schema import DataSpec, Recipe
from affectrl.training.adapt import ADAPTED, HELD_OUT, How, adapt, keep_apart, plan
from affectrl.training.train import train

LABELS = ("happy", "sad", "angry", "neutral")
SAID = {"happy": "So good", "sad": "I miss her", "angry": "Go away", "neutral": "It is noon"}


def manifest(file: Path, endings: str, *, labelled: bool = True) -> Path:
    rows = [
        {"id": f"{label}{i}", "text": f"{words}{mark}", "speaker": f"s{i}"} | ({"labels": [label]} if labelled else {})
        for i, mark in enumerate(endings)
        for label, words in SAID.items()
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("words")
    return {
        "known": manifest(folder / "known.jsonl", "!."),
        "shifted": manifest(folder / "shifted.jsonl", "?;"),
        "bare": manifest(folder / "bare.jsonl", "?;", labelled=False),
        "others": manifest(folder / "others.jsonl", ",-"),
    }


@pytest.fixture(scope="module")
def base(clips: dict[str, Path], tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder: answers most sentences rightly."""
    source = {"source": str(clips["known"])}
    recipe = {
        "name": "taught",
        "threads": 1,
        "data": {"cold_start": source, "train": source, "eval": source},
        "model": {"backbone": str(tiny_backbone), "voice": None, "face": None, "lora": {"r": 8}},
        "answers": {"format": "answer-only", "labels": LABELS},
        "optim": {"lr": 1e-2},
        "cold_start": {"steps": 50, "batch_size": 8, "align": False},
        "rl": {"steps": 0, "max_completion_length": 5},
    }
    return train(check(recipe, "taught"), runs=tmp_path_factory.mktemp("runs"), report=False)


def planned(base: Path, clips: dict[str, Path], on: str, *overrides: str, **how: object) -> Recipe:
    settings = How(votes=4, **how)  # type: ignore[arg-type]
    held_out = DataSpec(source=str(clips["others"]))
    extra = ("rl.batch_size=4", "threads=1", "rl.temperature=0.55", "rl.lr=1e-3", *overrides)
    return plan(base, DataSpec(source=str(clips[on])), held_out=held_out, how=settings, overrides=extra)


def test_the_recipe_is_the_models_and_hides_labels(base: Path, clips: dict[str, Path]) -> None:
    recipe = planned(base, clips, "shifted", train=3, alpha=2.0)
    spec, task = checkpoint.read_card(base / "model")
    assert (recipe.model, recipe.answers.format, recipe.answers.labels) == (spec, task.format, task.labels)
    assert Path(recipe.start or "") == base / "model"
    assert recipe.name == "taught-on-shifted"
    assert (recipe.data.train.unlabelled, recipe.data.eval.unlabelled, recipe.cold_start.steps) == (True, True, 0)
    assert (recipe.rl.train, recipe.rl.num_generations, recipe.rl.train_generations) == ("adapter", 4, 3)
    assert recipe.rl.reward_settings["majority-vote"] == {"kernel": "distance", "alpha": 2.0, "distance": "plutchik"}
    assert recipe.rl.max_completion_length == 5, "as its own recipe had it"
    assert set(recipe.data.also) == {HELD_OUT}


def test_a_model_of_the_hub_lends_its_name(
    base: Path, clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda repo, **_: str(base / "model"))
    recipe = plan("lab/taught-twice", DataSpec(source=str(clips["shifted"])))
    assert recipe.name == "taught-twice-on-shifted"
    assert Path(recipe.start or "") == base / "model"


@pytest.mark.parametrize(
    ("how", "overrides", "steps"),
    [
        ({}, (), 6),  # 3 epochs of 8 clips, 4 a step
        ({"epochs": 5}, (), 10),
        ({"stream": True}, (), 2),
        ({}, ("rl.batch_size=5",), 5),  # 24 clips, the last step begins another epoch
        ({}, ("rl.steps=3",), 3),
        ({}, ("data.train.limit=4",), 3),
    ],
)
def test_steps_are_those_of_the_epochs(
    base: Path, clips: dict[str, Path], how: dict[str, object], overrides: tuple[str, ...], steps: int
) -> None:
    recipe = planned(base, clips, "shifted", *overrides, **how)
    assert recipe.rl.steps == steps
    assert recipe.rl.order == ("stream" if how.get("stream") else "shuffled")


def test_a_binary_kernel_has_no_alpha(base: Path, clips: dict[str, Path]) -> None:
    settings = planned(base, clips, "bare", kernel="binary").rl.reward_settings["majority-vote"]
    assert settings == {"kernel": "binary", "distance": "plutchik"}


@pytest.mark.parametrize("how", [{"alpha": 0.0}, {"distance": "mikels"}])
def test_a_reward_that_teaches_nothing_is_refused_at_once(
    base: Path, clips: dict[str, Path], how: dict[str, object]
) -> None:
    with pytest.raises(RecipeError, match="majority-vote"):
        planned(base, clips, "bare", **how)


def test_an_open_vocabulary_is_paid_by_agreement(tiny_model: Path, clips: dict[str, Path]) -> None:
    recipe = plan(tiny_model, DataSpec(source=str(clips["bare"])), overrides=["name=open"])
    assert recipe.answers.labels is None
    assert recipe.rl.reward_settings["majority-vote"]["kernel"] == "binary"
    assert recipe.eval.every == recipe.rl.steps, "without labels there is nothing to look at on the way"
    with pytest.raises(RecipeError, match="closed choice"):
        plan(tiny_model, DataSpec(source=str(clips["bare"])), how=How(kernel="distance"))


def test_a_stream_has_no_epochs() -> None:
    with pytest.raises(UsageError, match="stream"):
        _ = How(stream=True, epochs=2).rounds


@pytest.mark.parametrize("override", ["data.train.unlabelled=false", "eval.keep_best=true", "rl.stop.patience=2"])
def test_labels_may_not_choose_the_weights(base: Path, clips: dict[str, Path], override: str) -> None:
    with pytest.raises(RecipeError, match=override.partition("=")[0]):
        planned(base, clips, "shifted", override)


def test_other_clips_may_choose_the_weights(base: Path, clips: dict[str, Path]) -> None:
    dev = f"data.dev.source={clips['known']}"
    assert planned(base, clips, "shifted", "eval.keep_best=true", dev).eval.keep_best


def test_a_wrong_override_names_its_field_and_no_file_of_ours(base: Path, clips: dict[str, Path]) -> None:
    with pytest.raises(RecipeError, match=r"^rl\.batch_sise: there is no such field") as caught:
        planned(base, clips, "shifted", "rl.batch_sise=3")
    assert caught.value.path is None


@pytest.mark.parametrize("run", ["", "inner", "../model", ".."])
def test_the_model_is_never_written_over(tmp_path: Path, run: str) -> None:
    model = tmp_path / "taught" / "model"
    model.mkdir(parents=True)
    with pytest.raises(UsageError) as caught:
        keep_apart(model, model / run)
    assert caught.value.code == "base_overwritten"


def test_a_link_does_not_hide_the_model(tmp_path: Path) -> None:
    (tmp_path / "taught").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "taught")
    with pytest.raises(UsageError):
        keep_apart(tmp_path / "taught", tmp_path / "link")
    keep_apart(tmp_path / "taught", tmp_path / "taught-on-others")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.fixture(scope="module")
def adapted(base: Path, clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory):
    before = contents(base)
    outcome = adapt(planned(base, clips, "shifted", train=3), runs=tmp_path_factory.mktemp("adapted"), report=False)
    return outcome, before


def test_the_base_is_as_it_was_and_only_the_adapter_has_moved(base: Path, adapted) -> None:
    outcome, before = adapted
    assert contents(base) == before
    old, new = contents(base / "model"), contents(outcome.folder / "model")
    changed = {name for name in old if old[name] != new[name]}
    assert changed == {"adapter/adapter_model.safetensors"}


def test_adapted_and_held_out_clips_are_kept_apart(adapted, clips: dict[str, Path]) -> None:
    outcome, _ = adapted
    assert set(outcome.rows) == set(outcome.labelled()) == {ADAPTED, HELD_OUT}
    for name, source in ((ADAPTED, "shifted"), (HELD_OUT, "others")):
        for rows in outcome.rows[name]:
            assert [row["input_text"] for row in rows] == [row["text"] for row in jsonl.read_rows(clips[source])]
        before, after = outcome.rows[name]
        changed, total = outcome.changed(name)
        assert total == 8
        assert changed == sum(a["top"] != b["top"] for a, b in zip(before, after, strict=True))
        right = [sum(row["top"] == row["labels"][0] for row in rows) / 8 for rows in (before, after)]
        score, gain, p_value = outcome.gain(name)
        assert score == "accuracy"
        assert gain.value == pytest.approx(right[1] - right[0])
        assert gain.low <= gain.value <= gain.high
        assert p_value is not None
        assert 0 < p_value <= 1


def test_rewards_see_no_labels_and_votes_are_judged_by_them(adapted) -> None:
    outcome, _ = adapted
    rows = jsonl.read_rows(outcome.folder / "rollouts.jsonl")
    assert len(outcome.votes) == 6
    assert len(rows) == 24
    assert all(len(row["completions"]) == 3 for row in rows), "three of four are trained on"
    course = outcome.course()
    assert set(course) == {
        "majority_ratio", "top_vote_share", "vote_accuracy", "answer_accuracy", "reward_accuracy", "drift",
    }  # fmt: skip
    assert course["drift"][0] >= 0
    for step in outcome.votes:
        mine = [row for row in rows if row["step"] == step["step"]]
        right = [row["vote"]["label"] in row["labels"] for row in mine]
        assert step["vote_accuracy"] == pytest.approx(sum(right) / len(right))


def test_clips_without_labels_are_adapted_to_in_the_same_way(
    base: Path, clips: dict[str, Path], adapted, tmp_path: Path
):
    labelled, _ = adapted
    bare = adapt(planned(base, clips, "bare", "name=taught-on-shifted", train=3), runs=tmp_path, report=True)
    assert set(bare.labelled()) == {HELD_OUT}
    assert bare.changed(ADAPTED) == labelled.changed(ADAPTED)
    assert set(bare.course()) == {"majority_ratio", "top_vote_share", "drift"}
    assert (bare.folder / "report.html").is_file()
    weights = "model/adapter/adapter_model.safetensors"
    assert (bare.folder / weights).read_bytes() == (labelled.folder / weights).read_bytes(), "labels changed something"


def test_doing_it_again_does_nothing(base: Path, clips: dict[str, Path], adapted) -> None:
    outcome, _ = adapted
    before = contents(outcome.folder)
    again = adapt(planned(base, clips, "shifted", train=3), runs=outcome.folder.parent, report=False)
    assert contents(outcome.folder) == before
    assert again == outcome


def test_a_collapse_ends_it_and_goes_back(base: Path, clips: dict[str, Path], tmp_path: Path) -> None:
    recipe = planned(base, clips, "bare", "rl.stop.collapse=0.01", "rl.stop.window=2", "rl.lr=0.01")
    outcome = adapt(recipe, runs=tmp_path, report=False)
    assert outcome.ended is not None
    assert "collapsed" in outcome.ended
    assert len(outcome.votes) == 2
    weights = "adapter/adapter_model.safetensors"
    assert (outcome.folder / "model" / weights).read_bytes() == (base / "model" / weights).read_bytes()


def test_a_stream_meets_every_clip_once_in_order(base: Path, clips: dict[str, Path], tmp_path: Path) -> None:
    recipe = planned(base, clips, "bare", "rl.batch_size=3", stream=True)
    outcome = adapt(recipe, runs=tmp_path, report=False)
    met = [row["id"] for row in jsonl.read_rows(outcome.folder / "rollouts.jsonl")]
    assert met == [row["id"] for row in jsonl.read_rows(clips["bare"])]
