"""A clip as vectors, at the three places where a model holds one: encoders, projections, the language model.

All are means over time or tokens, one vector a clip, so that they can be compared, plotted and classified.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from affectrl.errors import UsageError
from affectrl.models.features import ClipFeatures
from affectrl.models.language import Policy
from affectrl.models.policy import FusedPolicy
from affectrl.models.task import Task

Level = Literal["encoder", "fused", "llm"]
LEVELS: tuple[Level, ...] = get_args(Level)
Vectors = dict[str, np.ndarray]


def levels_of(policy: Policy, asked: Sequence[str] | None = None) -> tuple[Level, ...]:
    """The levels that a model has; those asked for.

    Raises:
        UsageError: ``embed_level``: there is no such level, or the model does not have it.
    """
    there: tuple[Level, ...] = LEVELS if isinstance(policy, FusedPolicy) else ("encoder", "llm")
    if strange := [name for name in asked or () if name not in there]:
        raise UsageError(
            f"this model has no level {strange[0]!r}.", code="embed_level", hint=f"It has {', '.join(there)}."
        )
    return tuple(level for level in there if asked is None or level in asked)


@torch.inference_mode()
def represent(
    policy: Policy, clips: Sequence[ClipFeatures], task: Task, levels: Sequence[Level] = LEVELS
) -> list[Vectors]:
    """Vectors of each clip by name, float32 ``(D,)``; what a clip lacks has none. :func:`meaning` says what they are.

    Args:
        policy: In evaluation mode.
        clips: B; all run in one batch.
        task: How they are asked, for ``llm``.
        levels: Which.
    """
    found: list[Vectors] = [{} for _ in clips]
    if "encoder" in levels:
        for vectors, clip in zip(found, clips, strict=True):
            vectors |= {f"encoder_{name}": _mean(rows) for name, rows in clip.streams.items()}
    if "fused" in levels and isinstance(policy, FusedPolicy):
        for vectors, tokens in zip(found, _projected(policy, clips, task), strict=True):
            vectors |= {f"fused_{name}": _mean(rows) for name, rows in tokens.items()}
            vectors["fused"] = _mean(torch.cat(list(tokens.values())))
    if "llm" in levels:
        _, last, _ = policy.prefill(policy.prefix(clips, task.question, task.opening))
        for vectors, state in zip(found, last, strict=True):
            vectors["llm"] = _mean(state[None])
    return found


def meaning(name: str) -> str:
    """What a vector is, in a sentence."""
    level, _, of = name.partition("_")
    if level == "encoder":
        return f"mean over time of what the frozen encoder of {of} gives"
    if level == "llm":
        return "the language model's last hidden state before the first word of its answer"
    if of == "words":
        return "mean of the language model's own embeddings of the clip's words"
    if of:
        return f"mean of the tokens that {of} is projected to, in the language model's embedding space"
    return "mean of all tokens that stand for the clip, words included, in the language model's embedding space"


def _projected(policy: FusedPolicy, clips: Sequence[ClipFeatures], task: Task) -> list[dict[str, Tensor]]:
    """Of each clip, the tokens ``(T, H)`` of its streams and words: of those that it has."""
    streamed = policy.streamed(clips, [task.question] * len(clips))
    out = []
    for i, clip in enumerate(clips):
        there = {*clip.streams, *(["together"] if clip.streams else [])}
        tokens = {name: rows[i] for name, rows in streamed.items() if name in there}
        if clip.text and policy.spec.words:
            tokens["words"] = policy.embed_ids(policy.tokens(clip.text))
        out.append(tokens)
    return out


def _mean(rows: Tensor) -> np.ndarray:
    return rows.float().mean(0).cpu().numpy()
