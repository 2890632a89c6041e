"""Rollout: G sampled answers a clip, scored and compared within their group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from affectrl.models.decoding import Completions, generate
from affectrl.models.features import ClipFeatures
from affectrl.models.policy import FusedPolicy
from affectrl.models.task import Task
from affectrl.rl.advantages import group_advantages
from affectrl.rl.rubric import Rubric, Scores


@dataclass(frozen=True, slots=True)
class Rollout:
    """B clips, G answers each, and what they are worth."""

    clips: Sequence[ClipFeatures]
    completions: Completions
    texts: list[str]
    scores: Scores
    advantages: Tensor
    """(B G,)"""
    flat: Tensor
    """(B,) bool: True where all answers of a clip earned the same, so that the group teaches nothing."""

    def rows(self) -> list[dict[str, Any]]:
        """One row a clip for ``rollouts.jsonl``."""
        group, lengths = self.completions.group, self.completions.lengths.tolist()
        return [
            {
                "id": clip.id,
                "labels": list(clip.clip.labels),
                "completions": [
                    {
                        "text": self.texts[n],
                        "reward": round(float(self.scores.total[n]), 4),
                        "rewards": {name: values[n] for name, values in self.scores.parts.items()},
                        "advantage": round(float(self.advantages[n]), 4),
                        "tokens": lengths[n],
                    }
                    for n in range(i * group, (i + 1) * group)
                ],
            }
            for i, clip in enumerate(self.clips)
        ]


def sample(
    policy: FusedPolicy,
    clips: Sequence[ClipFeatures],
    task: Task,
    rubric: Rubric,
    *,
    group: int,
    max_new_tokens: int,
    temperature: float,
    generator: torch.Generator,
) -> Rollout:
    """Sample and score.

    Args:
        policy: In evaluation mode, so that the update sees the same probabilities.
        clips: B.
        task: How the clips are asked.
        rubric: What answers are worth. It sees the columns ``labels``, ``format``, ``id`` and the clips' own extras.
        group: G.
        max_new_tokens: Longest answer.
        temperature: Of sampling.
        generator: Source of randomness.
    """
    with torch.no_grad():
        prefix = policy.prefix(clips, task.question, task.opening)
        completions = generate(
            policy, prefix, group=group, max_new_tokens=max_new_tokens, temperature=temperature, generator=generator
        )
    texts = completions.texts(policy, task.opening)
    ids = [row[keep].tolist() for row, keep in zip(completions.ids, completions.keep, strict=True)]
    scores = rubric.score([task.question] * len(texts), texts, ids, _columns(clips, task, group))
    advantages, flat = group_advantages(scores.total, group)
    return Rollout(clips, completions, texts, scores, advantages.to(policy.device), flat)


def _columns(clips: Sequence[ClipFeatures], task: Task, group: int) -> dict[str, list[Any]]:
    extras = {key for clip in clips for key in clip.clip.extras}
    table: dict[str, list[Any]] = {key: [clip.clip.extras.get(key) for clip in clips] for key in sorted(extras)}
    table |= {
        "id": [clip.id for clip in clips],
        "labels": [clip.clip.labels for clip in clips],
        "format": [task.format] * len(clips),
    }
    return {name: [value for value in column for _ in range(group)] for name, column in table.items()}
