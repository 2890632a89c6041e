"""The RL stage on a tiny policy: best weights, early ends, averages, critics, votes, other sets, restarts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from affectrl import jsonl
from affectrl.errors import AffectError, RecipeError
from affectrl.models import checkpoint
from affectrl.recipes.load import check
from affectrl.training.train import train


def run(fields: dict, tmp_path: Path, **changes) -> Path:
    """Train the small recipe with sections merged into it."""
    merged = dict(fields)
    for section, value in changes.items():
        merged[section] = merged.get(section, {}) | value if isinstance(value, dict) else value
    return train(check(merged, "small"), runs=tmp_path, report=False)


def rows_of(folder: Path, kind: str, stage: str = "rl") -> list[dict]:
    rows = jsonl.read_rows(folder / "metrics.jsonl")
    return [row for row in rows if (row["stage"], row["kind"]) == (stage, kind)]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found = checkpoint.tensors(folder / "adapter" / "adapter_model.safetensors")
    return found | checkpoint.tensors(folder / "fusion.safetensors")


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return set(a) == set(b) and all(torch.equal(a[name], b[name]) for name in a)


def lose_newest_checkpoint(folder: Path) -> None:
    """As if the run had been killed while it wrote it."""
    for file in sorted((folder / "checkpoints").iterdir())[-1].iterdir():
        if file.is_file():
            file.unlink()
    manifest = json.loads((folder / "manifest.json").read_text()) | {"status": "interrupted"}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def fields(small_fields: dict) -> dict:
    small_fields["cold_start"] |= {"steps": 2}
    small_fields["rl"] |= {"steps": 4, "batch_size": 2, "num_generations": 3, "max_completion_length": 4}
    small_fields["eval"] = {"every": 1, "limit": 4}
    small_fields["checkpoints"] = {"every": 1, "keep": 2}
    return small_fields


def test_the_best_look_is_what_the_run_ends_with(fields, tmp_path):
    folder = run(fields, tmp_path, eval={"keep_best": True})
    looks = [row for row in rows_of(folder, "eval") if row.get("look")]
    assert [row["step"] for row in looks] == [0, 1, 2, 3, 4], "the start counts among them, and so does the end"
    best = max(looks, key=lambda row: (row["war"], -row["step"]))
    told = {"step": best["step"], "metric": "war", "value": best["war"]}
    assert json.loads((folder / "best.json").read_text()) == told
    assert same(weights(folder / "best"), weights(folder / "model"))


def test_a_run_that_no_longer_gets_better_ends_and_stays_ended(fields, tmp_path):
    quiet = {"lr": 1e-12, "fusion_lr": 1e-12, "steps": 6, "stop": {"patience": 2}}
    folder = run(fields, tmp_path, rl=quiet)
    assert [row["step"] for row in rows_of(folder, "train")] == [1, 2]
    assert "2 looks without a better war" in json.loads((folder / "manifest.json").read_text())["ended"]
    manifest = json.loads((folder / "manifest.json").read_text()) | {"status": "interrupted"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    run(fields, tmp_path, rl=quiet)
    assert [row["step"] for row in rows_of(folder, "train")] == [1, 2], "it went on after its end"


def test_an_average_is_what_is_evaluated_and_saved(fields, tmp_path):
    plain = run(fields, tmp_path / "plain")
    averaged = run(fields, tmp_path / "averaged", optim={"ema": 0.9})
    start = weights(averaged / "cold-start")
    moved = {name: float((weights(averaged / "model")[name] - start[name]).abs().sum()) for name in start}
    freely = {name: float((weights(plain / "model")[name] - start[name]).abs().sum()) for name in start}
    assert 0 < sum(moved.values()) < sum(freely.values()), "an average lags behind"


@pytest.mark.parametrize("algorithm", ["ppo", "dapo", "merit-ppo"])
def test_other_algorithms_run_and_resume(fields, tmp_path, algorithm):
    changes = {"rl": {"algorithm": algorithm, "stop": {"patience": None}}}
    whole = run(fields, tmp_path / "whole", threads=1, **changes)
    run(fields, tmp_path / "cut", threads=1, **changes)
    lose_newest_checkpoint(tmp_path / "cut" / "small")
    again = run(fields, tmp_path / "cut", threads=1, **changes)
    assert same(weights(whole / "model"), weights(again / "model"))
    told = rows_of(again, "train")
    assert [row["step"] for row in told] == [1, 2, 3, 4]
    assert all(("value_loss" in row) == (algorithm == "ppo") for row in told if row["grad_norm"])
    assert all(("asked_clips" in row) == (algorithm == "dapo") for row in told)


def test_a_kl_term_goes_on_from_the_same_reference(fields, tmp_path):
    changes = {"rl": {"beta": 0.1}}
    whole = run(fields, tmp_path / "whole", threads=1, **changes)
    run(fields, tmp_path / "cut", threads=1, **changes)
    lose_newest_checkpoint(tmp_path / "cut" / "small")
    again = run(fields, tmp_path / "cut", threads=1, **changes)
    assert same(weights(whole / "model"), weights(again / "model"))
    drifts = [row["drift"] for row in rows_of(again, "train") if "drift" in row]
    assert drifts[0] == pytest.approx(0, abs=1e-6)


def test_votes_that_are_all_the_same_end_the_run_at_the_weights_before(fields, tmp_path):
    votes = {
        "reward_funcs": ["majority-vote"],
        "reward_settings": {"majority-vote": {"kernel": "binary"}},
        "stop": {"collapse": 0.01, "window": 2},
        "train": "adapter",
        "steps": 6,
    }
    folder = run(fields, tmp_path, rl=votes)
    ended = json.loads((folder / "manifest.json").read_text())["ended"]
    assert "collapsed" in ended
    assert "back to" in ended
    told = rows_of(folder, "train")
    assert len(told) == 2
    assert {"majority_ratio", "top_vote_share", "vote_accuracy"} <= set(told[0])
    assert jsonl.read_rows(folder / "rollouts.jsonl")[0]["vote"].keys() == {"label", "share"}
    assert same(weights(folder / "model"), weights(folder / "cold-start")), "no checkpoint is old enough: the start"
    cold, after = (checkpoint.tensors(folder / name / "fusion.safetensors") for name in ("cold-start", "model"))
    assert same(cold, after)


def test_a_run_that_starts_from_a_model_leaves_it_as_it_is(fields, tmp_path):
    first = run(fields, tmp_path / "first")
    before = {file: file.read_bytes() for file in (first / "model").rglob("*") if file.is_file()}
    # Hot enough that answers, and with them rewards, differ: where all are alike there is nothing to learn.
    hot = {"temperature": 3.0, "num_generations": 6}
    second = run(fields | {"start": str(first), "cold_start": {"steps": 0}}, tmp_path / "second", rl=hot)
    assert {file: file.read_bytes() for file in (first / "model").rglob("*") if file.is_file()} == before
    assert same(weights(second / "cold-start"), weights(first / "model"))
    assert not same(weights(second / "model"), weights(first / "model"))


def test_further_sets_are_evaluated_beside(fields, tmp_path):
    also = {"also": {"again": fields["data"]["eval"]}, "dev": fields["data"]["eval"]}
    folder = run(fields, tmp_path, data=also)
    for name in ("cold-start", "final"):
        assert jsonl.read_rows(folder / "eval" / f"{name}@again.jsonl") == jsonl.read_rows(
            folder / "eval" / f"{name}.jsonl"
        )
    assert len(rows_of(folder, "eval@again")) == 1


@pytest.mark.parametrize("offload", [False, True])
def test_gradient_checkpointing_learns_the_same(fields, tmp_path, offload):
    # Nearly greedy: at temperature 1 rounding tips draws of this nearly uniform model over to other tokens.
    plain = run(fields, tmp_path / "plain", threads=1, rl={"temperature": 0.01})
    how = {"gradient_checkpointing": True, "offload": offload}
    spared = run(fields, tmp_path / "spared", threads=1, rl={"temperature": 0.01}, **how)
    ours, theirs = weights(spared / "model"), weights(plain / "model")
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-3, atol=1e-4)


def test_a_tracker_that_is_not_installed_is_refused_before_any_work(fields, tmp_path, monkeypatch):
    monkeypatch.setattr("affectrl.training.boards.find_spec", lambda name: None)
    with pytest.raises(RecipeError) as caught:
        run(fields, tmp_path, trackers=["wandb"])
    assert caught.value.code == "tracker_missing"
    assert not (tmp_path / "small").exists()


def test_a_degenerate_vote_is_refused_before_any_work(fields, tmp_path):
    degenerate = {"reward_funcs": ["majority-vote"], "reward_settings": {"majority-vote": {"alpha": 0.0}}}
    with pytest.raises(AffectError, match="alpha"):
        run(fields, tmp_path, rl=degenerate)
    assert not (tmp_path / "small" / "checkpoints").exists()


def test_a_scale_that_was_moved_stays_moved_and_the_projections_stay(fields, tmp_path):
    changes = {"rl": {"restandardize": 5, "beta": 0.1}}  # the reference of a KL term has the old scale
    whole = run(fields, tmp_path / "whole", threads=1, **changes)
    start, end = weights(whole / "cold-start"), weights(whole / "model")
    scales = [name for name in start if name.endswith(("_mean", "_std"))]
    assert scales
    assert not any(torch.equal(start[name], end[name]) for name in scales)
    assert all(torch.equal(start[name], end[name]) for name in start if name.endswith("_basis"))
    alone = run(fields, tmp_path / "alone", threads=1, rl={"restandardize": 5, "steps": 0})
    assert same({name: weights(alone / "model")[name] for name in scales}, {name: end[name] for name in scales})
    assert (alone / "eval" / "final.jsonl").is_file()
    run(fields, tmp_path / "cut", threads=1, **changes)
    lose_newest_checkpoint(tmp_path / "cut" / "small")
    assert same(end, weights(run(fields, tmp_path / "cut", threads=1, **changes) / "model"))
