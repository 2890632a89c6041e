"""HuBERT, WavLM and wav2vec 2.0: one stack of convolutions and transformer layers, three ways to have trained it.

Clips go through as short as they are. States are averaged to ``rate_hz`` rows a second, or to one row an excerpt, as
AffectGPT takes eight excerpts of two seconds (its ``HUBERT_LARGE`` encoder: mean of the last four layers and of time).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from affectrl.errors import ModelError
from affectrl.models.encoders import _hf

if TYPE_CHECKING:
    from affectrl.data.media.audio import Waveform

VERSION = "1"
SAMPLE_RATE_HZ = 16_000
WINDOW_S = 30.0
"""Longer clips go through in windows of so many seconds, since attention costs the square of the length."""
SHORTEST_S = 0.1


class SpeechEncoder:
    """See the module's text. ``encode`` gives ``(T, D)``, the chosen layers side by side or averaged."""

    def __init__(
        self,
        model: Any,
        extractor: Any,
        key: str,
        *,
        layers: tuple[int, ...],
        average: bool,
        rate_hz: int,
        excerpts: int | None,
        excerpt_s: float,
        level_together: bool = False,
    ) -> None:
        self.model, self._extractor = model, extractor
        self.layers, self._average = layers, average
        self.excerpts, self._excerpt_s, self._together = excerpts, excerpt_s, level_together
        stride = int(np.prod(model.config.conv_stride))
        self._step, rest = divmod(SAMPLE_RATE_HZ, stride * rate_hz)
        if rest or not self._step:
            raise ModelError(f"rate_hz must be a divisor of {SAMPLE_RATE_HZ / stride:g}, not {rate_hz}.")
        self.parts = 1 if average else len(layers)
        self.dim = self.parts * model.config.hidden_size
        how = f"{rate_hz}hz" if excerpts is None else f"{excerpts}x{excerpt_s:g}s" + "-together" * level_together
        self.key = f"{key}-v{VERSION}-{_hf.named(layers, average)}-{how}"

    @torch.inference_mode()
    def encode(self, waveform: Waveform) -> np.ndarray:
        """Features ``(T, D)``, float32, for samples at 16 kHz."""
        samples = waveform.samples
        if self.excerpts is not None:
            rows = [self._states(values).mean(0, keepdim=True) for values in self._levelled(self._excerpts(samples))]
        else:
            window = int(WINDOW_S * SAMPLE_RATE_HZ)
            pieces = [samples[i : i + window] for i in range(0, max(len(samples), 1), window)]
            values = map(self._values, pieces)
            rows = [torch.stack([c.mean(0) for c in self._states(v).split(self._step)]) for v in values]
        return torch.cat(rows).float().cpu().numpy()

    def _excerpts(self, samples: np.ndarray) -> list[np.ndarray]:
        """Evenly spaced from the first to the last that fits; of a shorter clip, the whole of it each time."""
        assert self.excerpts is not None
        length = min(int(self._excerpt_s * SAMPLE_RATE_HZ), len(samples))
        starts = np.linspace(0, len(samples) - length, self.excerpts).round().astype(int)
        return [samples[start : start + length] for start in starts]

    def _levelled(self, pieces: list[np.ndarray]) -> Sequence[torch.Tensor]:
        """What the model is given of each excerpt, ``(1, S)``: brought to one level apart, or all together."""
        if not self._together or len(pieces[0]) < int(SHORTEST_S * SAMPLE_RATE_HZ):
            return [self._values(piece) for piece in pieces]
        return self._values(np.concatenate(pieces)).split(len(pieces[0]), 1)

    def _values(self, samples: np.ndarray) -> torch.Tensor:
        samples = np.pad(samples, (0, max(0, int(SHORTEST_S * SAMPLE_RATE_HZ) - len(samples))))
        found: torch.Tensor = self._extractor(samples, sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt").input_values
        return found

    def _states(self, values: torch.Tensor) -> torch.Tensor:
        """The kept layers' states ``(T50, D)``."""
        weight = next(self.model.parameters())
        out = self.model(values.to(weight), output_hidden_states=True)
        return _hf.beside([state[0] for state in out.hidden_states], self.layers, self._average)


def builder(kind: str, model_type: str, what: str, default: str) -> Callable[..., SpeechEncoder]:
    """The ``build`` of one kind of model.

    Args:
        kind: Its class in transformers.
        model_type: What its ``config.json`` says.
        what: What it is, for errors: "a HuBERT".
        default: Published weights.
    """

    def build(
        weights_name: str = default,
        layers: Sequence[int] | None = None,
        average: bool = False,
        rate_hz: int = 10,
        excerpts: int | None = None,
        excerpt_s: float = 2.0,
        level_together: bool = False,
    ) -> SpeechEncoder:
        """Load it by folder or Hugging Face id; heads for recognition or pretraining are left out.

        Args:
            weights_name: What :func:`affectrl.models.weights.resolve` understands.
            layers: Hidden states to keep, 0 (convolutions) to the number of layers, or negative from the end; the last
                by default.
            average: Whether the kept layers are averaged rather than laid side by side.
            rate_hz: Rows a second, a divisor of the model's own rate (50).
            excerpts: Instead, one row for each of so many evenly spaced excerpts.
            excerpt_s: Their length. Seconds.
            level_together: Normalize the excerpts' samples by the mean and spread of all of them: AffectGPT hands its
                feature extractor all eight as one array.

        Raises:
            ModelError: The weights are missing or of another kind, or a setting does not fit.
        """
        import transformers

        if rate_hz < 1 or (excerpts is not None and excerpts < 1) or excerpt_s < SHORTEST_S:
            raise ModelError(
                f"rate_hz and excerpts must be at least 1 and excerpt_s at least {SHORTEST_S:g}, "
                f"not {rate_hz}, {excerpts} and {excerpt_s:g}."
            )
        model, place, key = _hf.load(getattr(transformers, kind), weights_name, (model_type,), what)
        return SpeechEncoder(
            model,
            _hf.processor(transformers.AutoFeatureExtractor, place, what),
            f"{model_type}-{key}",
            layers=_hf.chosen(layers, model.config.num_hidden_layers + 1),
            average=average,
            rate_hz=rate_hz,
            excerpts=excerpts,
            excerpt_s=excerpt_s,
            level_together=level_together,
        )

    return build
