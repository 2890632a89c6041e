"""ELECTRA's discriminator (arXiv 2003.10555), which tells replaced words from true ones."""

from __future__ import annotations

from affectrl.models.encoders import _text

build = _text.builder("ElectraModel", "electra", "an ELECTRA", "google/electra-base-discriminator")
