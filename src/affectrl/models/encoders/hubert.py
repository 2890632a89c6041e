"""HuBERT (arXiv 2106.07447): speech units learned by predicting clusters of masked sound."""

from __future__ import annotations

from affectrl.models.encoders import _speech

build = _speech.builder("HubertModel", "hubert", "a HuBERT", "facebook/hubert-large-ll60k")
