"""Qwen2.5-VL: pictures and video, positions along time, height and width (arXiv 2502.13923, section 2.1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

CLASS = "Qwen2_5_VLForConditionalGeneration"
TAKES = ("image", "video")
META = ("image_grid_thw", "video_grid_thw", "second_per_grid_ts")


def positions(model: Any, ids: Tensor, kinds: Tensor, meta: Mapping[str, Tensor], *, paired: bool) -> Tensor:
    """As the model's own ``get_rope_index``."""
    found, _ = model.model.get_rope_index(ids, mm_token_type_ids=kinds, **meta)
    return found[:, 0]
