from __future__ import annotations

import json
import pickle
import tarfile
from pathlib import Path

import pytest

from affectrl import jsonl
from affectrl.data.clip import Clip
from affectrl.data.sandbox.generate import generate
from affectrl.emotions import label_set
from affectrl.errors import AffectError
from affectrl.models.cache import FeatureCache
from affectrl.models.features import FeatureExtractor
from affectrl.recipes.load import check
from affectrl.recipes.schema import Recipe
from affectrl.training.clips import (
    ClipSets,
    clips_of,
    distinct,
    make_sandboxes,
    mapped_clip,
    prepare,
    translation,
)


def words_only(folder: Path, **rows: dict) -> Recipe:
    """A recipe on words alone, one manifest a role with the same id in each."""
    data = {}
    for role, row in rows.items():
        jsonl.write_rows(folder / f"{role}.jsonl", [{"id": "a"} | row])
        data[role] = {"source": str(folder / f"{role}.jsonl")}
    model = {"voice": None, "face": None}
    return check({"name": "words", "data": data, "model": model, "cold_start": {"steps": 0}}, "words")


def test_clips_of_two_manifests_may_share_an_id(tmp_path: Path) -> None:
    rows = {"train": {"text": "So good!", "labels": ["happy"]}, "eval": {"text": "I miss her.", "labels": ["sad"]}}
    recipe = words_only(tmp_path, **rows)
    found = prepare(recipe, FeatureExtractor(recipe.model), tmp_path / "skipped.jsonl").features
    for role, row in rows.items():
        (features,) = found[role]
        assert (features.text, list(features.clip.labels)) == (row["text"], row["labels"])


CHANGES: list[dict] = [
    {"labels": ("happy",)},
    {"text": "Oh."},
    {"start": 1.0},
    {"speaker": "ann"},
    {"extras": {"x": 1}},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_only_equal_clips_are_one(change: dict) -> None:
    one = Clip(id="a", audio=Path("a.wav"), text="Well.", labels=("sad",))
    twin, other, last = one.model_copy(), one.model_copy(update=change), Clip(id="b", text="Well.")
    unique, places = distinct({"cold_start": [one, last], "train": [twin, other], "eval": [last]})
    assert unique == [one, last, other]
    assert places == {"cold_start": [0, 1], "train": [0, 2], "eval": [1]}


def test_every_sandbox_is_made_as_the_recipe_says(small_fields: dict, tmp_path: Path) -> None:
    first, second, third = ({"out": str(tmp_path / name), "n": n} for name, n in (("a", 2), ("b", 3), ("c", 2)))
    words = {"modalities": {"text": 1.0}}
    small_fields["data"]["sandbox"] = first | {"seed": 5}
    small_fields["data"]["more_sandboxes"] = [
        second | words | {"domain": "shifted"},
        third | words | {"open_vocabulary": True, "disagree": 0.5},
    ]
    make_sandboxes(check(small_fields, "small"))
    rows = {name: jsonl.read_rows(tmp_path / name / "manifest.jsonl") for name in "abc"}
    assert {name: len(found) for name, found in rows.items()} == {"a": 2, "b": 3, "c": 2}
    assert {row["group"] for row in rows["b"]} == {"shifted"}
    assert {row["id"][:9] for row in rows["a"]} == {"source-s5"}
    assert all(row["extras"]["label"] for row in rows["c"])


ROWS = [
    {"id": "a", "text": "So good!", "labels": ["joy", "excitement"], "split": "x"},
    {"id": "b", "text": "I miss her.", "labels": ["sadness"], "split": "x"},
    {"id": "c", "text": "Pfft.", "labels": ["contempt", "joy"], "split": "x"},
    {"id": "d", "text": "It is noon.", "split": "x"},
    {"id": "e", "text": "Oh.", "split": "bare"},
]
"""In the words of ``sandbox``: joy and sadness have a place there, excitement and contempt do not."""


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    place = tmp_path / "rows.jsonl"
    jsonl.write_rows(place, ROWS)
    return place


def on_words(rows: Path, **data: dict) -> Recipe:
    """A recipe on words alone; roles are changes of ``rows``, put into the words of ``sandbox``, closed choice."""
    whole = {"source": str(rows), "split": "x", "map_to": "sandbox"}
    fields = {
        "name": "words",
        "data": dict.fromkeys(("train", "eval"), whole) | data,
        "model": {"voice": None, "face": None},
        "answers": {"labels": "sandbox"},
        "cold_start": {"steps": 0},
    }
    return check(fields, "words")


def prepared(recipe: Recipe, folder: Path) -> ClipSets:
    return prepare(recipe, FeatureExtractor(recipe.model), folder / "skipped.jsonl")


def test_labels_are_put_into_the_words_of_another_set(rows: Path, tmp_path: Path) -> None:
    sets = prepared(on_words(rows), tmp_path)
    assert [(f.id, f.clip.labels) for f in sets.features["train"]] == [("a", ("happy",)), ("b", ("sad",))]
    told = sets.about["train"]
    assert (told["n"], told["unmapped"]) == (2, 1)
    assert "without_labels" not in told


def test_an_unlabelled_set_keeps_every_clip_and_forgets_what_does_not_fit(rows: Path, tmp_path: Path) -> None:
    spec = {"source": str(rows), "split": "x", "unlabelled": True}
    mapped = prepared(on_words(rows, train=spec | {"map_to": "sandbox"}), tmp_path)
    labels = {f.id: f.clip.labels for f in mapped.features["train"]}
    assert labels == {"a": ("happy",), "b": ("sad",), "c": (), "d": ()}
    assert (mapped.about["train"]["unmapped"], mapped.about["train"]["without_labels"]) == (1, 2)
    # Without a mapping none of the words is of the choice, which then is no reason to refuse them.
    assert not any(clip.labels for clip in clips_of(on_words(rows, train=spec), "train").clips)


def test_an_unlabelled_choice_does_not_look_at_labels(tmp_path: Path) -> None:
    chosen = []
    for labels in (["happy"] * 30, ["happy"] * 27 + ["sad"] * 3, [None] * 30):
        clips = [{"id": f"{i}", "text": f"{i}."} | ({"labels": [w]} if w else {}) for i, w in enumerate(labels)]
        jsonl.write_rows(tmp_path / "rows.jsonl", clips)
        spec = {"source": str(tmp_path / "rows.jsonl"), "limit": 6, "unlabelled": True}
        chosen.append([clip.id for clip in clips_of(on_words(tmp_path / "rows.jsonl", train=spec), "train").clips])
    assert chosen[0] == chosen[1] == chosen[2]
    assert len(chosen[0]) == 6


def test_seeds_thin_training_clips_and_never_held_out_ones(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    jsonl.write_rows(
        rows, [{"id": f"{i}", "text": f"{i}.", "labels": ["happy", "sad"][i % 2 :][:1]} for i in range(30)]
    )
    spec = {"source": str(rows), "limit": 6}
    roles = {"cold_start": spec, "train": spec, "dev": spec, "eval": spec, "also": {"more": spec}}
    found: dict[str, set[tuple[str, ...]]] = {}
    for seed in range(4):
        recipe = on_words(rows, **roles).model_copy(update={"seed": seed})
        for role in ("cold_start", "train", "dev", "eval", "also/more"):
            found.setdefault(role, set()).add(tuple(clip.id for clip in clips_of(recipe, role).clips))
    assert {role: len(choices) > 1 for role, choices in found.items()} == {
        "cold_start": True,
        "train": True,
        "dev": False,
        "eval": False,
        "also/more": False,
    }


def test_sets_beside_the_evaluation_have_roles_and_fingerprints_of_their_own(rows: Path, tmp_path: Path) -> None:
    bare = {"source": str(rows), "split": "bare"}
    some = {"source": str(rows), "split": "x", "map_to": "sandbox"}
    sets = prepared(on_words(rows, eval=bare, dev=some, also={"other": bare, "far-off": some}), tmp_path)
    ids = {role: [f.id for f in found] for role, found in sets.features.items()}
    two = ["a", "b"]
    assert ids == {"train": two, "dev": two, "eval": ["e"], "also/other": ["e"], "also/far-off": two}
    marks = {role: told["fingerprint"] for role, told in sets.about.items()}
    assert marks["train"] == marks["dev"] == marks["also/far-off"] != marks["eval"] == marks["also/other"]
    assert sets.about["eval"]["without_labels"] == 1


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        ({"train": {"split": "bare"}}, "no_clips", "holds no clip with a label"),
        ({"dev": {"split": "bare"}}, "no_clips", "holds no clip with a label"),
        ({"dev": {"unlabelled": True}}, "recipe_invalid", "data.dev.unlabelled"),
        ({"cold_start": {"unlabelled": True}}, "recipe_invalid", "data.cold_start.unlabelled"),
        ({"eval": {"split": "x"}}, "unknown_labels", "contempt, joy, sadness"),
        ({"also": {"y": {"split": "x"}}}, "unknown_labels", "contempt, joy, sadness"),
        ({"eval": {"map_to": "sandbax"}}, "unknown_name", "sandbox"),
    ],
)
def test_clips_that_a_stage_cannot_use(rows: Path, data: dict, code: str, words: str) -> None:
    (role, fields), *_ = data.items()
    spec = {"source": str(rows)}
    made = {name: spec | f for name, f in fields.items()} if role == "also" else spec | fields
    recipe = on_words(rows, **{role: made})
    (name,) = made if role == "also" else (None,)
    with pytest.raises(AffectError, match=words) as caught:
        clips_of(recipe, f"also/{name}" if name else role)
    assert caught.value.code == code


def test_a_reader_knows_its_label_set_and_a_manifest_takes_the_targets_words() -> None:
    german = translation("emodb:anywhere", "ravdess")
    words = ("anger", "boredom", "disgust", "fear", "happiness", "sadness", "neutral")
    assert [german(word) for word in words] == ["angry", None, "disgust", "fearful", "happy", "sad", "neutral"]
    manifest = translation("some/manifest.jsonl", "emodb")
    assert [manifest(word) for word in ("Angry", "FEAR", "wistful")] == ["anger", "fear", None]
    assert translation("sandbox:box", "sandbox")("joy") == label_set("sandbox").canonical("joy") == "happy"


def test_the_first_label_decides_whether_a_clip_maps() -> None:
    table = {"a": "x", "b": "y", "c": "x"}
    clip = Clip(id="i", text="Well.", labels=("a", "q", "c", "b"))
    assert mapped_clip(clip, table.get).labels == ("x", "y")
    assert mapped_clip(clip.model_copy(update={"labels": ("q", "a")}), table.get).labels == ()
    assert mapped_clip(clip.model_copy(update={"labels": ()}), table.get).labels == ()


def test_worker_processes_give_the_same_features_and_the_same_skips(
    extractor: FeatureExtractor, tmp_path: Path
) -> None:
    """Bit for bit, in the same order, from a cache of its own each; of sandbox clips and a shard of them."""
    folder = tmp_path / "sandbox"
    clips = generate(folder, 6, seed=5, workers=1)
    with tarfile.open(tmp_path / "train-000000.tar", "w") as tar:
        for clip in clips:
            for media in filter(None, (clip.video, clip.audio, clip.image)):
                tar.add(media, f"{clip.id}{media.suffix}")
            (tmp_path / "row.json").write_text(json.dumps({"labels": list(clip.labels), "text": clip.text}))
            tar.add(tmp_path / "row.json", f"{clip.id}.json")
    rows = [{"id": "gone", "audio": "gone.wav", "labels": ["happy"]}, {"id": "said", "text": "Hi.", "labels": ["sad"]}]
    jsonl.write_rows(tmp_path / "more.jsonl", rows)
    data = {
        "train": {"source": str(tmp_path / "*.tar")},
        "eval": {"source": str(folder)},
        "also": {"more": {"source": str(tmp_path / "more.jsonl")}},
    }
    encoders = {name: extractor.encoder(name) for name in ("voice", "face")}
    found, skipped = {}, {}
    for workers in (0, 2):
        fields = {"name": "w", "data": data | {"workers": workers}, "cold_start": {"steps": 0}}
        recipe = check(fields, "w")
        own = FeatureExtractor(recipe.model, FeatureCache(tmp_path / f"cache{workers}"), encoders)
        sets = prepare(recipe, own, tmp_path / f"skipped{workers}.jsonl")
        found[workers] = {
            role: [(f.id, f.text, f.notes, f.streams) for f in ready] for role, ready in sets.features.items()
        }
        skipped[workers] = (tmp_path / f"skipped{workers}.jsonl").read_text()
    assert pickle.dumps(_plain(found[0])) == pickle.dumps(_plain(found[2]))
    assert [len(ready) for ready in found[2].values()] == [6, 6, 1]
    assert skipped[0] == skipped[2] != ""
    # The shard's clips are the folder's, so they have the folder's features.
    for (_, _, _, packed), (_, _, _, loose) in zip(found[2]["train"], found[2]["eval"], strict=True):
        assert {name: rows.tolist() for name, rows in packed.items()} == {
            name: rows.tolist() for name, rows in loose.items()
        }


def _plain(found: dict) -> list:
    return [
        (role, id_, text, notes, sorted((name, rows.numpy().tobytes()) for name, rows in streams.items()))
        for role, ready in found.items()
        for id_, text, notes, streams in ready
    ]
