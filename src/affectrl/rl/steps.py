"""One step of each stage: forward, loss, backward, update. The whole of learning fits on this page.

Both stages split a batch into micro-batches of whole clips by a budget of tokens and share one denominator, so that the
budget bounds memory and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from affectrl.models.decoding import pack, token_logprobs
from affectrl.models.features import ClipFeatures, drop_modalities
from affectrl.models.policy import FusedPolicy
from affectrl.models.task import Task
from affectrl.rl.losses import grpo_loss, sft_loss
from affectrl.rl.rollout import Rollout

if TYPE_CHECKING:
    from accelerate import Accelerator


@dataclass(frozen=True, slots=True)
class Learner:
    """The policy and what updates it."""

    policy: FusedPolicy
    optimizer: torch.optim.Optimizer
    accelerator: Accelerator
    max_grad_norm: float
    micro_batch_tokens: int

    def update(self) -> float:
        """Clip the gradient, step, clear; gives the norm before clipping."""
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        norm = self.accelerator.clip_grad_norm_(parameters, self.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(norm)


def sft_step(learner: Learner, batch: Sequence[ClipFeatures], task: Task, *, dropout: float) -> dict[str, float]:
    """Learn reference answers: cross-entropy over the answer's tokens.

    Args:
        learner: Its policy is put in training mode.
        batch: B clips with labels.
        task: Gives question and target.
        dropout: Chance that a modality is left out of a clip that has others.
    """
    policy = learner.policy.train()
    clips = drop_modalities(list(batch), dropout)
    answers = [
        [*policy.tokens(task.rules.target(c.clip.labels, c.clip.reasoning)).tolist(), policy.eos_id] for c in clips
    ]
    total = sum(len(answer) for answer in answers)
    loss_sum = 0.0
    for index in micro_batches([PREFIX_GUESS + len(a) for a in answers], learner.micro_batch_tokens):
        ids, keep = pack(answers[index], policy.eos_id, policy.device)
        prefix = policy.prefix(clips[index], task.question, task.opening)
        logprobs, _ = token_logprobs(policy, prefix, ids, keep, group=1)
        loss = sft_loss(logprobs, keep) / total
        learner.accelerator.backward(loss)
        loss_sum += loss.item()
    return {"loss": loss_sum, "grad_norm": learner.update()}


def grpo_step(
    learner: Learner, rollout: Rollout, task: Task, *, epsilon: float, temperature: float
) -> dict[str, float]:
    """Raise the probability of answers that were better than their group.

    Groups without variance have no gradient and are not computed; they count in the denominator as if they were.

    Args:
        learner: Its policy is put in evaluation mode: with dropout the ratio to the sampling policy would be noise.
        rollout: From the same policy.
        task: The one that the rollout was asked.
        epsilon: Clip range.
        temperature: That the rollout was sampled at.
    """
    policy = learner.policy.eval()
    done = rollout.completions
    uneven = (~rollout.flat).nonzero()[:, 0].tolist()
    sizes = [PREFIX_GUESS + int(done.lengths[i * done.group : (i + 1) * done.group].sum()) for i in uneven]
    loss_sum, gap, entropy_sum, tokens = 0.0, 0.0, 0.0, 0
    for index in micro_batches(sizes, learner.micro_batch_tokens):
        picked = uneven[index]
        rows = torch.tensor([i * done.group + g for i in picked for g in range(done.group)], device=policy.device)
        ids, keep = done.ids[rows], done.keep[rows]
        prefix = policy.prefix([rollout.clips[i] for i in picked], task.question, task.opening)
        logprobs, entropy = token_logprobs(policy, prefix, ids, keep, group=done.group, temperature=temperature)
        losses = grpo_loss(logprobs, done.logprobs[rows], rollout.advantages[rows], keep, epsilon)
        loss = losses.sum() / len(done.ids)
        learner.accelerator.backward(loss)
        loss_sum += loss.item()
        gap = max(gap, float((logprobs.detach() - done.logprobs[rows])[keep].abs().max()))
        entropy_sum, tokens = entropy_sum + float(entropy.sum()), tokens + int(keep.sum())
    scalars = {"loss": loss_sum, "grad_norm": learner.update() if uneven else 0.0, "logprob_gap": gap}
    return scalars | ({"entropy": entropy_sum / tokens} if tokens else {})


PREFIX_GUESS = 64
"""Prefix positions a clip, for sizing micro-batches only."""


def micro_batches(sizes: Sequence[int], budget: int) -> Iterator[slice]:
    """Consecutive slices whose sizes add up to at most ``budget``, each of at least one item."""
    start, used = 0, 0
    for i, size in enumerate(sizes):
        if i > start and used + size > budget:
            yield slice(start, i)
            start, used = i, 0
        used += size
    if start < len(sizes):
        yield slice(start, len(sizes))
