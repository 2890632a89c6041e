"""WavLM (arXiv 2110.13900): HuBERT's task on overlapped and noisy speech, with gated relative positions."""

from __future__ import annotations

from affectrl.models.encoders import _speech

build = _speech.builder("WavLMModel", "wavlm", "a WavLM", "microsoft/wavlm-base-plus")
