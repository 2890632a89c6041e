from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest

import affectrl
from affectrl.errors import ModelError, UsageError
from affectrl.inference import calibration
from affectrl.metrics.scaling import Scaling
from affectrl.sharing.share import share


def files(folder: Path) -> set[str]:
    return {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()}


def test_a_folder_with_model_and_card(affectrl_command, run, tmp_path, taught):
    done = affectrl_command("share", run, "--to", tmp_path / "given")
    assert done.status == 0, done.err
    assert files(tmp_path / "given") == {
        "README.md",
        "affectrl.json",
        "fusion.safetensors",
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
    }
    assert "# given" in (tmp_path / "given" / "README.md").read_text()
    assert affectrl.load(tmp_path / "given").predict(text="So good!")[0].emotions == (taught["So good!"],)
    again = affectrl_command("share", run, "--to", tmp_path / "given", "--merge")
    assert again.status == 0, again.err
    assert "config.json" in files(tmp_path / "given")
    assert "adapter/adapter_config.json" not in files(tmp_path / "given")
    assert affectrl.load(tmp_path / "given").predict(text="So good!")[0].emotions == (taught["So good!"],)


def test_uploaded_merged_since_nobody_else_has_the_backbone(run, monkeypatch):
    sent = {}

    class Api:
        def create_repo(self, repo, **options):
            return f"https://huggingface.co/{repo}"

        def upload_folder(self, *, folder_path, repo_id, commit_message):
            sent[repo_id] = files(Path(folder_path))

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    with pytest.raises(ModelError) as caught:
        share(run, "hub:lab/model")
    assert caught.value.code == "backbone_local"
    assert not sent
    assert share(run, "hub:lab/model", merge=True) == "https://huggingface.co/lab/model"
    assert {"README.md", "config.json", "model.safetensors", "affectrl.json", "tokenizer.json"} <= sent["lab/model"]


@pytest.mark.parametrize("merge", [False, True])
def test_a_calibration_goes_along(run, tmp_path, merge):
    scaling = Scaling("temperature", (0.5, 0.5), (0.0, 0.0))
    calibration.write(run / "model", calibration.Calibration(scaling, ("happy", "sad")), {"clips": 7})
    share(run, str(tmp_path / "given"), merge=merge)
    assert '"clips": 7' in (tmp_path / "given" / "calibration.json").read_text()
    rows = [
        affectrl.load(place).predict(text="So good!", labels=["happy", "sad"])[0] for place in (run, tmp_path / "given")
    ]
    assert rows[1].calibration == "temperature"
    assert rows[1].scores == pytest.approx(rows[0].scores, abs=1e-4)


def test_what_does_not_load_is_not_shared(run, tmp_path):
    file = run / "model" / "fusion.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(ModelError):
        share(run, str(tmp_path / "given"))
    assert not (tmp_path / "given").exists()


def test_other_folders_are_left_alone(run, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("All of it.")
    with pytest.raises(UsageError, match="holds something that is no model"):
        share(run, str(tmp_path / "mine"))
    with pytest.raises(UsageError, match="is the model itself"):
        share(run, str(run / "model"))
    assert files(tmp_path / "mine") == {"thesis.txt"}


def test_the_card_alone(affectrl_command, run, tmp_path):
    done = affectrl_command("card", run)
    assert done.status == 0
    assert done.out.startswith("---\n")
    assert affectrl_command("card", run, "-o", tmp_path / "card.md").status == 0
    assert (tmp_path / "card.md").read_text() == done.out
    assert affectrl_command("card", tmp_path / "nothing").status == 2
