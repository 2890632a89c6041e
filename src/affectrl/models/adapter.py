"""The adapter on the language model, as PEFT makes it: LoRA (arXiv 2106.09685), or DoRA (arXiv 2402.09353)."""

from __future__ import annotations

import warnings
from typing import Any

from affectrl.recipes.schema import Lora


def with_adapter(model: Any, lora: Lora) -> Any:
    """PEFT's model around a causal LM, whose own weights are frozen by it; the adapter is float32 and learns."""
    from peft import LoraConfig, get_peft_model

    targets = lora.target_modules if isinstance(lora.target_modules, str) else list(lora.target_modules)
    config = LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets,
        use_dora=lora.use_dora,
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        # PEFT still asks transformers for an attribute under its old name, which is no news to our users.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        return get_peft_model(model, config)
