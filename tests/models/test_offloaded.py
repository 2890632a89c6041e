"""Layers that visit: what is away while nothing computes, and that results are those of a policy that has all at hand.

There is no accelerator here: layers visit the CPU from a copy on the CPU, through the same hooks.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator

from affectrl.errors import RecipeError
from affectrl.models import checkpoint
from affectrl.models.decoding import pack, token_logprobs
from affectrl.models.features import ClipFeatures
from affectrl.models.offloaded import offload
from affectrl.models.policy import FusedPolicy
from affectrl.models.task import Task
from affectrl.recipes.learning import Rl
from affectrl.recipes.load import check
from affectrl.rl import engine as engines
from affectrl.rl.rollout import collect
from affectrl.rl.steps import Learner, rl_step, sft_step

CPU = torch.device("cpu")
TASK = Task("answer-only", ("happy", "sad"))


@pytest.fixture
def clips(make_features: Callable[..., ClipFeatures]) -> list[ClipFeatures]:
    return [make_features(i, text=text) for i, text in enumerate(("Well.", None, "No, never!"))]


@pytest.fixture
def pair(policy: FusedPolicy) -> tuple[FusedPolicy, FusedPolicy]:
    """One with all at hand, and the same one with visitors; both recompute their layers."""
    away = copy.deepcopy(policy)
    policy.recompute_layers()
    offload(away, CPU)
    return policy, away


def away(policy: FusedPolicy) -> set[str]:
    return {name for name, weight in policy.named_parameters() if weight.is_meta}


def frozen_layers(policy: FusedPolicy) -> set[str]:
    return {name for name, p in policy.named_parameters() if ".layers." in name and "lora_" not in name}


def test_frozen_layers_are_away_and_gradients_the_same(
    pair: tuple[FusedPolicy, FusedPolicy], clips: list[ClipFeatures], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, keep = pack([[5, 90, 31, 7], [12, 40]] * len(clips), 0)
    told, most = [], 0

    def count(*given: torch.Tensor) -> torch.Tensor:
        nonlocal most
        most = max(most, len(frozen_layers(pair[1]) - away(pair[1])))
        return linear(*given)

    linear = torch.nn.functional.linear
    for policy in pair:
        policy.train()
        prefix = policy.prefix(clips, TASK.question, TASK.opening)
        if policy is pair[1]:
            monkeypatch.setattr(torch.nn.functional, "linear", count)
        found, _ = token_logprobs(policy, prefix, ids, keep, group=2)
        learns = [p for p in policy.parameters() if p.requires_grad]
        told.append((found.detach(), torch.autograd.grad(found[keep].square().sum(), learns, allow_unused=True)))
    (ours, mine), (theirs, their) = told
    assert torch.equal(ours, theirs)
    assert sum(float(grad.abs().sum()) for grad in mine if grad is not None) > 0
    for a, b in zip(mine, their, strict=True):
        assert (a is None) == (b is None)
        assert a is None or torch.equal(a, b)
    assert away(pair[0]) == set()
    assert away(pair[1]) == frozen_layers(pair[1]), "after the backward pass too"
    assert len(frozen_layers(pair[1])) == 2 * 9  # seven linear maps and two norms a layer
    assert most == 1, "no two at a time"


def test_it_learns_the_same_and_is_saved(
    pair: tuple[FusedPolicy, FusedPolicy], clips: list[ClipFeatures], tmp_path
) -> None:
    scalars = []
    for policy in pair:
        torch.manual_seed(0)
        rl = Rl.model_validate({"num_generations": 2, "max_completion_length": 4, "batch_size": 2})
        engine = engines.build(rl, policy, TASK, keep_tokens=100_000)
        learner = Learner(
            policy, torch.optim.AdamW(policy.adapter_parameters(), lr=1e-2), Accelerator(cpu=True), 1.0, 64
        )
        told = [sft_step(learner, clips, TASK, dropout=0.0)]
        policy.eval()
        rollout = collect(engine, lambda _: clips[:2], torch.Generator().manual_seed(1))
        rollout = replace(rollout, advantages=torch.tensor([1.0, -1.0]).repeat(2))
        scalars.append((*told, rl_step(learner, engine, rollout)))
        checkpoint.save(policy, TASK, tmp_path / str(len(scalars)))
    assert scalars[0] == scalars[1]
    assert scalars[0][1]["grad_norm"] > 0
    files = [checkpoint.tensors(tmp_path / n / "adapter" / "adapter_model.safetensors") for n in "12"]
    assert files[0].keys() == files[1].keys()
    assert all(torch.equal(files[0][name], files[1][name]) for name in files[0])


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"offload": True}, "spares nothing"),
        ({"offload": True, "gradient_checkpointing": True, "model": {"lora": {"use_dora": True}}}, "use_dora"),
        ({"offload": True, "gradient_checkpointing": True, "model": {"lora": {"quantize": "nf4"}}}, "quantize"),
    ],
)
def test_what_does_not_go_together(fields: dict, told: str) -> None:
    data = {"train": {"source": "none"}, "eval": {"source": "none"}}
    with pytest.raises(RecipeError, match=told):
        check({"name": "r", "data": data, "cold_start": {"steps": 0}} | fields, "r.yaml")
