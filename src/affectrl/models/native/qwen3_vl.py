"""Qwen3-VL: pictures and video with written time stamps; visual features also enter the first layers (DeepStack)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

CLASS = "Qwen3VLForConditionalGeneration"
TAKES = ("image", "video")
META = ("image_grid_thw", "video_grid_thw")


def positions(model: Any, ids: Tensor, kinds: Tensor, meta: Mapping[str, Tensor], *, paired: bool) -> Tensor:
    """As the model's own ``get_rope_index``."""
    found, _ = model.model.get_rope_index(ids, mm_token_type_ids=kinds, **meta)
    return found[:, 0]


def deep(config: Any) -> int:
    """As many as the vision tower gives out."""
    return len(config.vision_config.deepstack_visual_indexes)
