"""VideoMAE (arXiv 2203.12602): what moves, from stretches of frames, as Emotion-LLaMA's temporal view.

A stretch holds as many frames as the model was trained with (16). Each row is the mean over the patches of one moment
(two frames), so that a stretch gives eight.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from affectrl.models.encoders import _hf, _vision

VERSION = "1"


class VideoMae:
    """See the module's text. ``encode`` gives ``(T, D)``."""

    def __init__(self, model: Any, processor: Any, key: str, layers: tuple[int, ...] | None) -> None:
        self.model, self._processor, self.layers = model, processor, layers
        config = model.config
        self.frames = config.num_frames
        self.parts = len(layers or (-1,))
        self.dim = self.parts * config.hidden_size
        self.crop = _vision.side(processor)
        self.key = f"videomae-{key}-v{VERSION}-{_hf.named(layers, False) if layers else 'last'}-{self.crop}"
        self._moments = config.num_frames // config.tubelet_size

    @torch.inference_mode()
    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """Features of frames ``(F, H, W, 3)``, uint8 RGB, in order of time; float32.

        More frames than a stretch holds make several, and each is filled up by holding frames longer.
        """
        stretches = np.array_split(np.arange(len(pictures)), -(-len(pictures) // self.frames))
        filled = [index[np.linspace(0, len(index) - 1, self.frames).round().astype(int)] for index in stretches]
        return torch.cat([self._rows(pictures[index]) for index in filled]).float().cpu().numpy()

    def pixels(self, pictures: np.ndarray) -> torch.Tensor:
        """What the model's own processor makes of one stretch, ``(1, frames, 3, h, w)``."""
        found: torch.Tensor = self._processor(list(pictures), return_tensors="pt").pixel_values
        return found

    def _rows(self, pictures: np.ndarray) -> torch.Tensor:
        weight = next(self.model.parameters())
        out = self.model(self.pixels(pictures).to(weight), output_hidden_states=True)
        # Without a choice: what the model itself ends with, normalized where its weights have a norm there.
        states = out.last_hidden_state if self.layers is None else _hf.beside(out.hidden_states, self.layers, False)
        return states[0].unflatten(0, (self._moments, -1)).mean(1)


def build(weights_name: str = "MCG-NJU/videomae-base", layers: Sequence[int] | None = None) -> VideoMae:
    """Load a VideoMAE by folder or Hugging Face id; heads for pretraining or classes are left out.

    Args:
        weights_name: What :func:`affectrl.models.weights.resolve` understands.
        layers: Hidden states, 0 to the number of layers, or negative from the end, side by side; by default what the
            model ends with.

    Raises:
        ModelError: The weights are missing or not a VideoMAE, or a setting does not fit.
    """
    from transformers import AutoImageProcessor, VideoMAEModel

    model, place, key = _hf.load(VideoMAEModel, weights_name, ("videomae",), "a VideoMAE")
    processor = _hf.processor(AutoImageProcessor, place, "a VideoMAE", backend="pil")
    kept = None if layers is None else _hf.chosen(layers, model.config.num_hidden_layers + 1)
    return VideoMae(model, processor, key, kept)
