"""Checkpoints with AffectGPT's names and shapes, small and random, and its forward pass written out from its equations.

Nothing here imports a model of ours: what the tensors mean is taken from ``my_affectgpt/models/affectgpt.py``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear

VIDEO, AUDIO, WIDTH, LAYERS, RANK, ALPHA = 24, 32, 64, 2, 3, 32
HIDDEN, HEADS, QUERIES = 128, 2, 3
MAPS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
MAPS += ("mlp.gate_proj", "mlp.down_proj", "mlp.up_proj")
TOKENS = ("<ImageHere>", "<AudioHere>", "<FrameHere>", "<FaceHere>", "<MultiHere>")


def made(lm: Any, *, pool: str = "attention", multi: str = "attention", seed: int = 0) -> dict[str, Tensor]:
    """The ``model`` part of a checkpoint over a language model of transformers."""
    random = torch.Generator().manual_seed(seed)
    out: dict[str, Tensor] = {}

    def put(name: str, *shape: int) -> None:
        # So small that attention stays soft: what is one-hot does not feel its inputs.
        out[name] = (0.1 if "lora" in name else 0.15) * torch.randn(shape, generator=random)

    def line(name: str, inputs: int, outputs: int) -> None:
        put(f"{name}.weight", outputs, inputs)
        put(f"{name}.bias", outputs)

    def norm(name: str) -> None:
        put(f"{name}.weight", HIDDEN)
        put(f"{name}.bias", HIDDEN)

    def former(name: str, width: int, positions: int, kind: str) -> None:
        out[f"{name}_Qformer.bert.embeddings.position_ids"] = torch.arange(512)[None]
        put(f"{name}_query_tokens", 1, QUERIES, HIDDEN)
        put(f"{kind}_position_embedding.weight", positions, width)
        norm(f"{name}_Qformer.bert.embeddings.LayerNorm")
        for i in range(2):
            at = f"{name}_Qformer.bert.encoder.layer.{i}"
            for where, inputs in (("attention", HIDDEN), ("crossattention", width)):
                line(f"{at}.{where}.self.query", HIDDEN, HIDDEN)
                line(f"{at}.{where}.self.key", inputs, HIDDEN)
                line(f"{at}.{where}.self.value", inputs, HIDDEN)
                line(f"{at}.{where}.output.dense", HIDDEN, HIDDEN)
                norm(f"{at}.{where}.output.LayerNorm")
            line(f"{at}.intermediate_query.dense", HIDDEN, 4 * HIDDEN)
            line(f"{at}.output_query.dense", 4 * HIDDEN, HIDDEN)
            norm(f"{at}.output_query.LayerNorm")

    for name, module in lm.named_modules():
        if name.endswith(MAPS):
            at = f"llama_model.base_model.model.{name}"
            put(f"{at}.lora_A.default.weight", RANK, module.in_features)
            put(f"{at}.lora_B.default.weight", module.out_features, RANK)
    line("image_llama_proj", VIDEO, WIDTH)
    for name, kind, dim, project in (
        ("video", "video_frame", VIDEO, "affectgpt_proj"),
        ("audio", "audio", AUDIO, "audio_llama_proj"),
    ):
        if pool == "qformer":
            former(name, dim, 32 if name == "video" else 8, kind)
        elif pool == "attention":
            line(f"{name}_attention_mlp", dim, 1)
        line(project, HIDDEN if pool == "qformer" else dim, WIDTH)
    common = max(VIDEO, AUDIO)
    line("multi_audio_embs", AUDIO, common)
    line("multi_video_embs", VIDEO, common)
    if multi == "qformer":
        former("multi", common, 264, "multi")
    else:
        line("attention_mlp", 2 * common, common)
        line("fc_att", common, 2)
    line("multi_llama_proj", HIDDEN if multi == "qformer" else common, WIDTH)
    return out


def settings(**model: Any) -> dict[str, Any]:
    """The training configuration, as its YAML files and checkpoints have it."""
    named = {"llama_model": "Qwen25", "visual_encoder": "CLIP_VIT_LARGE", "acoustic_encoder": "HUBERT_LARGE"}
    counts = {f"num_{name}_query_token": 1 for name in ("audio", "video", "multi", "image")}
    face_or_frame = model.pop("face_or_frame", "multiface_audio_face_text")
    sets = {"mercaptionplus": {"face_or_frame": face_or_frame, "label_type": "hybird"}}
    return {"model": {"arch": "affectgpt", **named, **counts, **model}, "datasets": sets, "run": {"seed": 42}}


def save(file: Path, tensors: dict[str, Tensor], config: dict[str, Any]) -> Path:
    """As its runner writes a checkpoint."""
    held = {"model": tensors, "optimizer": {"state": {}, "param_groups": []}, "config": config, "scaler": None}
    torch.save(held | {"epoch": 60}, file)
    return file


class Theirs:
    """The forward pass over given encoder outputs: projections, pre-fusion, prompt, language model with LoRA."""

    def __init__(self, tensors: dict[str, Tensor], lm: Any, tokenizer: Any) -> None:
        self.w, self.lm, self.tokenizer = tensors, lm, tokenizer
        self.tokenizer.add_tokens(list(TOKENS), special_tokens=True)
        for name, module in lm.named_modules():
            if (at := f"llama_model.base_model.model.{name}.lora_A.default.weight") in tensors:
                b = tensors[at.replace("lora_A", "lora_B")]
                module.weight.data += ALPHA / RANK * b @ tensors[at]

    def line(self, name: str, x: Tensor) -> Tensor:
        return linear(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    def norm(self, name: str, x: Tensor) -> Tensor:
        return layer_norm(x, x.shape[-1:], self.w[f"{name}.weight"], self.w[f"{name}.bias"], 1e-12)

    def _attend(self, at: str, x: Tensor, to: Tensor) -> Tensor:
        q, k, v = (self.line(f"{at}.self.{n}", y) for n, y in (("query", x), ("key", to), ("value", to)))
        q, k, v = (y.unflatten(-1, (HEADS, -1)).transpose(0, 1) for y in (q, k, v))
        seen = (q @ k.transpose(1, 2) / math.sqrt(HIDDEN // HEADS)).softmax(-1) @ v
        return self.norm(f"{at}.output.LayerNorm", self.line(f"{at}.output.dense", seen.transpose(0, 1).flatten(1)) + x)

    def former(self, name: str, kind: str, rows: Tensor) -> Tensor:
        """Queries over rows (T, D), with a position added to each."""
        rows = rows + self.w[f"{kind}_position_embedding.weight"][: len(rows)]
        x = self.norm(f"{name}_Qformer.bert.embeddings.LayerNorm", self.w[f"{name}_query_tokens"][0])
        for i in range(2):
            at = f"{name}_Qformer.bert.encoder.layer.{i}"
            x = self._attend(f"{at}.attention", x, x)
            x = self._attend(f"{at}.crossattention", x, rows)
            wide = gelu(self.line(f"{at}.intermediate_query.dense", x))
            x = self.norm(f"{at}.output_query.LayerNorm", self.line(f"{at}.output_query.dense", wide) + x)
        return x

    def stream(self, name: str, kind: str, project: str, rows: Tensor) -> Tensor:
        """Embeddings of one stream."""
        if f"{name}_query_tokens" in self.w:
            return self.line(project, self.former(name, kind, rows))
        if f"{name}_attention_mlp.weight" not in self.w:
            return self.line(project, rows.mean(0))[None]
        return self.line(project, rows.T @ self.line(f"{name}_attention_mlp", rows)[:, 0])[None]

    def multi(self, video: Tensor, audio: Tensor) -> Tensor:
        """The pre-fusion's embeddings."""
        if "multi_query_tokens" in self.w:
            rows = torch.cat([self.line("multi_video_embs", video), self.line("multi_audio_embs", audio)])
            return self.line("multi_llama_proj", self.former("multi", "multi", rows))
        both = [self.line("multi_video_embs", video.mean(0)), self.line("multi_audio_embs", audio.mean(0))]
        share = self.line("fc_att", self.line("attention_mlp", torch.cat(both)))
        return self.line("multi_llama_proj", torch.stack(both, 1) @ share)[None]

    def logits(self, prompt: str, embeds: dict[str, Tensor]) -> Tensor:
        """Of the next token after a prompt, each of whose special tokens stands for all embeddings of its stream."""
        ids = self.tokenizer(prompt, add_special_tokens=False).input_ids
        table = self.lm.get_input_embeddings().weight
        places = {self.tokenizer.convert_tokens_to_ids(token): found for token, found in embeds.items()}
        rows = torch.cat([places[i] if i in places else table[i][None] for i in ids])
        return self.lm(inputs_embeds=rows[None]).logits[0, -1]
