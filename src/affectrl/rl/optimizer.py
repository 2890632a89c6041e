"""AdamW with its learning rates, and their schedule as a function of the step."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from affectrl.models.language import Policy
from affectrl.recipes.schema import Optim


def build(
    policy: Policy,
    optim: Optim,
    *,
    lr: float | None,
    fusion_lr: float | None,
    critic: tuple[nn.Module, float] | None = None,
) -> torch.optim.AdamW:
    """One group for the adapter, one for the projections unless they are frozen, one for a critic with its rate.

    ``lr`` and ``fusion_lr`` override the recipe's. The critic's gradient is clipped apart: a large error of its own
    must not shrink the policy's step.
    """
    groups: list[dict[str, Any]] = [{"params": policy.adapter_parameters(), "base_lr": lr or optim.lr}]
    if fusion := policy.fusion_parameters():
        groups.append({"params": fusion, "base_lr": fusion_lr or optim.fusion_lr})
    if critic is not None:
        groups.append({"params": list(critic[0].parameters()), "base_lr": critic[1], "apart": True})
    for group in groups:
        group["lr"] = group["base_lr"]
    return torch.optim.AdamW(groups, weight_decay=optim.weight_decay, betas=(0.9, 0.99))


def set_rate(optimizer: torch.optim.Optimizer, optim: Optim, step: int, steps: int) -> float:
    """Linear warm-up, then a cosine down to a tenth at the last step. Gives the adapter's rate.

    Args:
        optimizer: From :func:`build`.
        optim: Gives the warm-up.
        step: 0 to ``steps - 1``.
        steps: Of the stage.
    """
    warmup = min(optim.warmup_steps, steps // 2)
    if step < warmup:
        share = (step + 1) / (warmup + 1)
    else:
        share = 0.55 + 0.45 * math.cos(math.pi * (step - warmup) / max(1, steps - 1 - warmup))
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * share
    return float(optimizer.param_groups[0]["lr"])
