from __future__ import annotations

import json
from pathlib import Path

import pytest

from affectrl.recipes.load import check, load_recipe, packaged


def test_recipes_lists_what_comes_with_the_package(affectrl_command) -> None:
    done = affectrl_command("recipes")
    assert done.status == 0
    assert packaged()
    assert [name for name in packaged() if name not in done.out] == []


@pytest.mark.parametrize("name", sorted(packaged()))
def test_dry_run_prints_the_resolved_recipe(affectrl_command, name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = affectrl_command("train", name, "optim.lr=5e-5", "--dry-run")
    assert (done.status, done.err) == (0, "")
    (tmp_path / "again.yaml").write_text(done.out)
    again = load_recipe("again.yaml")
    assert again == load_recipe(name, ["optim.lr=5e-5"])
    assert again.optim.lr == 5e-5
    assert [p.name for p in tmp_path.iterdir()] == ["again.yaml"], "a dry run leaves nothing behind"


def manifest(folder: Path, media: Path, names: list[str]) -> Path:
    rows = [
        {"id": f"{i}", "audio": str(media / name), "labels": ["Happy" if i % 2 else "sad"], "split": "test"}
        for i, name in enumerate(names)
    ]
    file = folder / "set.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_eval_scores_and_keeps_rows(affectrl_command, small_media: Path, tiny_model: Path, tmp_path: Path) -> None:
    data = manifest(tmp_path, small_media, ["talk.wav", "talk.wav", "gone.wav"])
    out = tmp_path / "rows.jsonl"
    done = affectrl_command("eval", tiny_model, "--data", data, "--split", "test", "-o", out)
    assert done.status == 3, "a clip could not be read"
    assert "EW F" in done.out
    assert "1 clips could not be read" in " ".join(done.out.split())
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["labels"] for row in rows] == [["sad"], ["Happy"], ["sad"]]
    assert rows[2]["error"]["code"] == "media_missing"


def test_eval_writes_into_the_run(affectrl_command, small_media: Path, tiny_model: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "model").symlink_to(tiny_model)
    assert affectrl_command("eval", run, "--data", manifest(tmp_path, small_media, ["talk.wav"])).status == 0
    assert (run / "eval" / "set.jsonl").is_file()


def test_check_takes_every_packaged_recipe() -> None:
    assert [check(load_recipe(name).model_dump(), name).name for name in packaged()]
