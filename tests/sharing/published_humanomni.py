"""Folders with HumanOmni's names and shapes, small and random, and its forward pass written out from its equations.

What the tensors mean is taken from ``humanomni/model/{humanomni_arch,projector}.py`` and timm's RegNet blocks.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import avg_pool1d, avg_pool2d, conv2d, conv3d, gelu, interpolate, layer_norm, linear, silu

PICTURE, SOUND, WIDTH, GATE = 32, 32, 64, 24
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "which", "emotion", "is", "in", "the", "face", "voice", "?"]


def save_bert(folder: Path) -> Path:
    """A small BERT with the words above."""
    from transformers import BertConfig, BertModel, BertTokenizer

    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    with torch.random.fork_rng():
        torch.manual_seed(11)
        BertModel(BertConfig(vocab_size=len(WORDS), initializer_range=0.5, **sizes)).save_pretrained(folder)
    return folder


def save_siglip(folder: Path, grid: int) -> Path:
    """A small SigLIP of ``grid`` by ``grid`` patches."""
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    sizes = {"hidden_size": PICTURE, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 48}
    picture = {"image_size": 16 * grid, "patch_size": 16}
    config = SiglipConfig(text_config=sizes | {"vocab_size": 64}, vision_config=sizes | picture)
    with torch.random.fork_rng():
        torch.manual_seed(12)
        SiglipModel(config).save_pretrained(folder)
    SiglipImageProcessor(size={"height": 16 * grid, "width": 16 * grid}).save_pretrained(folder)
    return folder


def made(lm: Any, bert: Any, *, depth: int = 2, tied: bool = True, slow_fast: bool = False) -> dict[str, Tensor]:
    """All tensors of a checkpoint over a Qwen2 and a BERT of transformers."""
    random = torch.Generator().manual_seed(4)
    out = {name: tensor.clone() for name, tensor in lm.state_dict().items()}
    if tied:
        del out["lm_head.weight"]

    def put(name: str, *shape: int, near: float = 0.0) -> None:
        out[f"model.{name}"] = near + 0.2 * torch.randn(shape, generator=random)

    def line(name: str, inputs: int, outputs: int, *kernel: int) -> None:
        put(f"{name}.weight", outputs, inputs, *kernel)
        put(f"{name}.bias", outputs)

    def conv(name: str, inputs: int, outputs: int, kernel: int) -> None:
        put(f"{name}.conv.weight", outputs, inputs, kernel, kernel)
        put(f"{name}.bn.weight", outputs, near=1.0)
        put(f"{name}.bn.bias", outputs)

    for branch in ("video", "body"):
        for stage, first in (("s1", PICTURE), ("s2", WIDTH)):
            for i in range(depth):
                at, inputs = f"mm_projector.{stage}_{branch}.b{i + 1}", first if i == 0 else WIDTH
                conv(f"{at}.conv1", inputs, WIDTH, 1)
                conv(f"{at}.conv2", 1, WIDTH, 3)
                line(f"{at}.se.fc1", WIDTH, round(inputs / 4), 1, 1)
                line(f"{at}.se.fc2", round(inputs / 4), WIDTH, 1, 1)
                conv(f"{at}.conv3", WIDTH, WIDTH, 1)
                if inputs != WIDTH:
                    conv(f"{at}.downsample", inputs, WIDTH, 1)
        line(f"mm_projector.sampler_{branch}.0", WIDTH, WIDTH, 2, 2, 2)
        line(f"mm_projector.readout_{branch}.0", WIDTH, WIDTH)
        line(f"mm_projector.readout_{branch}.2", WIDTH, WIDTH)
    for name, inputs in (("mm_projector.mlp_2xgelu_face", PICTURE), ("audio_projector", SOUND)):
        line(f"{name}.0", inputs, WIDTH)
        line(f"{name}.2", WIDTH, WIDTH)
    for name, tensor in bert.state_dict().items():
        out[f"model.bert_model.{name}"] = tensor + 0.01  # trained on: no longer the published one's
    line("bert_gate.0", 16, GATE)
    line("bert_gate.2", GATE, 3)
    if slow_fast:
        line("feature_compressor.vlm_query_projector", PICTURE, 8)
        line("feature_compressor.vlm_key_projector", PICTURE, 8)
    put("vision_tower.vision_tower.vision_model.embeddings.patch_embedding.bias", PICTURE)
    put("audio_tower.audio_tower.encoder.conv1.bias", SOUND)
    return out


def save(folder: Path, tensors: dict[str, Tensor], lm: Any, tokenizer: Any, **config: Any) -> Path:
    """As ``save_pretrained`` leaves it: two shards, the configuration, the tokenizer."""
    folder.mkdir()
    names = sorted(tensors)
    for i, part in enumerate((names[::2], names[1::2])):
        save_file({n: tensors[n].contiguous() for n in part}, folder / f"model-0000{i + 1}-of-00002.safetensors")
    own = {
        "model_type": "HumanOmni_qwen2",
        "architectures": ["HumanOmniQwen2ForCausalLM"],
        "mm_projector_type": "all_in_one_small",
        "mm_audio_projector_type": "mlp2x_gelu",
        "mm_vision_tower": "/mnt/data/someone/siglip-base-patch16-224",
        "mm_audio_tower": "/mnt/data/someone/whisper-large-v3",
        "mm_vision_select_layer": -2,
        "mm_vision_select_feature": "patch",
        "mm_hidden_size": PICTURE,
        "mm_use_x_start_end": True,
        "num_frames": 8,
    }
    (folder / "config.json").write_text(json.dumps(lm.config.to_dict() | own | config))
    tokenizer.save_pretrained(folder)
    return folder


class Theirs:
    """The forward pass over given patches and sound states."""

    def __init__(self, tensors: dict[str, Tensor], lm: Any, bert: Any, bert_tokenizer: Any, *, pad: int = 0) -> None:
        self.w, self.lm, self.bert, self.words, self.pad = tensors, lm, bert, bert_tokenizer, pad
        start = "model.bert_model."
        bert.load_state_dict({n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)})

    def line(self, name: str, x: Tensor) -> Tensor:
        return linear(x, self.w[f"model.{name}.weight"], self.w[f"model.{name}.bias"])

    def two(self, name: str, x: Tensor) -> Tensor:
        return self.line(f"{name}.2", gelu(self.line(f"{name}.0", x)))

    def _conv(self, name: str, x: Tensor, *, act: bool = True) -> Tensor:
        kernel = self.w[f"model.{name}.conv.weight"]
        x = conv2d(x, kernel, padding=kernel.shape[-1] // 2, groups=x.shape[1] // kernel.shape[1])
        scale, shift = self.w[f"model.{name}.bn.weight"], self.w[f"model.{name}.bn.bias"]
        x = layer_norm(x.permute(0, 2, 3, 1), scale.shape, scale, shift, 1e-5).permute(0, 3, 1, 2)
        return silu(x) if act else x

    def stage(self, name: str, x: Tensor) -> Tensor:
        i = 1
        while f"model.{name}.b{i}.conv1.conv.weight" in self.w:
            at, shortcut = f"{name}.b{i}", x
            x = self._conv(f"{at}.conv2", self._conv(f"{at}.conv1", x))
            squeezed = self.line_conv(
                f"{at}.se.fc2", silu(self.line_conv(f"{at}.se.fc1", x.mean((2, 3), keepdim=True)))
            )
            x = self._conv(f"{at}.conv3", x * squeezed.sigmoid(), act=False)
            if f"model.{at}.downsample.conv.weight" in self.w:
                shortcut = self._conv(f"{at}.downsample", shortcut, act=False)
            x, i = silu(x + shortcut), i + 1
        return x

    def line_conv(self, name: str, x: Tensor) -> Tensor:
        return conv2d(x, self.w[f"model.{name}.weight"], self.w[f"model.{name}.bias"])

    def connector(self, branch: str, frames: Tensor) -> Tensor:
        """(T, D, g, g) to (T', h, w, H)."""
        x = self.stage(f"mm_projector.s1_{branch}", frames).transpose(0, 1)[None]
        at = f"model.mm_projector.sampler_{branch}.0"
        pads = (1, self.pad, self.pad)
        x = silu(conv3d(x, self.w[f"{at}.weight"], self.w[f"{at}.bias"], stride=(1, 2, 2), padding=pads))[:, :, :-1]
        x = self.stage(f"mm_projector.s2_{branch}", x[0].transpose(0, 1))
        return self.two(f"mm_projector.readout_{branch}", x.permute(0, 2, 3, 1))

    def shares(self, question: str) -> Tensor:
        told = self.words([question], return_tensors="pt", padding=True, truncation=True, add_special_tokens=True)
        return self.two("bert_gate", self.bert(**told).last_hidden_state[:, 0])[0].softmax(-1)

    def frames(self, patches: Tensor, question: str, *, slow_fast: bool = False) -> Tensor:
        """Embeddings of patches (T g^2, D)."""
        side = round((len(patches) // 8) ** 0.5)
        grid = patches.view(8, side, side, PICTURE)
        shares, first = self.shares(question), grid.permute(0, 3, 1, 2)
        face = self.two("mm_projector.mlp_2xgelu_face", grid).permute(0, 3, 1, 2)
        face = interpolate(face, size=[math.ceil(side / 2), math.ceil(side / 2)], mode="bilinear").permute(0, 2, 3, 1)
        video, body = self.connector("video", first), self.connector("body", first)
        mixed = video * shares[0] + body * shares[1] + face * shares[2]
        if not slow_fast:
            return mixed.flatten(0, 2)
        fast = avg_pool2d(mixed.permute(0, 3, 1, 2), 2, 2).permute(0, 2, 3, 1)
        return torch.cat([fast.flatten(0, 2), mixed[torch.arange(1, len(mixed), 4)].flatten(0, 2)])

    def sound(self, states: Tensor) -> Tensor:
        """Embeddings of Whisper's states (1500, D)."""
        return self.two("audio_projector", avg_pool1d(states.T[None], 3, 3)[0].T)

    def logits(self, tokenizer: Any, question: str, frames: Tensor, sound: Tensor) -> Tensor:
        """Of the first token of the answer."""
        said = f"<video>\n<audio>\n{question}"
        turn = [{"role": "user", "content": said}]
        text = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        text = text.replace("<video>", "<vi_start><video><vi_end>").replace("<audio>", "<au_start><audio><au_end>")
        before, rest = text.split("<video>")
        between, after = rest.split("<audio>")
        table = self.lm.get_input_embeddings()
        ids = [torch.tensor(tokenizer(t, add_special_tokens=False).input_ids) for t in (before, between, after)]
        rows = torch.cat([table(ids[0]), frames, table(ids[1]), sound, table(ids[2])])
        return self.lm(inputs_embeds=rows[None]).logits[0, -1]
