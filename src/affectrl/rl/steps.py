"""One step of each stage: forward, loss, backward, update. The whole of learning fits on this page.

Both stages split a batch into micro-batches of whole clips by a budget of tokens and share one denominator, so that the
budget bounds memory and changes nothing else. Several processes share out the clips in the same way: each computes the
gradient of its own, over the denominator of all, and the sums of all are what every process learns from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from affectrl.models.decoding import pack, token_logprobs
from affectrl.models.features import ClipFeatures, drop_modalities
from affectrl.models.kept import Kept
from affectrl.models.language import Policy
from affectrl.models.packed import completion_states
from affectrl.models.prefix import Prefix
from affectrl.models.scoring import score_tokens
from affectrl.models.task import Task
from affectrl.models.trained import swapped
from affectrl.rl import processes
from affectrl.rl.engine import Engine
from affectrl.rl.health import logprob_health
from affectrl.rl.losses import kl_k3, sft_loss, token_weights, value_loss
from affectrl.rl.rollout import Rollout

if TYPE_CHECKING:
    from accelerate import Accelerator


@dataclass(frozen=True, slots=True)
class Learner:
    """The policy and what updates it."""

    policy: Policy
    optimizer: torch.optim.Optimizer
    accelerator: Accelerator
    max_grad_norm: float
    micro_batch_tokens: int

    def update(self) -> float:
        """Sum the gradients of all processes, clip, step, clear; gives the policy's norm before clipping."""
        groups = self.optimizer.param_groups
        processes.sum_gradients([p for group in groups for p in group["params"]])
        for group in groups:
            if group.get("apart"):
                self.accelerator.clip_grad_norm_(group["params"], self.max_grad_norm)
        ours = [p for group in groups if not group.get("apart") for p in group["params"]]
        norm = self.accelerator.clip_grad_norm_(ours, self.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(norm)


def sft_step(
    learner: Learner, batch: Sequence[ClipFeatures], task: Task, *, dropout: float, reasons: float = 1.0
) -> dict[str, float]:
    """Learn reference answers: cross-entropy over the answer's tokens.

    Args:
        learner: Its policy is put in training mode.
        batch: B clips with labels.
        task: Gives question and target.
        dropout: Chance that a modality is left out of a clip that has others.
        reasons: Chance that what a format says behind its labels is learned as well, of clips that are left whole.
    """
    policy = learner.policy.train()
    clips = drop_modalities(list(batch), dropout)
    # What was said of a modality that is now missing is not to be learned, so that nobody is taught to make things up.
    wanted = [reasons if clip is given else 0.0 for clip, given in zip(clips, batch, strict=True)]
    answers = [_target(policy, clip, task, share) for clip, share in zip(clips, wanted, strict=True)]
    total = sum(len(answer) for answer in answers)
    loss_sum, mine = 0.0, processes.mine(range(len(clips)))
    processes.own_randomness()
    sizes = {i: policy.columns([clips[i]], task.question + task.opening) + len(answers[i]) for i in mine}
    mine = sorted(mine, key=sizes.__getitem__)  # alike in length: a micro-batch is padded to its longest
    for places in micro_batches([sizes[i] for i in mine], learner.micro_batch_tokens):
        picked = [mine[at] for at in places]
        ids, keep = pack([answers[i] for i in picked], policy.eos_id, policy.device)
        prefix = policy.prefix([clips[i] for i in picked], task.question, task.opening)
        logprobs, _ = token_logprobs(policy, prefix, ids, keep, group=1)
        loss = sft_loss(logprobs, keep) / total
        learner.accelerator.backward(loss)
        loss_sum += loss.item()
    return {"loss": sum(processes.gathered([loss_sum])[0]), "grad_norm": learner.update()}


def _target(policy: Policy, clip: ClipFeatures, task: Task, reasons: float) -> list[int]:
    """Tokens of a clip's reference answer: to its end, or by chance to the end of its labels, with no end token."""
    said = task.rules.target(clip.clip.labels, clip.clip.reasoning)
    why = getattr(task.rules, "EXPLAINS", "")
    if why and reasons < 1 and torch.rand(()).item() >= reasons:
        return list(policy.tokens(said.partition(why)[0] + task.rules.CLOSING).tolist())
    return [*policy.tokens(said).tolist(), policy.eos_id]


def rl_step(learner: Learner, engine: Engine, rollout: Rollout) -> dict[str, float]:
    """Make good answers likelier: ``rl.num_iterations`` updates from one rollout.

    Groups that have nothing to say are not computed; they count in the denominator as if they were.

    Args:
        learner: Its policy is put in evaluation mode: with dropout the ratio to the sampling policy would be noise.
        engine: Algorithm and settings.
        rollout: From the same policy.
    """
    learner.policy.eval()
    done = rollout.completions
    weights = token_weights(done.keep, engine.settings.loss_type, engine.rl.max_completion_length)
    aims = _aims(engine, rollout)
    scalars: dict[str, float] = {}
    for iteration in range(engine.rl.num_iterations):
        told = _update(learner, engine, rollout, aims, weights)
        if done.reuse is not None and done.reuse.graph:  # it belonged to the weights before this update
            rollout = replace(rollout, prefix=None)
        # What is said of health is said of the first update, before which both policies were the same.
        scalars = told if iteration == 0 else told | {key: scalars[key] for key in HEALTH if key in scalars}
    return scalars


HEALTH = ("logprob_corr", "logprob_gap", "drift")


@dataclass(frozen=True, slots=True)
class Aims:
    """What the update follows."""

    advantages: Tensor
    """(N,), or (N, R) from a critic."""
    returns: Tensor | None
    """(N, R): what the critic should have said."""


def _aims(engine: Engine, rollout: Rollout) -> Aims:
    done = rollout.completions
    if engine.critic is None:
        return Aims(rollout.advantages, None)
    assert done.values is not None, "the sampler gave no values"
    return Aims(*engine.algorithm.token_advantages(rollout.advantages, done.values, done.keep, engine.settings))


def _update(learner: Learner, engine: Engine, rollout: Rollout, aims: Aims, weights: Tensor) -> dict[str, float]:
    done, tally = rollout.completions, _Tally()
    table = aims.advantages.view(len(rollout.clips), -1)
    silent = aims.returns is None and engine.settings.beta == 0
    groups = (table != 0).any(1).nonzero()[:, 0].tolist() if silent else list(range(len(rollout.clips)))
    spent = done.lengths.view(-1, done.group).sum(1).tolist()
    mine = processes.mine(groups)
    kept, finish = (None, None) if done.reuse is None or rollout.prefix is None else done.reuse.cut()
    columns = 0 if kept is not None and kept.graph else rollout.prefix_tokens
    for picked in micro_batches([columns + spent[i] for i in mine], learner.micro_batch_tokens):
        loss = _micro(engine, rollout, kept, [mine[i] for i in picked], aims, weights, tally)
        learner.accelerator.backward(loss)
        tally.loss += loss.item()
    if finish is not None:
        finish()
    return tally.of_all().scalars() | {"grad_norm": learner.update() if groups else 0.0}


def _micro(
    engine: Engine,
    rollout: Rollout,
    kept: Kept | None,
    groups: list[int],
    aims: Aims,
    weights: Tensor,
    tally: _Tally,
) -> Tensor:
    """The share of a few clips in the batch's loss, with gradient."""
    policy, settings, done = engine.policy, engine.settings, rollout.completions
    rows = torch.tensor([n for i in groups for n in rollout.of_group(i)], device=policy.device)
    ids, keep, old = done.ids[rows], done.keep[rows], done.logprobs[rows]
    reference = None
    if engine.reference is not None:
        with torch.no_grad(), swapped(policy, engine.reference):
            prefix, reuse = _prefix(engine, rollout, None if kept is None or kept.graph else kept, groups)
            reference, _ = token_logprobs(
                policy, prefix, ids, keep, group=done.group, temperature=engine.rl.temperature, reuse=reuse
            )
    prefix, reuse = _prefix(engine, rollout, kept, groups)
    states = completion_states(policy, prefix, ids, keep, group=done.group, reuse=reuse)
    logprobs, entropy = score_tokens(policy, states, ids, keep, engine.rl.temperature)
    losses = engine.algorithm.token_loss(logprobs, old, aims.advantages[rows], keep, settings)
    if reference is not None:
        divergence = kl_k3(logprobs, reference, keep)
        tally.kl = (tally.kl or 0.0) + float(divergence.detach().sum())
        if settings.beta:
            losses = losses + settings.beta * divergence
    if engine.critic is not None and aims.returns is not None and done.values is not None and settings.critic:
        values = engine.critic(states)
        errors = value_loss(values, done.values[rows], aims.returns[rows], keep, clip=settings.critic.clip)
        tally.value_loss = (tally.value_loss or 0.0) + float((errors.detach() * weights[rows]).sum())
        losses = losses + errors  # they share no weights, so that a factor would change nothing that Adam sees
    tally.see(old[keep], logprobs.detach()[keep], entropy)
    return (losses * weights[rows]).sum()


def _prefix(engine: Engine, rollout: Rollout, kept: Kept | None, groups: list[int]) -> tuple[Prefix, Kept | None]:
    """The clips' prefix: from the rollout with what its pass has left, or anew."""
    if kept is None or rollout.prefix is None:
        clips = [rollout.clips[i] for i in groups]
        return engine.policy.prefix(clips, engine.task.question, engine.task.opening), None
    index = torch.tensor(groups, device=engine.policy.device)
    return rollout.prefix.rows(index), kept.rows(index)


class _Tally:
    """Sums over micro-batches, and what they say of a step."""

    def __init__(self) -> None:
        self.loss = 0.0
        self.kl: float | None = None
        self.entropy = 0.0
        self.tokens = 0
        self.value_loss: float | None = None
        self.pairs: list[tuple[Tensor, Tensor]] = []

    def see(self, old: Tensor, new: Tensor, entropy: Tensor) -> None:
        self.pairs.append((old, new))
        self.entropy += float(entropy.sum())
        self.tokens += len(old)

    def of_all(self) -> _Tally:
        """The sums over all processes."""
        if not processes.several():
            return self
        self.pairs = [(old.cpu(), new.cpu()) for old, new in self.pairs]
        whole = _Tally()
        for one in processes.gathered([self])[0]:
            whole.loss += one.loss
            whole.entropy += one.entropy
            whole.tokens += one.tokens
            whole.pairs += one.pairs
            if one.kl is not None:
                whole.kl = (whole.kl or 0.0) + one.kl
            if one.value_loss is not None:
                whole.value_loss = (whole.value_loss or 0.0) + one.value_loss
        return whole

    def scalars(self) -> dict[str, float]:
        told = {"loss": self.loss}
        if not self.tokens:
            return told
        old, new = (torch.cat(side) for side in zip(*self.pairs, strict=True))
        told |= {"entropy": self.entropy / self.tokens} | logprob_health(old, new)
        told |= {} if self.kl is None else {"drift": self.kl / self.tokens}
        return told if self.value_loss is None else told | {"value_loss": self.value_loss}


def micro_batches(sizes: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Consecutive places whose sizes add up to at most ``budget``, at least one each time."""
    batch: list[int] = []
    used = 0
    for i, size in enumerate(sizes):
        if batch and used + size > budget:
            yield batch
            batch, used = [], 0
        batch.append(i)
        used += size
    if batch:
        yield batch
