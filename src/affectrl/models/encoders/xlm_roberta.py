"""XLM-RoBERTa (arXiv 1911.02116), in a hundred languages; by default its multilingual sentence encoder (arXiv 2004.09813)."""

from __future__ import annotations

from affectrl.models.encoders import _text

build = _text.builder("XLMRobertaModel", "xlm-roberta", "an XLM-RoBERTa", "sentence-transformers/paraphrase-multilingual-mpnet-base-v2", add_pooling_layer=False)
