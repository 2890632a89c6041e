"""Qwen2-VL: pictures and video, positions along time, height and width (arXiv 2409.12191, section 2.1)."""

from affectrl.models.native.qwen3_vl import positions

__all__ = ["CLASS", "META", "TAKES", "positions"]

CLASS = "Qwen2VLForConditionalGeneration"
TAKES = ("image", "video")
META = ("image_grid_thw", "video_grid_thw")
