"""DeBERTa v2 and v3 (arXiv 2111.09543)."""

from __future__ import annotations

from affectrl.models.encoders import _text

build = _text.builder("DebertaV2Model", "deberta-v2", "a DeBERTa of the second kind", "microsoft/deberta-v3-base")
