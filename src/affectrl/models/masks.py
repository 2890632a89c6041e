"""Masks as transformers' causal language models take them, also for layers that see a window of recent tokens only.

transformers counts a window in columns. Our rows have padding between the shared head and what differs, and completions
side by side, so that a window is counted in positions here, which is what the model means by it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from affectrl.errors import ModelError

KINDS = ("full_attention", "sliding_attention")


def window_of(config: Any) -> int | None:
    """Positions that a windowed layer sees, the token itself among them; ``None`` where all layers see everything."""
    types = getattr(config, "layer_types", None)
    if types is not None and KINDS[1] not in types:
        return None
    window = getattr(config, "sliding_window", None)
    return None if window is None else int(window)


def check(config: Any, place: str) -> None:
    """Refuse a model whose layers or logits are made in a way that prefix sharing does not reproduce.

    Raises:
        ModelError: It has recurrent or chunked layers, or scales its logits.
    """
    if odd := sorted(set(getattr(config, "layer_types", None) or ()) - set(KINDS)):
        raise ModelError(
            f"has layers of {odd[0]!r}, whose state cannot be shared between completions of one prefix.",
            path=place,
            hint="Take a model whose layers are full_attention or sliding_attention.",
        )
    for name in ("logit_scale", "logits_scaling"):
        if getattr(config, name, None) not in (None, 1, 1.0):
            raise ModelError(
                f"scales its logits ({name} in its config.json), which is not supported.",
                path=place,
                hint="Take a model of the Llama, Qwen, Mistral, Gemma or SmolLM families.",
            )


def ready(config: Any, mask: Tensor, counts: Tensor | None, queries: int, dtype: torch.dtype) -> Any:
    """What a model's ``attention_mask`` takes.

    Args:
        config: The model's.
        mask: (B, K) bool, True at real keys, the last Q of them the queries; or (B, 1, Q, K) bool.
        counts: (B, K) long: how many real tokens stand before each key; taken from the mask when that is ``(B, K)``.
        queries: Q.
        dtype: Of the model.
    """
    window = window_of(config)
    if window is None:
        return mask.long() if mask.ndim == 2 else _told(config, mask, dtype)
    if mask.ndim == 2:
        counts = mask.long().cumsum(1) - 1
        column = torch.arange(mask.shape[1], device=mask.device)
        asking = column[-queries:, None]
        mask = (((asking >= column) & mask[:, None]) | (asking == column))[:, None]  # padding looks at itself
    assert counts is not None, "a window needs the places of the keys"
    near = counts[:, None, -queries:, None] - counts[:, None, None, :] < window
    full, recent = _told(config, mask, dtype), _told(config, mask & near, dtype)
    # Models with both kinds of layers choose by name; those without name a kind have windows everywhere.
    return recent if getattr(config, "layer_types", None) is None else dict(zip(KINDS, (full, recent), strict=True))


def _told(config: Any, mask: Tensor, dtype: torch.dtype) -> Tensor:
    if config._attn_implementation != "eager":
        return mask
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, torch.finfo(dtype).min)  # added to the scores
