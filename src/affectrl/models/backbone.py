"""The causal language model and its tokenizer, by weights name, folder or Hugging Face id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from affectrl.errors import ModelError
from affectrl.models import masks, quantized, weights
from affectrl.models.attention import use_grouped_heads


@dataclass(slots=True)
class Backbone:
    """A causal LM of transformers, with the tokenizer that belongs to it."""

    model: Any
    tokenizer: Any
    turn_start: str
    """What the chat template puts before a user's words."""
    turn_end: str
    """What it puts between them and the assistant's first token."""


def load(
    name: str,
    *,
    system_prompt: str | None = "",
    dtype: torch.dtype = torch.float32,
    quantize: str | None = None,
) -> Backbone:
    """Load a causal LM; packaged GGUF weights are converted to safetensors once.

    Args:
        name: What :func:`affectrl.models.weights.resolve` understands.
        system_prompt: Text of the system turn; ``None`` leaves the turn to the chat template.
        dtype: Type of the weights in memory.
        quantize: ``nf4`` holds the layers' matrices in 4 bits; see :mod:`affectrl.models.quantized`.

    Raises:
        ModelError: The weights cannot be found or are no causal LM; ``quantization_missing``.
    """
    from transformers import AutoModelForCausalLM

    options = quantized.options(dtype) if quantize else {}
    place = place_of(name)
    tokenizer, start, end = load_tokenizer(place, system_prompt=system_prompt)
    model = weights.pretrained(AutoModelForCausalLM, place, "a causal language model", dtype=dtype, **options)
    masks.check(model.config, place)
    use_grouped_heads(model)
    return Backbone(model, tokenizer, start, end)


def place_of(name: str) -> str:
    """A folder or Hugging Face id that transformers can load; packaged weights are converted first.

    Raises:
        ModelError: As :func:`affectrl.models.weights.resolve`.
    """
    found = weights.resolve(name)
    return str(weights.converted(found, _convert_gguf)) if found.origin == "package" else found.location


def load_tokenizer(place: str, *, system_prompt: str | None = "") -> tuple[Any, str, str]:
    """The tokenizer at a place, and what its chat template puts before and after a user's words.

    Raises:
        ModelError: There is none, or it knows no word.
    """
    from transformers import AutoTokenizer

    try:
        with weights.quiet():
            tokenizer = AutoTokenizer.from_pretrained(place)
    except (OSError, ValueError) as error:
        first_line = str(error).splitlines()[0]
        raise ModelError(
            f"cannot be loaded as a causal language model: {first_line}", path=place, hint=weights.elsewhere(place)
        ) from error
    # Where the files are missing, transformers makes up a tokenizer of some classes, to which every text is empty.
    if not set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens):
        raise ModelError(
            "has no tokenizer.", path=place, hint="Copy the tokenizer's files that were published beside the weights."
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer, *_turns(tokenizer, system_prompt)


def _turns(tokenizer: Any, system_prompt: str | None) -> tuple[str, str]:
    """Text of the chat template before and after a user's words; plain labels for a tokenizer that has none.

    Raises:
        ModelError: The template refuses the system prompt, or does not leave a user's words as they are.
    """
    from jinja2 import TemplateError

    if not tokenizer.chat_template:
        return "", "\n"
    mark = "\x02words\x03"
    turns = [{"role": "user", "content": mark}]
    system = [] if system_prompt is None else [{"role": "system", "content": system_prompt}]
    try:
        text = tokenizer.apply_chat_template([*system, *turns], tokenize=False, add_generation_prompt=True)
    except TemplateError as error:
        if system_prompt:
            raise ModelError(
                f"the chat template refuses a system prompt: {error}",
                path=tokenizer.name_or_path,
                hint="Say model.system_prompt=null, and put what it says into the question.",
            ) from error
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    start, found, end = text.partition(mark)
    if not found:
        raise ModelError("the chat template does not repeat a user's words.", path=tokenizer.name_or_path)
    return start, end


def _convert_gguf(file: Path, folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with weights.quiet():
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    # The tensors are plain float32 by now, but the model still carries its quantizer and refuses to be saved.
    for mark in ("hf_quantizer", "quantization_method"):
        if hasattr(model, mark):
            delattr(model, mark)
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    with weights.quiet():
        tokenizer.save_pretrained(folder)
        model.save_pretrained(folder)
