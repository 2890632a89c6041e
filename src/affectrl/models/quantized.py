"""The frozen backbone in 4 bits, as QLoRA holds it (arXiv 2305.14314): NF4 by bitsandbytes."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import torch

from affectrl.errors import ModelError

BYTES_A_WEIGHT = 0.5 + (1 + 4 / 256) / 64
"""4 bits, and for 64 weights one constant of 8 bits, and for 256 of those one of 32 (section 3)."""


def options(dtype: torch.dtype, *, whole: Sequence[str] | None = None) -> dict[str, Any]:
    """What ``from_pretrained`` of transformers is told.

    Args:
        dtype: In which products are computed.
        whole: Names of modules that stay as they are; by default the head alone.

    Raises:
        ModelError: ``quantization_missing``: bitsandbytes is not installed.
    """
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError(
            "model.lora.quantize: nf4 needs the package bitsandbytes, which is not installed.",
            code="quantization_missing",
            hint="pip install bitsandbytes, or leave model.lora.quantize out.",
        )
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
        llm_int8_skip_modules=None if whole is None else list(whole),
    )
    return {"quantization_config": config}
