"""Steps of learning in one of several processes: ``python one_process.py RANK WORLD FOLDER``; see test_processes.py."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import torch

from affectrl.errors import RecipeError
from affectrl.models.decoding import Completions, pack
from affectrl.models.packed import completion_states
from affectrl.models.scoring import score_tokens
from affectrl.models.task import Task
from affectrl.models.trained import trained
from affectrl.recipes.learning import Rl
from affectrl.rl import engine as engines
from affectrl.rl import processes
from affectrl.rl.rollout import collect
from affectrl.rl.steps import Learner, rl_step, sft_step

TASK = Task("answer-only", ("happy", "sad"))


class Given:
    """A sampler of given answers: ``batches[i][clip][completion]`` for its i-th call, of which it gives this share."""

    def __init__(self, policy, batches: list[list[list[str]]], rank: int, world: int) -> None:
        self.policy, self.batches, self.rank, self.world = policy, list(batches), rank, world

    def sample(self, prefix, *, group, max_new_tokens, temperature, generator, critic=None, keep=False):
        table = self.batches.pop(0)
        if len(table) % self.world == 0:
            n = len(table) // self.world
            table = table[self.rank * n : (self.rank + 1) * n]
        else:
            n = len(table[0]) // self.world
            table = [answers[self.rank * n : (self.rank + 1) * n] for answers in table]
        assert [len(answers) for answers in table] == [group] * len(prefix)
        policy = self.policy
        ids, keep = pack([[*policy.tokens(a).tolist(), policy.eos_id] for answers in table for a in answers], 0)
        states = completion_states(policy, prefix, ids, keep, group=group)
        logprobs, _ = score_tokens(policy, states, ids, keep, temperature)
        return Completions(ids, keep, logprobs, group, None if critic is None else critic(states) * keep)


def learner(policy, critic=None) -> Learner:
    """Plain gradient descent at rate 1: a step's change of a weight is its gradient."""
    from accelerate import Accelerator

    weights = [p for p in policy.parameters() if p.requires_grad] + list(critic.parameters() if critic else [])
    return Learner(policy, torch.optim.SGD(weights, lr=1.0), Accelerator(cpu=True), 1e9, 90)


def step(policy, clips, work: dict[str, Any], rank: int, world: int) -> dict[str, Any]:
    policy = copy.deepcopy(policy)
    torch.manual_seed(5)
    if "sft" in work:
        before = trained(policy)
        told = sft_step(learner(policy), clips[: work["sft"]], TASK, dropout=0.3)
        return {"told": told, "moved": {name: before[name] - now for name, now in trained(policy).items()}}
    engine = engines.build(Rl.model_validate(work["rl"]), policy, TASK)
    if "answers" in work:
        engine.sampler = Given(policy, work["answers"], rank, world)
    if engine.critic is not None:
        torch.nn.init.normal_(engine.critic.out.weight)
    before = trained(policy)
    if engine.needs_reference:
        engine.reference = {name: weight * 1.3 for name, weight in before.items()}
    n = engine.rl.batch_size
    generator = torch.Generator().manual_seed(rank)
    rollout = collect(engine, lambda number: clips[number * n : (number + 1) * n], generator)
    told = rl_step(learner(policy, engine.critic), engine, rollout)
    moved = {name: before[name] - now for name, now in trained(policy).items()}
    if engine.critic is not None:
        moved |= {f"critic.{name}": weight.detach() for name, weight in engine.critic.named_parameters()}
    return {
        "told": told,
        "moved": moved,
        "rows": rollout.rows(),
        "missing": rollout.scores.missing,
        "logprobs": rollout.completions.logprobs,
        "asked": rollout.asked,
    }


def main(rank: int, world: int, folder: Path) -> None:
    if world > 1:
        torch.set_num_threads(1)
        torch.distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=world)
    policy, clips, tasks = torch.load(folder / "given.pt", weights_only=False)
    assert (processes.rank(), processes.world()) == (rank, world)
    found: dict[str, Any] = {}
    for name, work in tasks.items():
        try:
            found[name] = step(policy, clips, work, rank, world)
        except RecipeError as error:
            found[name] = f"{error.code}: {error}"
    found["any"] = processes.any_of(rank == 1)
    found["in turn"] = in_turn(folder / f"cache-of-{world}")
    torch.save(found, folder / f"found-{rank}-of-{world}.pt")


def in_turn(file: Path) -> str:
    """Who made the file, and who found it there."""

    def work() -> str:
        if file.exists():
            return "found"
        file.touch()
        return "made"

    return processes.first_then_others(work)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
