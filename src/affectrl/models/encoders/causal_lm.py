"""Hidden states of a causal language model of transformers (Qwen, Llama, BLOOM, SmolLM) as features of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from affectrl.models import backbone, weights
from affectrl.models.encoders import _hf, _text


def build(
    weights_name: str = "smollm2-135m-instruct",
    take: Literal["mean", "last", "tokens"] = "mean",
    layers: Sequence[int] | None = None,
    average: bool = False,
) -> _text.TextEncoder:
    """Load one by name, folder or Hugging Face id, in float32; the head that predicts words is left out.

    Args:
        weights_name: What :func:`affectrl.models.weights.resolve` understands.
        take: ``mean`` one row, the mean over the text's tokens; ``last`` the last token's, which alone has seen the
            whole text; ``tokens`` a row each token.
        layers: Hidden states to keep, 0 (embeddings) to the number of layers, or negative from the end; the last by
            default.
        average: Whether the kept layers are averaged rather than laid side by side.

    Raises:
        ModelError: The weights are missing or of another kind, or a setting does not fit.
    """
    from transformers import AutoModel
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    what = "a causal language model"
    # Those that see both sides of a word stand among the causal ones too, and have files of their own.
    types = tuple(name for name in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES if name not in MODEL_FOR_MASKED_LM_MAPPING_NAMES)
    model, place, _ = _hf.load(AutoModel, backbone.place_of(weights_name), types, what)
    kept = _hf.chosen(layers, model.config.num_hidden_layers + 1)
    key = f"{model.config.model_type}-{weights.resolve(weights_name).key}"
    return _text.TextEncoder(
        model, _text.load_tokenizer(place, what, model.config), key, take=take, layers=kept, average=average
    )
