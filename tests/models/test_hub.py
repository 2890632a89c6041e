from __future__ import annotations

import importlib
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import errors

import affectrl
from affectrl.errors import ModelError
from affectrl.models import hub

http = importlib.import_module(errors.HTTPError.__module__.partition(".")[0])
"""The HTTP library that the hub's client is built on."""


@pytest.fixture
def api(monkeypatch):
    """The hub's client without the hub: remembers what it was asked, and what a folder held when it was uploaded."""
    asked = []

    class Api:
        def create_repo(self, repo, **options):
            asked.append(("create", repo, options))
            return f"https://huggingface.co/{repo}"

        def upload_folder(self, *, folder_path, repo_id, commit_message):
            files = sorted(str(f.relative_to(folder_path)) for f in Path(folder_path).rglob("*") if f.is_file())
            asked.append(("upload", repo_id, files))

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    return asked


def test_a_folder_becomes_one_commit_of_a_repository(api, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("a")
    assert hub.upload(tmp_path, "lab/model", private=True) == "https://huggingface.co/lab/model"
    assert api == [
        ("create", "lab/model", {"private": True, "exist_ok": True}),
        ("upload", "lab/model", ["sub/a.txt"]),
    ]


def test_what_means_the_hub_and_what_a_place_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    assert hub.repo_of("hub:lab/model") == "lab/model"
    assert hub.repo_of("lab/model") == "lab/model"
    assert [hub.repo_of(name) for name in ("mine/model", "runs/model", "model", "a/b/c", "./model", "/a/b")] == [
        None
    ] * 6
    assert hub.repo_of(Path("lab/model")) is None


def response(status):
    return http.Response(status, request=http.Request("GET", "https://huggingface.co/lab/model"))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.RepositoryNotFoundError("404", response=response(404)), "hub_missing"),
        (errors.GatedRepoError("403", response=response(403)), "hub_refused"),
        (errors.HfHubHTTPError("500 Server Error", response=response(500)), "hub_refused"),
        (errors.LocalEntryNotFoundError("not cached"), "hub_unreachable"),
        (errors.OfflineModeIsEnabled("offline"), "hub_unreachable"),
        (http.ConnectError("no route"), "hub_unreachable"),
        (errors.LocalTokenNotFoundError("no token"), "hub_refused"),
    ],
)
def test_refusals_have_names(monkeypatch, error, code):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(ModelError) as caught:
        hub.fetched("lab/model")
    assert caught.value.code == code
    assert "hub:lab/model" in str(caught.value)


def test_offline_it_says_so_and_no_traceback(monkeypatch, tmp_path, affectrl_command):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError) as caught:
        affectrl.load("some-lab/some-model")
    assert caught.value.code == "hub_unreachable"
    done = affectrl_command("predict", "--text", "Hi.", "--model", "hub:some-lab/some-model")
    assert done.status == 2
    assert "the hub cannot be reached. Go online" in done.err


def test_a_name_that_no_repository_has(monkeypatch):
    with pytest.raises(ModelError) as caught:
        hub.fetched("hub:not a name")
    assert caught.value.code == "hub_missing"


def test_a_model_goes_up_and_comes_back(monkeypatch, api, tiny_model, tmp_path):
    model = affectrl.load(tiny_model)
    with pytest.raises(ModelError) as caught:
        model.push_to_hub("lab/model")
    assert caught.value.code == "backbone_local"
    monkeypatch.setattr("affectrl.models.checkpoint.check_portable", lambda spec: None)
    model.push_to_hub("hub:lab/model")
    assert api[-1] == (
        "upload",
        "lab/model",
        [
            "adapter/adapter_config.json",
            "adapter/adapter_model.safetensors",
            "affectrl.json",
            "fusion.safetensors",
        ],
    )
    model.save_pretrained(tmp_path / "snapshot")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda repo, **options: str(tmp_path / "snapshot"))
    again = affectrl.EmotionModel.from_pretrained("lab/model")
    assert again.predict(text="So good!") == model.predict(text="So good!")
