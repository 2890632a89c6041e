"""An update that goes on from the rollout's own pass over the prefixes, against one that runs them again."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator
from small_engine import TASK, engine_of

from affectrl.models.trained import trained
from affectrl.recipes.learning import Rl
from affectrl.rl.rollout import collect
from affectrl.rl.steps import Learner, rl_step

ENOUGH = 10**9


def learner(policy, budget: int, lr: float) -> Learner:
    optimizer = torch.optim.SGD([p for p in policy.parameters() if p.requires_grad], lr=lr)
    return Learner(policy, optimizer, Accelerator(cpu=True), 1e9, budget)


@pytest.mark.parametrize("fields", [{}, {"beta": 0.1}, {"num_iterations": 2}, {"train": "adapter"}], ids=str)
@pytest.mark.parametrize("where", ["everything", "completion"])
def test_going_on_from_the_rollouts_pass_learns_the_same(clips, tiny_spec, extractor, fields, where):
    from affectrl.models.policy import FusedPolicy
    from affectrl.models.trained import put

    spec = tiny_spec.model_copy(update={"lora": tiny_spec.lora.model_copy(update={"where": where})})
    torch.manual_seed(0)
    policy = FusedPolicy(spec, extractor).eval()
    for parameter in policy.adapter_parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    policy.learn("adapter" if fields.get("train") else "all")
    engine = engine_of(policy, **fields)
    start = trained(policy)
    if fields.get("beta"):
        engine.reference = {name: value + 0.01 for name, value in start.items()}
    found = []
    for tokens in (ENOUGH, 0):
        put(policy, start)
        rollout = collect(replace(engine, keep_tokens=tokens), lambda _: clips, torch.Generator().manual_seed(0))
        rollout = replace(rollout, advantages=torch.linspace(-1, 1, 15))
        kept = rollout.completions.reuse
        if tokens or (where, fields) == ("completion", {"train": "adapter"}):
            assert kept is not None
            assert kept.graph is not (where == "completion" and bool(fields.get("train")))
        else:
            assert kept is None
        scalars = rl_step(learner(policy, budget=40, lr=0.1), engine, rollout)
        found.append((rollout.completions.ids, {n: start[n] - w for n, w in trained(policy).items()}, scalars))
    (ids, kept_change, told), (again, change_anew, told_anew) = found
    assert torch.equal(ids, again)
    for name, gradient in change_anew.items():
        torch.testing.assert_close(kept_change[name], gradient, rtol=1e-4, atol=1e-6, msg=name)
    assert any(float(g.abs().max()) > 0 for g in change_anew.values())
    for key in ("loss", "grad_norm", "entropy", *(["drift"] if fields.get("beta") else [])):
        assert told[key] == pytest.approx(told_anew[key], rel=1e-3, abs=1e-6), key


def test_what_does_not_fit_is_run_anew(policy, clips):
    engine = engine_of(policy.eval())
    columns = policy.prefix(clips, TASK.question, TASK.opening).embeds.shape[1]
    for tokens, kept in ((5 * columns, True), (5 * columns - 1, False)):
        rollout = collect(replace(engine, keep_tokens=tokens), lambda _: clips, torch.Generator().manual_seed(0))
        assert (rollout.completions.reuse is not None) is kept
        assert (rollout.prefix is not None) is kept
    again = Rl.model_validate({"dynamic_sampling": {}}).dynamic_sampling
    engine.settings = replace(engine.settings, dynamic_sampling=again)
    rollout = collect(replace(engine, keep_tokens=ENOUGH), lambda _: clips, torch.Generator().manual_seed(0))
    assert rollout.completions.reuse is None
