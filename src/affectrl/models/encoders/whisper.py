"""Whisper's encoder, all of its layers, on clips as short as they are.

The published model pads every clip to 30 seconds. We run transformers' own modules on the clip's real length, which
costs a twentieth for a three-second clip, and keep each layer's states: the middle layers carry tone of voice, the
last one mostly words. States are averaged to ``rate_hz`` rows a second before they are cached.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from affectrl.errors import ModelError
from affectrl.models import weights
from affectrl.models.encoders import _hf
from affectrl.models.weight_formats.ctranslate2_bin import read_tensors

if TYPE_CHECKING:
    from affectrl.data.media.audio import Waveform

VERSION = "1"
SAMPLE_RATE_HZ = 16_000
STATES_PER_SECOND = 50  # two mel frames of 10 ms a state
LONGEST_S = 30.0
SHORTEST_S = 0.1


class WhisperEncoder:
    """See the module's text. ``encode`` gives ``(T, layers x width)``: the layers' states side by side."""

    def __init__(
        self, model: Any, name: str, layers: tuple[int, ...], rate_hz: int, *, padded: bool = False, step: int = 0
    ) -> None:
        from transformers import WhisperFeatureExtractor

        self.model = model.eval().requires_grad_(False)
        self.layers, self.rate_hz = layers, rate_hz
        self._padded, self._step = padded, step or STATES_PER_SECOND // rate_hz
        self.parts = len(layers)
        self.dim = self.parts * model.config.d_model
        how = (f"-{step}s" if step else f"-{rate_hz}hz") + ("-padded" if padded else "")
        self.key = f"whisper-{name}-v{VERSION}-l{'.'.join(map(str, layers))}{how}"
        self._mel = WhisperFeatureExtractor(feature_size=model.config.num_mel_bins)

    @torch.inference_mode()
    def encode(self, waveform: Waveform) -> np.ndarray:
        """Features ``(T, D)`` at ``rate_hz`` rows a second; longer clips go through in 30-second windows."""
        samples = waveform.samples
        window = int(LONGEST_S * SAMPLE_RATE_HZ)
        pieces = [self._window(samples[i : i + window]) for i in range(0, max(len(samples), 1), window)]
        return np.concatenate(pieces)

    def _window(self, samples: np.ndarray) -> np.ndarray:
        missing = int(SHORTEST_S * SAMPLE_RATE_HZ) - len(samples)
        samples = np.pad(samples, (0, max(0, missing)))
        padding: Any = "max_length" if self._padded else False
        mel = self._mel(samples, sampling_rate=SAMPLE_RATE_HZ, padding=padding, return_tensors="pt").input_features
        layers = self._states(mel.to(self.model.conv1.weight))
        states = torch.cat([s for i, s in enumerate(layers) if i in self.layers], dim=-1)[0]  # (T50, D)
        rows = [chunk.mean(0) for chunk in states.split(self._step)]
        return torch.stack(rows).float().cpu().numpy()

    def _states(self, mel: torch.Tensor) -> list[torch.Tensor]:
        """Output of the convolutions (0) and of each layer (1..), the last one normalized; each ``(1, T50, width)``."""
        model = self.model
        x = torch.nn.functional.gelu(model.conv1(mel))
        x = torch.nn.functional.gelu(model.conv2(x)).transpose(1, 2)
        x = x + model.embed_positions.weight[: x.shape[1]]
        states = [x]
        for layer in model.layers:
            out = layer(x, None)
            x = out[0] if isinstance(out, tuple) else out
            states.append(x)
        states[-1] = model.layer_norm(states[-1])
        return states


def build(
    weights_name: str = "whisper-tiny.en",
    layers: tuple[int, ...] | list[int] | None = None,
    rate_hz: int = 10,
    padded: bool = False,
    states_a_row: int | None = None,
) -> WhisperEncoder:
    """Load a Whisper encoder by weights name, folder or Hugging Face id.

    Args:
        weights_name: What :func:`affectrl.models.weights.resolve` understands.
        layers: Which states to keep, 0 (convolutions) to the number of layers, or negative from the end; by default
            all.
        rate_hz: Rows a second, a divisor of 50.
        padded: Hear each window as the published model does, with silence up to 30 seconds.
        states_a_row: Of the 50 a second, in place of ``rate_hz``.

    Raises:
        ModelError: The weights are missing or not a Whisper, or a setting does not fit.
    """
    from transformers import WhisperConfig, WhisperModel
    from transformers.models.whisper.modeling_whisper import WhisperEncoder as HFEncoder

    found = weights.resolve(weights_name)
    if found.origin == "package":
        folder = weights.converted(found, _convert)
        encoder = weights.pretrained(HFEncoder, folder, "a Whisper", config=WhisperConfig.from_pretrained(folder))
    else:
        encoder = weights.pretrained(WhisperModel, found.location, "a Whisper", dtype=torch.float32).encoder
    states = len(encoder.layers) + 1
    kept = _hf.chosen(range(states) if layers is None else layers, states)
    if rate_hz < 1 or STATES_PER_SECOND % rate_hz:
        raise ModelError(f"rate_hz must be a divisor of {STATES_PER_SECOND}, not {rate_hz}.")
    if states_a_row is not None and states_a_row < 1:
        raise ModelError(f"states_a_row must be at least 1, not {states_a_row}.")
    return WhisperEncoder(encoder, found.key, kept, rate_hz, padded=padded, step=states_a_row or 0)


def _convert(file: Path, folder: Path) -> None:
    """CTranslate2's fused and renamed tensors to transformers' names, as safetensors."""
    from safetensors.numpy import save_file

    raw = {k.removeprefix("encoder/"): v for k, v in read_tensors(file, "encoder/").items()}
    heads = int(raw.pop("num_heads"))
    layers = len({k.split("/")[0] for k in raw if k.startswith("layer_")} - {"layer_norm"})
    out: dict[str, np.ndarray] = {"embed_positions.weight": raw["position_encodings/encodings"]}
    for conv in ("conv1", "conv2"):
        out |= {f"{conv}.weight": raw[f"{conv}/weight"], f"{conv}.bias": raw[f"{conv}/bias"]}
    out |= _norm(raw, "layer_norm", "layer_norm")
    for i in range(layers):
        out |= _layer(raw, f"layer_{i}", f"layers.{i}")
    width, mels = out["conv1.weight"].shape[:2]
    save_file({k: np.ascontiguousarray(v, dtype=np.float32) for k, v in out.items()}, folder / "model.safetensors")
    config = {
        "model_type": "whisper",
        "d_model": width,
        "encoder_layers": layers,
        "encoder_attention_heads": heads,
        "encoder_ffn_dim": out["layers.0.fc1.weight"].shape[0],
        "num_mel_bins": mels,
        "max_source_positions": out["embed_positions.weight"].shape[0],
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1))


def _norm(raw: dict[str, np.ndarray], theirs: str, ours: str) -> dict[str, np.ndarray]:
    return {f"{ours}.weight": raw[f"{theirs}/gamma"], f"{ours}.bias": raw[f"{theirs}/beta"]}


def _layer(raw: dict[str, np.ndarray], theirs: str, ours: str) -> dict[str, np.ndarray]:
    attention, ffn = f"{theirs}/self_attention", f"{theirs}/ffn"
    width = raw[f"{attention}/linear_1/weight"].shape[0]
    weight, bias = raw[f"{attention}/linear_0/weight"], raw[f"{attention}/linear_0/bias"]
    out = _norm(raw, f"{attention}/layer_norm", f"{ours}.self_attn_layer_norm")
    out |= _norm(raw, f"{ffn}/layer_norm", f"{ours}.final_layer_norm")
    for i, part in enumerate(("q_proj", "k_proj", "v_proj")):
        out[f"{ours}.self_attn.{part}.weight"] = weight[i * width : (i + 1) * width]
        if part != "k_proj":
            out[f"{ours}.self_attn.{part}.bias"] = bias[i * width : (i + 1) * width]
    out[f"{ours}.self_attn.out_proj.weight"] = raw[f"{attention}/linear_1/weight"]
    out[f"{ours}.self_attn.out_proj.bias"] = raw[f"{attention}/linear_1/bias"]
    for i in (0, 1):
        out[f"{ours}.fc{i + 1}.weight"] = raw[f"{ffn}/linear_{i}/weight"]
        out[f"{ours}.fc{i + 1}.bias"] = raw[f"{ffn}/linear_{i}/bias"]
    return out
