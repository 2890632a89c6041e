"""RoBERTa (arXiv 1907.11692): BERT trained longer, on words in both cases."""

from __future__ import annotations

from affectrl.models.encoders import _text

build = _text.builder("RobertaModel", "roberta", "a RoBERTa", "FacebookAI/roberta-base", add_pooling_layer=False)
