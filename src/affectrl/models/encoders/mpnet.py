"""MPNet (arXiv 2004.09297); by default the English sentence encoder that is built on it."""

from __future__ import annotations

from affectrl.models.encoders import _text

DEFAULT = "sentence-transformers/all-mpnet-base-v2"

build = _text.builder("MPNetModel", "mpnet", "an MPNet", DEFAULT, add_pooling_layer=False)
