"""XLM-RoBERTa (arXiv 1911.02116), in a hundred languages; by default a sentence encoder built on it (2004.09813)."""

from __future__ import annotations

from affectrl.models.encoders import _text

DEFAULT = "sentence-transformers/paraphrase-multilingual-mpnet-base-v2"

build = _text.builder("XLMRobertaModel", "xlm-roberta", "an XLM-RoBERTa", DEFAULT, add_pooling_layer=False)
