"""Train the face encoder: a residual network of 2.8 million weights, from nothing, on FER2013's training pictures.

Pictures are turned, shifted, scaled, mirrored and partly covered at random; every other step mixes pairs of them
(mixup, arXiv 1710.09412). What is kept is the running average of the weights, kernels as float16. An interrupted
training goes on with the last whole epoch. One training picture in ten is kept from it (:func:`shared_out`): the
language model learns from those how far the network can be believed, and could not from pictures that it knows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from affectrl import paths, progress
from affectrl.data.clip import Clip
from affectrl.data.content import fingerprint
from affectrl.data.load import load_clips
from affectrl.data.media.image import read_image
from affectrl.models import weights
from affectrl.models.encoders.expression import Expression, standardized
from affectrl.version import __version__

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
_PLAIN_EPOCHS = 4
"""At the end, without mixing: the network shall end on pictures as they are."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the packaged network was trained with."""

    epochs: int = 45
    side: int = 72
    """Pictures of 48 pixels are enlarged: the network halves their size four times."""
    batch_size: int = 128
    lr: float = 0.1
    weight_decay: float = 5e-4
    smoothing: float = 0.05
    mixup: float = 0.3
    ema: float = 0.998
    bfloat16: bool = True
    """Convolutions in half the bits: half the time where a processor has them (avx512_bf16), slow where it has not."""
    seed: int = 0


def network(side: int) -> Any:
    """An untrained network."""
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        num_channels=1,
        embedding_size=32,
        hidden_sizes=[32, 64, 128, 256],
        depths=[2, 2, 2, 2],
        layer_type="basic",
        downsample_in_first_stage=False,
        id2label=dict(enumerate(LABELS)),
        label2id={name: i for i, name in enumerate(LABELS)},
        image_size=side,
    )
    return ResNetForImageClassification(config).to(memory_format=torch.channels_last)


def held_out(clips: Sequence[Clip]) -> list[Clip]:
    """The validation clips of a set; those of its test part where, as in FER2013's folders, there is no other."""
    return next((part for name in ("validation", "test") if (part := [c for c in clips if c.split == name])), [])


def shared_out(clips: Sequence[Clip]) -> tuple[list[Clip], list[Clip]]:
    """Training clips for the network, and every tenth, which is kept for who learns from what the network says."""
    train = [clip for clip in clips if clip.split == "train"]
    kept = train[9::10]
    return [clip for i, clip in enumerate(train) if i % 10 != 9], kept


def pictures(clips: Sequence[Clip]) -> tuple[Tensor, Tensor]:
    """Grey pictures ``(N, 48, 48)`` uint8 and the numbers of their classes ``(N,)``.

    Raises:
        MediaError: One cannot be read.
    """
    grey = [read_image(clip.image).rgb[0, :, :, 0] for clip in clips if clip.image is not None]
    return torch.from_numpy(np.stack(grey)), torch.tensor([LABELS.index(clip.labels[0]) for clip in clips])


def disturbed(grey: Tensor, side: int) -> Tensor:
    """What is learned from, ``(N, 1, side, side)``: pictures ``(N, H, W)`` between 0 and 1, each changed by chance."""
    n = len(grey)
    angle = (torch.rand(n) * 2 - 1) * (15 * math.pi / 180)
    scale = 1 + (torch.rand(n) * 2 - 1) * 0.12
    mirror = (torch.rand(n) < 0.5).float() * 2 - 1
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = angle.cos() * scale * mirror, -angle.sin() * scale
    theta[:, 1, 0], theta[:, 1, 1] = angle.sin() * scale * mirror, angle.cos() * scale
    theta[:, :, 2] = (torch.rand(n, 2) * 2 - 1) * 0.12
    grid = F.affine_grid(theta, [n, 1, side, side], align_corners=False)
    moved = F.grid_sample(grey[:, None], grid, align_corners=False, padding_mode="reflection")
    pixels = standardized(moved[:, 0], side)
    for i in range(n):
        if torch.rand(()) < 0.4:
            high, wide = (int(side * (0.1 + 0.25 * torch.rand(()).item())) for _ in range(2))
            top, left = (int(torch.rand(()).item() * (side - size)) for size in (high, wide))
            pixels[i, :, top : top + high, left : left + wide] = torch.randn(()) * 0.5
    return pixels


def loss_of(net: Any, pixels: Tensor, classes: Tensor, settings: Settings, *, mixed: bool) -> Tensor:
    """Cross-entropy with smoothed classes; of ``mixed`` pictures, that of both by their shares."""
    if not mixed:
        return F.cross_entropy(net(pixels).logits, classes, label_smoothing=settings.smoothing)
    share = float(torch.distributions.Beta(settings.mixup, settings.mixup).sample())
    other = torch.randperm(len(pixels))
    logits = net(share * pixels + (1 - share) * pixels[other]).logits
    first = F.cross_entropy(logits, classes, label_smoothing=settings.smoothing)
    return share * first + (1 - share) * F.cross_entropy(logits, classes[other], label_smoothing=settings.smoothing)


@torch.no_grad()
def follow(average: Any, net: Any, share: float) -> None:
    """Let the averaged weights take ``share`` of the present ones; counters are copied."""
    for kept, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, share)
        else:
            kept.copy_(new)


def accuracy(net: Any, grey: Tensor, classes: Tensor, batch_size: int = 256) -> float:
    """Share of pictures that the encoder built on ``net`` names rightly."""
    seen = Expression(net.eval(), "training")
    right = 0
    for i in range(0, len(grey), batch_size):
        rgb = grey[i : i + batch_size, :, :, None].expand(-1, -1, -1, 3).numpy()
        right += int((seen.probabilities(rgb).argmax(1) == classes[i : i + batch_size].numpy()).sum())
    return right / len(grey)


def train(source: str, out: Path, settings: Settings | None = None) -> Path:
    """Train, or go on training, and write a folder that the encoder ``expression`` loads.

    Args:
        source: Such as ``fer2013:data/fer2013``.
        out: The folder; checkpoints lie in ``OUT-training`` beside it.
        settings: By default those of the packaged network.

    Returns:
        ``out``, with ``training.json``: settings, accuracy after each epoch on the public test part, data.

    Raises:
        DataError, MediaError: The pictures cannot be read.
    """
    chosen = settings or Settings()
    torch.manual_seed(chosen.seed)
    clips = load_clips(source)
    parts = {"train": shared_out(clips)[0], "validation": held_out(clips)}
    (grey, classes), (held, held_classes) = (pictures(parts[name]) for name in ("train", "validation"))
    net, average = network(chosen.side), network(chosen.side)
    average.load_state_dict(net.state_dict())
    decays = [{"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": chosen.weight_decay}]
    decays.append({"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0})
    optimizer = torch.optim.SGD(decays, lr=chosen.lr, momentum=0.9, nesterov=True)
    place = out.with_name(f"{out.name}-training") / "checkpoint.pt"
    first, scores = _resumed(place, chosen, net, average, optimizer)
    per_epoch = len(grey) // chosen.batch_size
    total = per_epoch * chosen.epochs
    with progress.bar("face encoder", total, first * per_epoch) as advance:
        for epoch in range(first, chosen.epochs):
            torch.manual_seed(chosen.seed * 1000 + epoch)
            net.train()
            order = torch.randperm(len(grey))
            for i in range(per_epoch):
                step = epoch * per_epoch + i
                rate = chosen.lr * min(1.0, (step + 1) / 300) * 0.5 * (1 + math.cos(math.pi * step / total))
                for group in optimizer.param_groups:
                    group["lr"] = rate
                rows = order[i * chosen.batch_size : (i + 1) * chosen.batch_size]
                pixels = disturbed(grey[rows].float() / 255, chosen.side).contiguous(memory_format=torch.channels_last)
                mixed = step % 2 == 0 and epoch < chosen.epochs - _PLAIN_EPOCHS
                with torch.autocast("cpu", torch.bfloat16, enabled=chosen.bfloat16):
                    loss = loss_of(net, pixels, classes[rows], chosen, mixed=mixed)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                follow(average, net, 1 - min(chosen.ema, (step + 1) / (step + 10)))
                advance(f"loss {loss.item():.3f}")
            with torch.autocast("cpu", torch.bfloat16, enabled=chosen.bfloat16):
                scores.append(round(accuracy(average, held, held_classes), 4))
            _keep(place, chosen, net, average, optimizer, scores)
    return _written(out, average, chosen, scores, parts)


def _resumed(place: Path, settings: Settings, net: Any, average: Any, optimizer: Any) -> tuple[int, list[float]]:
    if not place.is_file():
        return 0, []
    kept = torch.load(place, weights_only=True)
    if kept["settings"] != asdict(settings):
        return 0, []
    net.load_state_dict(kept["net"])
    average.load_state_dict(kept["average"])
    optimizer.load_state_dict(kept["optimizer"])
    return len(kept["scores"]), list(kept["scores"])


def _keep(place: Path, settings: Settings, net: Any, average: Any, optimizer: Any, scores: list[float]) -> None:
    parts = {"net": net, "average": average, "optimizer": optimizer}
    with paths.atomic(place) as scratch:
        states = {name: part.state_dict() for name, part in parts.items()}
        torch.save({**states, "scores": scores, "settings": asdict(settings)}, scratch)


def _written(out: Path, average: Any, settings: Settings, scores: list[float], parts: dict[str, list[Clip]]) -> Path:
    about = {
        "affectrl": __version__,
        "torch": torch.__version__,
        "settings": asdict(settings),
        "accuracy": scores,
        "data": {name: {"n": len(clips), "fingerprint": fingerprint(clips)} for name, clips in parts.items()},
    }
    with paths.atomic(out) as scratch:
        # Statistics of normalization lose too much in half precision.
        state = {n: t.half() if t.ndim > 1 else t for n, t in average.state_dict().items()}
        with weights.quiet():
            average.save_pretrained(scratch, state_dict=state)
        (scratch / "training.json").write_text(json.dumps(about, indent=1))
    return out
