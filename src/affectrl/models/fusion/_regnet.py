"""A stage of RegNet-Y blocks as timm builds them for VideoLLaMA 2's connector: channels normalized, SiLU, depthwise.

Modules are called as in timm (``RegStage``, ``Bottleneck``; arXiv 2003.13678), so that published weights keep their
names; timm itself would bring torchvision along. Every convolution has as many groups as channels or a kernel of one,
and squeeze-and-excitation goes through a quarter of the block's inputs.
"""

from __future__ import annotations

from torch import Tensor, nn

EPS = 1e-5
SQUEEZE = 0.25


class Normed(nn.Module):
    """A convolution without bias, its channels normalized at each place, and SiLU where ``act`` says so."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 1, groups: int = 1, act: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
        self.bn = nn.LayerNorm(outputs, eps=EPS)
        self._act = act

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, h, w)`` to the same places."""
        x = self.bn(self.conv(x).movedim(1, -1)).movedim(-1, 1)
        return nn.functional.silu(x) if self._act else x


class Squeeze(nn.Module):
    """Squeeze-and-excitation: each channel times a share that the means of all of them decide."""

    def __init__(self, channels: int, between: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, between, 1)
        self.fc2 = nn.Conv2d(between, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, h, w)`` to the same."""
        means = x.mean((2, 3), keepdim=True)
        shares: Tensor = self.fc2(nn.functional.silu(self.fc1(means))).sigmoid()
        return x * shares


class Block(nn.Module):
    """One block; ``downsample`` is there where the numbers of channels differ."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = Normed(inputs, outputs)
        self.conv2 = Normed(outputs, outputs, kernel=3, groups=outputs)
        self.se = Squeeze(outputs, round(inputs * SQUEEZE))
        self.conv3 = Normed(outputs, outputs, act=False)
        self.downsample = Normed(inputs, outputs, act=False) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """``(N, inputs, h, w)`` to ``(N, outputs, h, w)``."""
        return nn.functional.silu(self.conv3(self.se(self.conv2(self.conv1(x)))) + self.downsample(x))


def stage(depth: int, inputs: int, outputs: int) -> nn.Sequential:
    """``depth`` blocks, called ``b1``, ``b2`` ..."""
    out = nn.Sequential()
    for i in range(depth):
        out.add_module(f"b{i + 1}", Block(inputs if i == 0 else outputs, outputs))
    return out
