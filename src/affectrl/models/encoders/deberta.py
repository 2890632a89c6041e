"""DeBERTa (arXiv 2006.03654): words and their places apart."""

from __future__ import annotations

from affectrl.models.encoders import _text

build = _text.builder("DebertaModel", "deberta", "a DeBERTa", "microsoft/deberta-base")
