"""Two processes over gloo learn what one learns from the same answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import one_process
import pytest
import torch

from affectrl.rl import processes

SHARING = Path(one_process.__file__)
H, S, T, V = "happy", "sad", "very tired of it", "happy, sad"
FOUR = [[H, S, T], [S, S, H], [H, T, V], [T, H, H]]
THREE = [[H, S, T, H], [S, S, H, V], [H, H, T, S]]
FLAT = [[H] * 4] * 3
REWARDS = {"reward_funcs": ["majority-vote", "accuracy", "format"], "reward_weights": [1.0, 0.7, 0.3]}


def rl(answers: list[list[list[str]]], *more: list[list[str]], **fields: Any) -> dict[str, Any]:
    shape = {"batch_size": len(answers), "num_generations": len(answers[0]), "max_completion_length": 8}
    return {"rl": shape | REWARDS | fields, "answers": [answers, *more]}


TASKS: dict[str, dict[str, Any]] = {
    "clips": rl(FOUR, beta=0.1),
    "groups": rl(THREE, temperature=0.8),
    "batch, token": rl(THREE, scale_rewards="batch", loss_type="token", train_generations=3),
    "constant": rl(THREE, algorithm="dr-grpo"),
    "two updates": rl(FOUR, num_iterations=2, epsilon=0.01),
    "critic": rl(FOUR, algorithm="ppo"),
    "critic, groups": rl(THREE, algorithm="ppo"),
    "dynamic": rl(
        [[H] * 4, THREE[1], THREE[2]],
        [THREE[0], [S] * 4, THREE[2]],
        algorithm="dapo",
        reward_funcs=["majority-vote"],
        reward_weights=[1.0],
    ),
    "nothing to learn": rl(FLAT, reward_funcs=["format"], reward_weights=[1.0]),
    "sft": {"sft": 3},
    "sft of one": {"sft": 1},
}
OTHERS: dict[str, dict[str, Any]] = {
    "sampled": {"rl": {"batch_size": 3, "num_generations": 4, "max_completion_length": 5} | REWARDS},
    "odd": {"rl": {"batch_size": 3, "num_generations": 3, "max_completion_length": 5}},
}


@pytest.fixture(scope="module")
def found(_mould, make_clips, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each process finds: ``one``, and ``0`` and ``1`` of two."""
    folder = tmp_path_factory.mktemp("sharing")
    torch.save((_mould, make_clips, TASKS | OTHERS), folder / "given.pt")
    running = [subprocess.Popen([sys.executable, SHARING, who, "2", str(folder)]) for who in "01"]
    try:
        with torch.random.fork_rng():
            one_process.main(0, 1, folder)
        assert [process.wait(timeout=200) for process in running] == [0, 0]
    finally:
        for process in running:
            process.kill()
    files = {"one": "found-0-of-1.pt", "0": "found-0-of-2.pt", "1": "found-1-of-2.pt"}
    return {who: torch.load(folder / file, weights_only=False) for who, file in files.items()}


@pytest.fixture(scope="module")
def make_clips(extractor):
    from affectrl.data.clip import Clip
    from affectrl.models.features import ClipFeatures

    def make(i: int) -> ClipFeatures:
        random = torch.Generator().manual_seed(i)
        streams = {
            name: torch.randn(rows, extractor.encoder(name).dim, generator=random).half()
            for name, rows in (("voice", 6 + i), ("face", 4))
        }
        about = Clip(id=f"clip{i}", text="Hm.", labels=("sad",) if i % 3 else ("happy",))
        return ClipFeatures(about, streams, "Hm." if i % 2 else None)

    return [make(i) for i in range(8)]


@pytest.mark.parametrize("name", TASKS)
def test_two_processes_learn_what_one_learns(name: str, found: dict[str, dict[str, Any]]) -> None:
    one = found["one"][name]
    largest = max(float(gradient.abs().max()) for gradient in one["moved"].values())
    assert (largest > 0) == (name != "nothing to learn")
    for who in "01":
        two = found[who][name]
        assert two["moved"].keys() == one["moved"].keys()
        for weight, gradient in one["moved"].items():
            torch.testing.assert_close(two["moved"][weight], gradient, atol=1e-5 * largest, rtol=1e-5, msg=weight)
        assert two["told"] == pytest.approx(one["told"], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", [name for name in TASKS if "sft" not in name])
def test_both_hold_the_whole_rollout(name: str, found: dict[str, dict[str, Any]]) -> None:
    one = found["one"][name]
    for who in "01":
        two = found[who][name]
        assert two["rows"] == one["rows"]
        assert two["missing"] == one["missing"]
        assert two["asked"] == one["asked"]
        torch.testing.assert_close(two["logprobs"], one["logprobs"], atol=1e-5, rtol=1e-5)


def test_given_tasks_are_not_trivial(found: dict[str, dict[str, Any]]) -> None:
    one = found["one"]
    assert one["dynamic"]["asked"] == 6
    assert [row["id"] for row in one["dynamic"]["rows"]] == ["clip1", "clip2", "clip3"]
    assert len(one["batch, token"]["rows"][0]["completions"]) == 3
    assert one["clips"]["told"]["drift"] > 0
    assert one["critic"]["told"]["value_loss"] > 0


def test_each_samples_answers_of_its_own(found: dict[str, dict[str, Any]]) -> None:
    first, second = found["0"]["sampled"], found["1"]["sampled"]
    assert first["rows"] == second["rows"]
    for row in first["rows"]:
        texts = [completion["text"] for completion in row["completions"]]
        assert texts[:2] != texts[2:]
    for weight, gradient in first["moved"].items():
        assert torch.equal(gradient, second["moved"][weight])


def test_what_cannot_be_shared_out_is_refused(found: dict[str, dict[str, Any]]) -> None:
    assert isinstance(found["one"]["odd"], dict)
    for who in "01":
        assert found[who]["odd"].startswith("recipe_invalid: rl: 3 clips of 3 completions cannot be shared out")


def test_small_helpers(found: dict[str, dict[str, Any]]) -> None:
    assert [found[who]["any"] for who in ("one", "0", "1")] == [False, True, True]
    assert [found[who]["in turn"] for who in ("one", "0", "1")] == ["made", "made", "found"]


def test_alone_nothing_is_done() -> None:
    weight = torch.ones(2, requires_grad=True)
    state = torch.random.get_rng_state()
    processes.begin()
    processes.sum_gradients([weight])
    processes.same([weight])
    processes.own_randomness()
    assert weight.grad is None
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (processes.rank(), processes.world(), processes.several()) == (0, 1, False)
    assert processes.mine("abc") == ["a", "b", "c"]
    assert processes.share(3, 5) == processes.Share(range(3), 5, 3, list(range(15)))
