"""wav2vec 2.0 (arXiv 2006.11477): speech units learned by telling true ones from false."""

from __future__ import annotations

from affectrl.models.encoders import _speech

build = _speech.builder("Wav2Vec2Model", "wav2vec2", "a wav2vec 2.0", "facebook/wav2vec2-base")
