from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from affectrl.errors import ModelError
from affectrl.models.policy import FusedPolicy
from affectrl.models.task import Task
from affectrl.training import state
from affectrl.training.state import Place

FILES = ("optimizer.safetensors", "fusion.safetensors", "adapter/adapter_model.safetensors", "trainer.json")


def saved(policy: FusedPolicy, folder: Path, steps: int = 2) -> dict:
    """A checkpoint a step, all of them kept; gives the weights and moments after the first of them."""
    parameters = [p for p in policy.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=0.1)
    for step in range(steps):
        for p in parameters:
            p.grad = torch.ones_like(p)
        optimizer.step()
        state.save(folder, Place("sft", step + 1), step + 1, policy, Task("answer-only"), optimizer, keep=steps)
        if step == 0:
            first = {
                "weights": [p.detach().clone() for p in parameters],
                "moments": [optimizer.state[p]["exp_avg"].clone() for p in parameters],
            }
    return first


@pytest.mark.parametrize("harm", ["missing", "cut", "other"])
@pytest.mark.parametrize("name", FILES)
def test_the_newest_whole_checkpoint_is_taken_up(policy, tmp_path, capsys, name: str, harm: str) -> None:
    first = saved(policy, tmp_path)
    file = tmp_path / "step-000002" / name
    if harm == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2] if harm == "cut" else b'{"place": 3}')
    found = state.resume(tmp_path, policy) or pytest.fail("found nothing")
    said = capsys.readouterr().err
    assert found.place == Place("sft", 1)
    # A folder without trainer.json was never a checkpoint: that is no damage to tell of.
    assert (str(file) in said and said.count("\n") == 1) or (name, harm) == ("trainer.json", "missing")
    weights = [p for p in policy.parameters() if p.requires_grad]
    assert all(torch.equal(a, b) for a, b in zip(first["weights"], weights, strict=True))
    assert all(torch.equal(a, found.moments["state"][i]["exp_avg"]) for i, a in enumerate(first["moments"]))


@pytest.mark.parametrize(("place", "total", "past"), [(Place("sft", 3), 3, False), (Place("rl", 2), 10, True)])
def test_a_place_counts_the_steps_of_the_stages_before(place: Place, total: int, past: bool) -> None:
    assert (place.total(8), place.past("sft"), place.past("rl")) == (total, past, False)


def test_without_checkpoints_there_is_nothing_to_take_up(policy, tmp_path) -> None:
    assert state.resume(tmp_path / "none", policy) is None


def test_when_none_is_whole_it_is_an_error(policy, tmp_path) -> None:
    saved(policy, tmp_path)
    for file in tmp_path.glob("*/trainer.json"):
        file.write_text(json.dumps({}))
    with pytest.raises(ModelError, match="--fresh") as caught:
        state.resume(tmp_path, policy)
    assert caught.value.code == "checkpoint_damaged"


def test_going_back_passes_over_what_is_damaged_or_too_young(policy, tmp_path) -> None:
    parameters = {name: p for name, p in policy.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(parameters.values())
    for step in range(1, 5):
        for p in parameters.values():
            p.data.fill_(step)
        average = {"average": {name: torch.full_like(p, step / 2) for name, p in parameters.items()}}
        extras = average if step == 1 else {}
        state.save(tmp_path, Place("rl", step), step, policy, Task("answer-only"), optimizer, 9, extras)
    (tmp_path / "step-000002" / "fusion.safetensors").write_bytes(b"")

    def values() -> set[float]:
        return {float(x) for p in parameters.values() for x in p.detach().unique()}

    assert state.go_back(tmp_path, "sft", 9, policy) is None
    assert state.go_back(tmp_path, "rl", 3, policy) == tmp_path / "step-000003"
    assert values() == {3.0}
    assert state.go_back(tmp_path, "rl", 2, policy) == tmp_path / "step-000001"
    assert values() == {0.5}, "its average"
    assert state.go_back(tmp_path, "rl", 0, policy) is None
