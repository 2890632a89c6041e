"""BERT (arXiv 1810.04805), and what is built like it: MacBERT, LERT, PERT and the Chinese models named RoBERTa-wwm."""

from __future__ import annotations

from affectrl.models.encoders import _text

build = _text.builder("BertModel", "bert", "a BERT", "google-bert/bert-base-uncased", add_pooling_layer=False)
