"""Qwen3-Omni, its thinker: a mixture of experts, with DeepStack and positions of its own (arXiv 2509.17765).

Experts are stacked tensors in transformers, so that the adapter acts on the attention. The talker is not loaded.
"""

from affectrl.models.native.qwen2_5_omni import META, PAIRS, TAKES, options, positions
from affectrl.models.native.qwen3_vl import deep

__all__ = ["CLASS", "META", "PAIRS", "TAKES", "deep", "options", "positions"]

CLASS = "Qwen3OmniMoeThinkerForConditionalGeneration"
