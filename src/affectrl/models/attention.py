"""Attention in which query heads share keys and values: on a CPU without copying these for every query head.

transformers repeats keys and values for each query head of a group wherever a mask is given. For a decoding step, whose
mask says which completion may look where, that copies the whole cache several times over in every layer. torch's own
kernel for CPUs takes grouped heads as they are, forward and backward, and gives the same numbers. On a GPU masked
grouped heads would leave the fast kernels, so there transformers decides.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

NAME = "affectrl_grouped"


def use_grouped_heads(model: Any) -> None:
    """Let a causal LM of transformers that computes attention by ``sdpa`` do so by :func:`grouped`."""
    if model.config._attn_implementation == "sdpa":
        model.set_attn_implementation(NAME)


def grouped(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention of ``query`` (B, heads, Q, D) over ``key`` and ``value`` (B, key heads, K, D), as (B, Q, heads, D)."""
    from torch.nn.functional import scaled_dot_product_attention
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    plain = attention_mask is not None or query.shape[2] in (1, key.shape[2])
    special = any(kwargs.get(name) is not None for name in ("position_bias", "softcap", "cache"))
    if query.device.type != "cpu" or query.shape[1] == key.shape[1] or special or not plain:
        rest = {"dropout": dropout, "scaling": scaling, "is_causal": is_causal, **kwargs}
        return sdpa_attention_forward(module, query, key, value, attention_mask, **rest)
    wanted = getattr(module, "is_causal", True) if is_causal is None else is_causal
    out = scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=attention_mask,
        dropout_p=dropout,
        scale=scaling,
        is_causal=wanted and attention_mask is None and query.shape[2] > 1,
        enable_gqa=True,
    )
    return out.transpose(1, 2).contiguous(), None


# Here and not where a model is loaded: a policy that another process unpickles knows its attention by name.
AttentionInterface.register(NAME, grouped)
AttentionMaskInterface.register(NAME, sdpa_mask)
