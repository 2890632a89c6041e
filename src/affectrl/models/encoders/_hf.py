"""What encoders from transformers have in common: weights of the right kind, and the choice of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from affectrl.errors import ModelError
from affectrl.models import weights


def load(kind: Any, name: str, types: tuple[str, ...], what: str, **options: Any) -> tuple[Any, str, str]:
    """A frozen model of transformers in evaluation mode, where it was loaded from, and its part of the cache key.

    Args:
        kind: A model class of transformers.
        name: What :func:`affectrl.models.weights.resolve` understands.
        types: Values of ``model_type`` in ``config.json`` that the class reads. Speech models share the names of their
            tensors, so that one kind would load as another and give nonsense.
        what: What it should be, for the error: "a HuBERT".
        **options: Passed on to ``from_pretrained``.

    Raises:
        ModelError: The weights are missing, damaged, incomplete or of another kind.
    """
    from transformers import PretrainedConfig

    found = weights.resolve(name)
    if found.origin == "package":
        raise ModelError(
            f"cannot be loaded as {what}: the package holds {found.source and found.source.hub}.", path=name
        )
    try:
        with weights.quiet():
            config, _ = PretrainedConfig.get_config_dict(found.location)
    except (OSError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(f"cannot be loaded as {what}: {reason}", path=found.location) from error
    if (told := config.get("model_type")) not in types:
        raise ModelError(
            f"cannot be loaded as {what}: its config.json says model_type {told!r}.",
            path=found.location,
            hint=f"Weights of {what} say {' or '.join(map(repr, types))}.",
        )
    # Many are published in half precision, which CPUs compute slowly and features would show.
    model = weights.pretrained(kind, found.location, what, dtype=torch.float32, **options)
    return model.eval().requires_grad_(False), found.location, found.key


def processor(kind: Any, place: str, what: str, **options: Any) -> Any:
    """The image processor or feature extractor that was published beside the weights.

    Raises:
        ModelError: There is none.
    """
    try:
        with weights.quiet():
            return kind.from_pretrained(place, **options)
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(
            f"has no preprocessing that goes with {what}: {reason}",
            path=place,
            hint="Copy the preprocessor_config.json that was published beside the weights.",
        ) from error


def chosen(layers: Sequence[int] | None, states: int) -> tuple[int, ...]:
    """Numbers of hidden states, 0 (before the first layer) to ``states - 1``; negative ones count from the end.

    Args:
        layers: What was asked for; the last state by default.
        states: How many the model has: its layers and one.

    Raises:
        ModelError: A number is out of range or stands there twice.
    """
    asked = (-1,) if layers is None else tuple(layers)
    kept = tuple(n + states if n < 0 else n for n in asked)
    if not kept or len(set(kept)) < len(kept) or not set(kept) <= set(range(states)):
        raise ModelError(
            f"layers must be different numbers from 0 to {states - 1}, or from the end, -1 to {-states}, "
            f"not {list(asked)}."
        )
    return kept


def beside(states: Sequence[torch.Tensor], kept: tuple[int, ...], average: bool) -> torch.Tensor:
    """The kept states ``(..., width)`` side by side ``(..., layers x width)``, or their mean ``(..., width)``."""
    picked = [states[n] for n in kept]
    return torch.stack(picked).mean(0) if average else torch.cat(picked, dim=-1)


def named(kept: tuple[int, ...], average: bool) -> str:
    """The choice of layers as part of a cache key."""
    return f"{'m' if average else 'l'}{'.'.join(map(str, kept))}"
