"""WordLlama's static word vectors (https://github.com/dleemiller/WordLlama): the package carries them, 16 MB."""

from __future__ import annotations

import numpy as np

from affectrl.emotions.distances import embedding

DIM = 256


class WordLlamaEncoder:
    """``encode`` gives ``(1, 256)``: the mean vector of the text's tokens; their order is lost."""

    key = "wordllama-l2-supercat-256-v1"
    dim = DIM
    parts = 1

    def encode(self, text: str) -> np.ndarray:
        """Features ``(1, 256)``, float32."""
        return np.asarray(embedding.packaged([text]), np.float32)


def build() -> WordLlamaEncoder:
    """Load the vectors of the package.

    Raises:
        ModelError: ``weights_missing``: the package ``wordllama``, or a file of it, is not there.
    """
    embedding.packaged(["hello"])
    return WordLlamaEncoder()
