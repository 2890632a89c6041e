from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from affectrl.errors import ModelError
from affectrl.models import backbone, weights
from affectrl.models.weights import Resolved, Source

NAME = "smollm2-135m-instruct"
HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """An empty Hugging Face cache of our own."""
    from huggingface_hub import constants

    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.delenv("AFFECTRL_WEIGHTS", raising=False)
    return folder


def in_hub(hub: Path, repo: str) -> None:
    """Lay a repository out as huggingface_hub does after a download."""
    place = hub / f"models--{repo.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("c0ffee")
    snapshot = place / "snapshots" / "c0ffee"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")


def folder_at(place: Path) -> Path:
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}")
    return place


def test_package_then_hub_cache_then_folder(hub, tmp_path, monkeypatch):
    found = weights.resolve(NAME)
    assert found.origin == "package"
    assert Path(found.location).suffix == ".gguf"
    in_hub(hub, HUB)
    assert weights.resolve(NAME) == Resolved(NAME, "hub", HUB, weights.known()[NAME])
    folder = folder_at(tmp_path / "mine" / NAME)
    monkeypatch.setenv("AFFECTRL_WEIGHTS", str(tmp_path / "mine"))
    assert weights.resolve(NAME) == Resolved(NAME, "folder", str(folder))
    assert weights.resolve(str(folder)).origin == "folder"


def test_a_hugging_face_id_is_taken_as_one(hub):
    assert weights.resolve("someone/some-model") == Resolved("someone/some-model", "hub", "someone/some-model")


UNKNOWN = ["smollm2-135m", "./no/folder", "/no/folder", "~/nothing", "whisper-tiny"]


@pytest.mark.parametrize("name", [*UNKNOWN, "x" * 5000, "~nobody-of-that-name", "nul\0"])
def test_an_unknown_name_says_what_there_is(hub, name):
    with pytest.raises(ModelError, match=r"whisper-tiny\.en|smollm2-135m-instruct") as caught:
        weights.resolve(name)
    assert caught.value.code == "weights_unknown"


def test_the_nearest_name_is_suggested(hub):
    with pytest.raises(ModelError, match=r"Did you mean 'whisper-tiny\.en'\?"):
        weights.resolve("whisper-tiny-en")


def test_an_absent_package_says_how_to_install_it(hub, monkeypatch):
    row = {**{f: getattr(weights.known()[NAME], f) for f in Source.__slots__}, "package": "no_such_package_here"}
    monkeypatch.setattr(weights, "known", lambda: {NAME: Source(**row)})
    with pytest.raises(ModelError, match="make setup") as caught:
        weights.resolve(NAME)
    assert caught.value.code == "weights_missing"


def test_every_known_file_is_the_pinned_one():
    for name, source in weights.known().items():
        found = weights.resolve(name)
        if found.origin == "package":
            weights.verify(Path(found.location), source.sha256)


def test_one_changed_byte_is_refused_before_anything_is_converted(tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTRL_HOME", str(tmp_path / "home"))
    found = weights.resolve("whisper-tiny.en")
    if found.origin != "package":
        pytest.skip("whisper-tiny.en is not resolved to its package here")
    copy = tmp_path / "model.bin"
    shutil.copyfile(found.location, copy)
    with copy.open("r+b") as file:
        file.seek(os.path.getsize(copy) // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    calls = []
    changed = Resolved(found.name, "package", str(copy), found.source)
    with pytest.raises(ModelError, match=r"is pinned") as caught:
        weights.converted(changed, lambda *paths: calls.append(paths))
    assert caught.value.code == "weights_checksum"
    assert str(copy) in str(caught.value)
    assert calls == []
    assert not list((tmp_path / "home").rglob("config.json"))


def test_conversion_is_made_once_and_not_at_all_when_it_fails(tmp_path, monkeypatch):
    import hashlib

    monkeypatch.setenv("AFFECTRL_HOME", str(tmp_path / "home"))
    file = tmp_path / "w.bin"
    file.write_bytes(b"weights")
    source = Source("a/b", "p", "i", "f", hashlib.sha256(b"weights").hexdigest(), "x", "MIT")
    resolved, calls = Resolved("w", "package", str(file), source), []

    def convert(given: Path, folder: Path) -> None:
        calls.append(given)
        if len(calls) == 1:
            (folder / "config.json").write_text("half")
            raise KeyboardInterrupt
        (folder / "config.json").write_text("{}")

    with pytest.raises(KeyboardInterrupt):
        weights.converted(resolved, convert)
    assert not list((tmp_path / "home").rglob("*.json"))
    folder = weights.converted(resolved, convert)
    assert weights.converted(resolved, convert) == folder
    assert calls == [file, file]
    assert (folder / "config.json").read_text() == "{}"


class Trap:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


@pytest.fixture
def pickled(tiny_backbone, tmp_path) -> tuple[Path, Path]:
    """A whole model folder whose weights are there only as a pickle, and the mark that reading it would leave."""
    import torch

    folder, mark = tmp_path / "pickled", tmp_path / "unpickled"
    shutil.copytree(tiny_backbone, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save({"trap": Trap(mark)}, folder / "pytorch_model.bin")
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert mark.exists(), "the trap works"
    mark.unlink()
    return folder, mark


def test_a_pickled_backbone_is_refused_and_never_unpickled(pickled):
    folder, mark = pickled
    with pytest.raises(ModelError, match="safetensors") as caught:
        backbone.load(str(folder))
    assert str(folder) in str(caught.value)
    assert not mark.exists()


def test_a_pickled_whisper_is_refused_and_never_unpickled(pickled):
    import json

    from affectrl.models.encoders import whisper

    folder, mark = pickled
    (folder / "config.json").write_text(json.dumps({"model_type": "whisper", "d_model": 8, "encoder_layers": 1}))
    with pytest.raises(ModelError, match="safetensors"):
        whisper.build(str(folder))
    assert not mark.exists()


def test_a_backbone_in_a_folder_loads_with_its_turns(tiny_backbone):
    loaded = backbone.load(str(tiny_backbone))
    turns = [{"role": "system", "content": ""}, {"role": "user", "content": "How?"}]
    wanted = loaded.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert f"{loaded.turn_start}How?{loaded.turn_end}" == wanted
    other = backbone.load(str(tiny_backbone), system_prompt=None)
    assert other.turn_start != loaded.turn_start


def broken(source: Path, place: Path, how: str) -> Path:
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, place)
    file = place / "model.safetensors"
    if how == "cut short":
        file.write_bytes(file.read_bytes()[:-1000])
    elif how == "emptied":
        file.write_bytes(b"")
    elif how == "lacks a layer":
        save_file({n: t for n, t in load_file(file).items() if "layers.1." not in n}, file, {"format": "pt"})
    elif how == "of another width":
        config = (place / "config.json").read_text()
        (place / "config.json").write_text(config.replace('"intermediate_size": 96', '"intermediate_size": 80'))
    elif how == "no tokenizer":
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (place / name).unlink()
    elif how == "config is no JSON":
        (place / "config.json").write_text("{")
    elif how == "unknown architecture":
        (place / "config.json").write_text('{"model_type": "nonesuch"}')
    return place


HARMS = ["cut short", "emptied", "lacks a layer", "of another width", "no tokenizer", "config is no JSON"]


@pytest.mark.parametrize("how", [*HARMS, "unknown architecture"])
def test_a_broken_backbone_is_refused(tiny_backbone, tmp_path, how):
    place = broken(tiny_backbone, tmp_path / "broken", how)
    with pytest.raises(ModelError) as caught:
        backbone.load(str(place))
    assert str(place) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_that_is_no_whisper_is_refused(tiny_backbone):
    from affectrl.models.encoders import whisper

    with pytest.raises(ModelError, match="Whisper"):
        whisper.build(str(tiny_backbone))
