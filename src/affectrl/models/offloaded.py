"""Frozen layers that stay in the CPU's memory and visit the accelerator, by accelerate's hooks.

Each module of the language model's layers that holds frozen weights brings them before its forward pass and drops them
after. What learns, embeddings and the head stay on the accelerator. In an update autograd would hold on to every copy
until the backward pass; with gradient checkpointing it holds those of the layer that is being computed again.
"""

from __future__ import annotations

import torch
from torch import nn

from affectrl.models.language import Policy


def offload(policy: Policy, device: torch.device) -> None:
    """Leave a policy's frozen layers where they are, on the CPU, and move all else.

    The policy must recompute its layers; see :meth:`affectrl.models.language.Policy.recompute_layers`.

    Args:
        policy: On the CPU.
        device: Where it is to compute.
    """
    from accelerate.hooks import AlignDevicesHook, add_hook_to_module

    for module in visiting(policy.layers):
        add_hook_to_module(module, AlignDevicesHook(device, offload=True))
    for tensor in (*policy.parameters(), *policy.buffers()):
        if not tensor.is_meta:
            tensor.data = tensor.data.to(device)
    # A layer that is computed again stops as soon as autograd has what it wants, in the middle of its last module, and
    # that one would then keep its weights.
    policy.recompute_layers(early_stop=False)


def visiting(layers: nn.Module) -> list[nn.Module]:
    """Modules of layers that hold frozen weights of their own."""
    found = []
    for module in layers.modules():
        own = list(module.parameters(recurse=False))
        if own and not any(weight.requires_grad for weight in own):
            found.append(module)
    return found
