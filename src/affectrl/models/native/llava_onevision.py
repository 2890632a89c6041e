"""LLaVA-OneVision: pictures in tiles, video in pooled frames (arXiv 2408.03326)."""

CLASS = "LlavaOnevisionForConditionalGeneration"
TAKES = ("image", "video")
META = ()
