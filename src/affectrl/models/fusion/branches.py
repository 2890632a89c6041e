"""HumanOmni's three readings of the same frames, mixed as the question asks (arXiv 2501.15111; R1-Omni, 2503.05379).

Patches of each frame go through three branches: what happens and what the body does, each through VideoLLaMA 2's
spatial-temporal connector (arXiv 2406.07476: RegNet blocks, a 3-D convolution that halves height and width, blocks, two
linear maps), and the face, through two linear maps and bilinear halving. A BERT over the question says how much of each
is taken. All three are given the same whole frames, as the published code gives them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor, nn

from affectrl.errors import ModelError
from affectrl.models.fusion._gate import Gate
from affectrl.models.fusion._regnet import stage
from affectrl.models.fusion._rows import linear, placed

BRANCHES = 3
SLOW_EVERY, SLOW_FIRST = 4, 1


class Branches(nn.Module):
    """Patches ``(T x grid^2, D)`` of each clip to ``(tokens, H)`` embeddings; see the module's text.

    Submodules are called as HumanOmni's are.

    Args:
        dim: D.
        width: H.
        gate: What mixes the branches.
        frames: T; of a clip with fewer, frames are taken again.
        grid: Patches along a side of a frame.
        depth: RegNet blocks before and after the convolution.
        pad: Of the convolution, in height and width.
        slow_fast: Halve height and width of all frames once more, and give every fourth one (from the second) whole
            beside them.
        scale: Root mean square of the language model's embeddings; ours start there.
    """

    asks = True

    def __init__(
        self,
        dim: int,
        width: int,
        gate: Gate,
        *,
        frames: int,
        grid: int,
        depth: int,
        pad: int,
        slow_fast: bool,
        scale: float,
    ) -> None:
        super().__init__()
        self.gate = gate
        self.frames, self.grid, self.slow_fast = frames, grid, slow_fast
        for name in ("video", "body"):
            sampler = nn.Conv3d(width, width, 2, stride=(1, 2, 2), padding=(1, pad, pad))
            readout = nn.Sequential(linear(width, width, 1.0), nn.GELU(), linear(width, width, scale))
            self.add_module(f"s1_{name}", stage(depth, dim, width))
            self.add_module(f"sampler_{name}", nn.Sequential(sampler, nn.SiLU()))
            self.add_module(f"s2_{name}", stage(depth, width, width))
            self.add_module(f"readout_{name}", readout)
        self.mlp_2xgelu_face = nn.Sequential(linear(dim, width, 1.0), nn.GELU(), linear(width, width, scale))
        self.absent = nn.Parameter(torch.randn(1, width) * scale)

    def fit(self, features: list[Tensor], prior: int | None = None) -> None:
        """Take the gate's published weights; of the features nothing, so that with ``prior`` nothing is to be done."""
        if prior is None:
            self.gate.fit()

    def forward(self, features: list[Tensor | None], questions: Sequence[str]) -> list[Tensor]:
        """Embeddings, ``(tokens, H)`` for a clip that has the stream and ``(1, H)`` for one that has not."""
        present = [(f, q) for f, q in zip(features, questions, strict=True) if f is not None]
        if not present:
            return [self.absent for _ in features]
        rows = torch.stack([self._frames(f) for f, _ in present])  # (N, T, D, grid, grid)
        shares = self.gate([q for _, q in present]).to(rows)[..., None, None, None, None]
        told = [self._connected(rows, "video"), self._connected(rows, "body"), self._face(rows)]
        mixed = sum(shares[:, i] * branch for i, branch in enumerate(told))  # (N, T, h, w, H)
        assert isinstance(mixed, Tensor)
        return placed(features, self._compressed(mixed) if self.slow_fast else mixed.flatten(1, 3), self.absent)

    def _frames(self, feature: Tensor) -> Tensor:
        count, rest = divmod(len(feature), self.grid**2)
        if rest or not count:
            raise ModelError(
                f"branches wants {self.grid} x {self.grid} rows a frame (take: patches), not {len(feature)} rows.",
                hint="Set fusion_settings.grid to the encoder's image size by its patch size.",
            )
        at = [(2 * i + 1) * count // (2 * self.frames) for i in range(self.frames)]
        return feature.view(count, self.grid, self.grid, -1).movedim(-1, 1)[at]

    def _connected(self, rows: Tensor, name: str) -> Tensor:
        """One of the two connectors: (N, T, D, grid, grid) to (N, T, h, w, H)."""
        s1, sampler, s2, readout = (getattr(self, f"{part}_{name}") for part in ("s1", "sampler", "s2", "readout"))
        x = s1(rows.flatten(0, 1)).unflatten(0, rows.shape[:2]).movedim(1, 2)  # (N, H, T, grid, grid)
        x = sampler(x)[:, :, :-1].movedim(2, 1)
        x = s2(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        found: Tensor = readout(x.movedim(2, -1))
        return found

    def _face(self, rows: Tensor) -> Tensor:
        x = self.mlp_2xgelu_face(rows.movedim(2, -1)).movedim(-1, 2)
        half = math.ceil(self.grid / 2)
        smaller = nn.functional.interpolate(x.flatten(0, 1), size=(half, half), mode="bilinear")
        return smaller.unflatten(0, x.shape[:2]).movedim(2, -1)

    def _compressed(self, x: Tensor) -> Tensor:
        fast = nn.functional.avg_pool2d(x.flatten(0, 1).movedim(-1, 1), 2).movedim(1, -1).unflatten(0, x.shape[:2])
        slow = x[:, SLOW_FIRST::SLOW_EVERY] if x.shape[1] > SLOW_FIRST else x[:, :1]
        return torch.cat([fast.flatten(1, 3), slow.flatten(1, 3)], 1)


def positions(*, frames: int, grid: int, pad: int = 0, slow_fast: bool = False) -> int:
    """How many embeddings a clip gives.

    Raises:
        ModelError: The branches would give different numbers: ``grid`` is odd and nothing is padded.
    """
    half, conv = math.ceil(grid / 2), (grid + 2 * pad - 2) // 2 + 1
    if half != conv:
        raise ModelError(f"with grid {grid} and pad {pad} the branches give {conv} and {half} rows a side.")
    if not slow_fast:
        return frames * half**2
    return frames * (half // 2) ** 2 + max(1, len(range(SLOW_FIRST, frames, SLOW_EVERY))) * half**2


def build(
    dim: int,
    width: int,
    *,
    tokens: PositiveInt,
    components: int = 0,
    dropout: float = 0.0,
    scale: float = 0.1,
    gate: str = "google-bert/bert-base-uncased",
    gate_hidden: PositiveInt = 3584,
    frames: PositiveInt = 8,
    grid: PositiveInt = 14,
    depth: PositiveInt = 2,
    pad: NonNegativeInt = 0,
    slow_fast: bool = False,
) -> Branches:
    """See :class:`Branches` and :class:`Gate`.

    Raises:
        ModelError: ``tokens`` is not what the branches give, or the gate's BERT cannot be found.
    """
    wanted = positions(frames=frames, grid=grid, pad=pad, slow_fast=slow_fast)
    if tokens != wanted:
        raise ModelError(f"branches gives {wanted} positions a clip, not tokens: {tokens}.", hint=f"Say {wanted}.")
    mixer = Gate(gate, branches=BRANCHES, hidden=gate_hidden)
    return Branches(dim, width, mixer, frames=frames, grid=grid, depth=depth, pad=pad, slow_fast=slow_fast, scale=scale)
