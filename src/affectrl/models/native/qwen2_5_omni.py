"""Qwen2.5-Omni, its thinker: pictures, sound, and video interleaved with its own sound (arXiv 2503.20215, section 2.2).

The talker is not loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

CLASS = "Qwen2_5OmniThinkerForConditionalGeneration"
TAKES = ("image", "video", "audio")
META = ("image_grid_thw", "video_grid_thw", "video_second_per_grid", "feature_attention_mask")
PAIRS = True


def positions(model: Any, ids: Tensor, kinds: Tensor, meta: Mapping[str, Tensor], *, paired: bool) -> Tensor:
    """As the model's own ``get_rope_index``."""
    mask = meta.get("feature_attention_mask")
    found, _ = model.get_rope_index(
        ids,
        meta.get("image_grid_thw"),
        meta.get("video_grid_thw"),
        torch.ones_like(ids),
        paired,
        None if mask is None else mask.sum(1),
        meta.get("video_second_per_grid"),
    )
    return found[:, 0]


def options(frames_per_second: float) -> dict[str, Any]:
    """The processor takes the rate of the sampled frames by its own name."""
    return {"fps": frames_per_second}
