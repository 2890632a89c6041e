"""What is put into the package is small, loads, and says the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from affectrl.errors import UsageError
from affectrl.models import checkpoint
from affectrl.nano import ship as shipping
from affectrl.nano.face import network


@pytest.fixture
def face(tmp_path: Path) -> Path:
    network(32).save_pretrained(tmp_path / "face")
    return tmp_path / "face"


def test_a_shipped_model_is_smaller_and_loads(tiny_model, face, tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    total = shipping.ship(tiny_model, face, package)
    assert total == shipping.size_of(package / "model", package / "expression")
    adapter = "adapter/adapter_model.safetensors"
    shipped, before = load_file(package / "model" / adapter), load_file(tiny_model / adapter)
    assert {t.dtype for t in shipped.values()} == {torch.float16}
    for name, tensor in before.items():
        torch.testing.assert_close(shipped[name].float(), tensor.float(), rtol=2e-3, atol=1e-3)
    policy, task, _ = checkpoint.load(package / "model")
    assert task == checkpoint.load(tiny_model)[1]
    assert {p.dtype for p in policy.parameters()} == {torch.float32}
    assert "affectrl-nano" in (package / "model/README.md").read_text()


def test_the_shipped_model_names_the_packaged_face_encoder_if_it_knows_no_other(face, tmp_path):
    def folder_with(settings):
        folder = tmp_path / "model"
        folder.mkdir(exist_ok=True)
        card = {"model": {"face": {"encoder": "expression", "settings": settings}}}
        (folder / checkpoint.CARD).write_text(json.dumps(card))
        return folder

    folder = folder_with({"weights_name": str(face)})
    shipping.with_packaged_face(folder, face)
    assert json.loads((folder / checkpoint.CARD).read_text())["model"]["face"]["settings"] == {}
    with pytest.raises(UsageError) as caught:
        shipping.with_packaged_face(folder_with({}), face)
    assert caught.value.code == "another_face"


def test_too_much_is_refused_and_nothing_changes(tiny_model, face, tmp_path, monkeypatch):
    monkeypatch.setattr(shipping, "LIMIT_BYTES", 1000)
    package = tmp_path / "package"
    (package / "model").mkdir(parents=True)
    (package / "model/old").touch()
    with pytest.raises(UsageError) as caught:
        shipping.ship(tiny_model, face, package)
    assert caught.value.code == "model_too_large"
    assert [p.name for p in (package / "model").iterdir()] == ["old"]
    assert not (package / "expression").exists()


def test_a_copy_of_the_tiny_model_is_untouched(tiny_model, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy)
    shipping.halve(copy)
    adapter = "adapter/adapter_model.safetensors"
    assert {t.dtype for t in load_file(copy / adapter).values()} == {torch.float16}
    assert {t.dtype for t in load_file(tiny_model / adapter).values()} == {torch.float32}
