from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from affectrl import shelves
from affectrl.errors import RecipeError
from affectrl.recipes.load import dump, find, load_recipe, packaged
from affectrl.recipes.schema import ModelSpec, Recipe
from affectrl.recipes.streams import FaceStream
from affectrl.rl.algorithm import resolve

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = sorted((ROOT / "recipes").glob("*.yaml"))

SMALL = """
name: small
data:
  cold_start: {source: a.jsonl}
  train: {source: a.jsonl, split: train}
  eval: {source: b.jsonl}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return _written(tmp_path, SMALL)


def _written(folder: Path, text: str, name: str = "small.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_there_are_packaged_recipes():
    assert packaged()


@pytest.mark.parametrize("name", [*packaged(), *map(str, WRITTEN)])
def test_every_recipe_loads_and_names_parts_that_exist(name):
    recipe = load_recipe(name)
    assert recipe.answers.format in shelves.names("affectrl.answers.formats")
    assert set(recipe.rl.reward_funcs) <= set(shelves.names("affectrl.rewards"))
    assert recipe.rl.judge.kind in shelves.names("affectrl.judges")
    assert recipe.rl.sampler in shelves.names("affectrl.rl.samplers")
    resolve(recipe.rl)
    for stream in (recipe.model.voice, recipe.model.face):
        if stream is not None:
            assert stream.encoder in shelves.names("affectrl.models.encoders")
            assert stream.fusion in shelves.names("affectrl.models.fusion")


SEEDS = (
    "sft",
    "r1-omni",
    "merit-ppo",
    "merit-grpo",
    "affectgpt-r1-think",
    "affectgpt-r1-answer",
    "emo-r3",
    "emo-r3-cold-start",
    "dapo",
)


@pytest.mark.parametrize("name", SEEDS)
def test_paper_scale_is_a_set_of_overrides(name):
    plain = load_recipe(name)
    assert plain.about
    assert plain.paper_scale
    overrides = [f"{key}={yaml.safe_dump(value, default_flow_style=True)}" for key, value in plain.paper_scale.items()]
    large = load_recipe(name, [text.removesuffix("\n").removesuffix("\n...") for text in overrides])
    for key, value in plain.paper_scale.items():
        at = large.model_dump()
        for part in key.split("."):
            at = at[part]
        assert at == value
    resolve(large.rl)


@pytest.mark.parametrize("name", SEEDS)
def test_sources_of_a_paper_s_recipe_are_made_by_it(name):
    data = load_recipe(name).data
    made = {box.out for box in (data.sandbox, *data.more_sandboxes) if box is not None}
    specs = [data.cold_start, data.train, data.dev, data.eval, *data.also.values()]
    assert {spec.source for spec in specs if spec is not None} == made


def test_recipes_that_share_a_sandbox_folder_make_the_same_clips_in_it():
    boxes = {}
    for name in packaged():
        data = load_recipe(name).data
        for box in (data.sandbox, *data.more_sandboxes):
            if box is not None:
                assert boxes.setdefault(box.out, box) == box
    assert len(boxes) > 3


def test_pictures_alone_reach_the_recipes_of_emo_r3():
    for name in ("emo-r3", "emo-r3-cold-start", "dapo", "fer2013-emo-r3"):
        recipe = load_recipe(name)
        assert list(recipe.model.streams) == ["face"]
        assert not recipe.model.words


def test_test_time_recipes_see_no_label_of_what_they_adapt_to():
    for name in ("merit-ppo", "merit-grpo", "ravdess-merit", "ravdess-merit-noisy"):
        recipe = load_recipe(name)
        assert recipe.data.train.unlabelled
        assert recipe.data.cold_start.source != recipe.data.train.source
        assert recipe.rl.train == "adapter"
        assert recipe.rl.num_generations == 5
        held_out = recipe.data.also["held-out"]
        assert (held_out.split, held_out.speakers) != (recipe.data.train.split, recipe.data.train.speakers)


@pytest.mark.parametrize("name", list(packaged()))
def test_dump_then_load_is_the_identity(name, tmp_path):
    recipe = load_recipe(name, ["rl.lr=1e-5", "data.train.speakers=[1-5, 07]", "about='50 % \"ß\": #1'"])
    again = load_recipe(str(_written(tmp_path, dump(recipe))))
    assert again == recipe
    assert dump(again) == dump(recipe)


def test_dump_writes_every_default_out(small):
    fields = yaml.safe_load(dump(load_recipe(str(small))))
    assert set(fields) == set(Recipe.model_fields)
    assert fields["rl"]["num_generations"] == 6
    assert fields["model"]["voice"]["encoder"] == "whisper"


def test_a_name_a_name_with_folder_and_a_path_mean_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, path = next(iter(packaged().items()))
    assert find(name) == find(f"recipes/{name}.yaml") == find(str(path)) == path


def test_a_file_without_name_is_called_after_itself(tmp_path):
    path = _written(tmp_path, SMALL.replace("name: small\n", ""), "voices-2.yaml")
    assert load_recipe(str(path)).name == "voices-2"


def test_overrides_reach_every_depth_and_keep_their_types(small):
    recipe = load_recipe(
        str(small),
        [
            "rl.steps=7",
            "model.face=null",
            "data.train.speakers=[1-5, '9']",
            "optim.lr=3e-4",
            "model.voice.settings.rate_hz=5",
        ],
    )
    assert recipe.rl.steps == 7
    assert recipe.model.face is None
    assert recipe.data.train.speakers == ("1-5", "9")
    assert recipe.data.train.split == "train"
    assert recipe.optim.lr == pytest.approx(3e-4)
    assert recipe.model.voice is not None
    assert recipe.model.voice.settings == {"rate_hz": 5}


def test_interpolation_resolves(tmp_path):
    text = SMALL.replace("eval: {source: b.jsonl}", "eval: {source: '${data.train.source}'}")
    assert load_recipe(str(_written(tmp_path, text))).data.eval.source == "a.jsonl"


def test_recipes_are_frozen(small):
    recipe = load_recipe(str(small))
    with pytest.raises(ValueError, match="frozen"):
        recipe.rl.steps = 3  # type: ignore[misc]


WRONG_FIELDS = [
    (["rl.stepz=3"], ["rl.stepz", "Did you mean 'steps'?"]),
    (["model.voice.tokns=3"], ["model.voice.tokns", "Did you mean 'tokens'?"]),
    (["modell.voice.tokens=3"], ["modell", "Did you mean 'model'?"]),
    (["data.train.zzz=3"], ["data.train.zzz", "Known: ", "source"]),
    (["rl.num_generations=1"], ["rl.num_generations", "greater than or equal to 2", "got 1"]),
    (["rl.steps=many"], ["rl.steps", "integer", "'many'"]),
    (["rl.epsilon=0"], ["rl.epsilon", "greater than 0"]),
    (["rl.scale_rewards=spread"], ["rl.scale_rewards", "'group'", "'spread'"]),
    (["data.sandbox.modalitys={}", "data.sandbox.out=box"], ["data.sandbox.modalitys", "Did you mean 'modalities'?"]),
    (["data.sandbox={out: box, modalities: {image: 2}}"], ["data.sandbox.modalities.image", "less than or equal to 1"]),
    (["data.also={Far: {source: c}}"], ["data.also.Far", "pattern"]),
    (["rl.reward_weights=[1]"], ["rl", "1 reward_weights for 2 reward_funcs"]),
    (["rl.reward_funcs=[]"], ["rl.reward_funcs", "at least 1"]),
    (["name=../escape"], ["name", "pattern"]),
    (
        ["model.voice=null", "model.face=null", "model.words=false"],
        ["model", "at least one of voice, face, frame, motion, words"],
    ),
    (["data.cold_start=null"], ["data.cold_start names no clips"]),
    (["cold_start.steps=0", "rl.steps=0"], ["nothing to do"]),
    (["data.train.speakers=3"], ["data.train.speakers", "got 3"]),
    (["data=3"], ["data", "got 3"]),
    (["rl.steps=x", "rl.temperature=-1"], ["rl.steps", "rl.temperature"]),
]


@pytest.mark.parametrize(("overrides", "words"), WRONG_FIELDS, ids=[str(row[0][0]) for row in WRONG_FIELDS])
def test_a_wrong_field_is_named_with_its_remedy(small, overrides, words):
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(small), overrides)
    message = str(caught.value)
    assert str(small) in message
    assert [word for word in words if word not in message] == []
    assert "\n" not in message


BAD_FILES = {
    "tab": "data:\n\ttrain: x",
    "unclosed": "data: {train: [",
    "duplicate": "name: a\nname: b",
    "list": "- a\n- b",
    "word": "hello",
    "empty": "",
    "missing-interpolation": "name: ${nowhere.at.all}",
    "binary": b"\xff\xfe\x00\x01",
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_that_is_no_recipe(tmp_path, kind):
    path = tmp_path / "bad.yaml"
    content = BAD_FILES[kind]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("override", ["rl.steps", "=3", "rl.steps=[1,", "data.train.source=${x"])
def test_a_bad_override(small, override):
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(small), ["rl.batch_size=3", override])
    assert caught.value.code == "recipe_override"
    assert repr(override) in str(caught.value)
    assert str(small) not in str(caught.value)


def test_speakers_may_be_numbers(small):
    recipe = load_recipe(str(small), ["data.train.speakers=[7, '08', 1-5]"])
    assert recipe.data.train.speakers == ("7", "08", "1-5")
    with pytest.raises(RecipeError, match="speakers"):
        load_recipe(str(small), ["data.train.speakers=[true]"])


def test_an_unknown_recipe_names_the_nearest():
    name = next(iter(packaged()))
    with pytest.raises(RecipeError, match=name) as caught:
        find(name[:-1])
    assert caught.value.code == "recipe_missing"


@pytest.mark.parametrize("name", ["", ".", "/", "recipes", "no/such/recipe.yaml", "x" * 5000, "nul\0"])
def test_names_that_lead_nowhere(name):
    with pytest.raises(RecipeError, match="there is no recipe"):
        find(name)


def test_the_streams_of_a_model_are_those_that_are_on():
    assert list(ModelSpec().streams) == ["voice", "face"]
    spec = ModelSpec(voice=None, face=FaceStream(tokens=7))
    assert spec.streams == {"face": spec.face}
    assert ModelSpec(voice=None, face=None).streams == {}


@pytest.mark.parametrize(
    ("stream", "key", "meant"), [("voice", "max_second", "max_seconds"), ("face", "fusin", "fusion")]
)
def test_a_wrong_key_of_a_stream_is_told_with_the_nearest(small, stream, key, meant):
    with pytest.raises(RecipeError, match=rf"model\.{stream}\.{key}: there is no such field. Did you mean '{meant}'"):
        load_recipe(str(small), [f"model.{stream}.{key}=1"])
