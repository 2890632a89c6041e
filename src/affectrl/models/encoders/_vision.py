"""Picture encoders from transformers: each frame or face goes through the model's own image processor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from affectrl.errors import ModelError
from affectrl.models.encoders import _hf

VERSION = "1"
BATCH = 8
"""Pictures in one pass."""

Take = Literal["pooled", "cls", "mean", "patches"]


class VisionEncoder:
    """See the module's text. ``encode`` gives ``(F, D)``, or with ``take: patches`` ``(F x patches, D)``."""

    def __init__(
        self, model: Any, processor: Any, key: str, *, take: Take, layers: tuple[int, ...], first: int, dim: int
    ) -> None:
        self.model, self._processor = model, processor
        self.take, self.layers = take, layers
        self._first = first
        self.parts = max(1, len(layers))
        self.dim = dim
        self.crop = side(processor)
        self.key = f"{key}-v{VERSION}-{take}-{_hf.named(layers, False) if layers else ''}-{self.crop}"

    @torch.inference_mode()
    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """Features of pictures ``(F, H, W, 3)``, uint8 RGB, of any size; float32."""
        rows = [self._rows(pictures[i : i + BATCH]) for i in range(0, len(pictures), BATCH)]
        return torch.cat(rows).float().cpu().numpy()

    def pixels(self, pictures: np.ndarray) -> torch.Tensor:
        """What the model's own image processor makes of the pictures, ``(F, 3, h, w)``."""
        found: torch.Tensor = self._processor(list(pictures), return_tensors="pt").pixel_values
        return found

    def _run(self, pixels: torch.Tensor) -> Any:
        return self.model(pixels, output_hidden_states=True)

    def _rows(self, pictures: np.ndarray) -> torch.Tensor:
        out = self._run(self.pixels(pictures).to(next(self.model.parameters())))
        if self.take == "pooled":
            embeds: torch.Tensor | None = getattr(out, "image_embeds", None)
            return out.pooler_output if embeds is None else embeds
        states = _hf.beside(out.hidden_states, self.layers, False)  # (F, first + patches, D)
        if self.take == "cls":
            return states[:, 0]
        patches = states[:, self._first :]
        return patches.flatten(0, 1) if self.take == "patches" else patches.mean(1)


def side(processor: Any) -> int:
    """Pixels of the square that a processor would leave as large as it is."""
    size = processor.size
    for name in ("shortest_edge", "height"):
        if (found := getattr(size, name, None) or (size.get(name) if hasattr(size, "get") else None)) is not None:
            return int(found)
    raise ModelError("the image processor names no size that a square crop could have.")


def load(
    kind: Any,
    types: tuple[str, ...],
    what: str,
    weights_name: str,
    *,
    take: Take,
    layers: Sequence[int] | None,
    takes: tuple[Take, ...],
    pooled: str = "hidden_size",
    encoder: type[VisionEncoder] = VisionEncoder,
    **options: Any,
) -> VisionEncoder:
    """Build an encoder from published weights; see ``build`` of the files.

    Args:
        kind: A model class of transformers.
        types: See :func:`_hf.load`.
        what: Likewise.
        weights_name: Likewise.
        take: See the files.
        layers: Likewise.
        takes: What the model has; with ``cls``, its first token is the class token.
        pooled: Field of the configuration that holds the width of the pooled row.
        encoder: The class to make.
        **options: Of the model's configuration.

    Raises:
        ModelError: The weights are missing or of another kind, or a setting does not fit.
    """
    from transformers import AutoImageProcessor

    if take not in takes:
        raise ModelError(f"take must be one of {', '.join(takes)} for {what}, not {take!r}.")
    if take == "pooled" and layers is not None:
        others = ", ".join(name for name in takes if name != "pooled")
        raise ModelError(f"layers are of take: {others}; the pooled row is made of the last one.")
    model, place, key = _hf.load(kind, weights_name, types, what, **options)
    config = getattr(model.config, "vision_config", model.config)
    processor = _hf.processor(AutoImageProcessor, place, what, backend="pil")
    kept = () if take == "pooled" else _hf.chosen(layers, config.num_hidden_layers + 1)
    dim = getattr(config, pooled) if take == "pooled" else len(kept) * config.hidden_size
    key = f"{types[0]}-{key}"
    return encoder(model, processor, key, take=take, layers=kept, first=int("cls" in takes), dim=dim)
