"""Qwen2-Audio: sound, read by a Whisper encoder (arXiv 2407.10759)."""

CLASS = "Qwen2AudioForConditionalGeneration"
TAKES = ("audio",)
META = ()
