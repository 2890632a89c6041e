"""Matrix products of few rows, which is what decoding is made of, in the order that a CPU's library is quick at."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

FEWEST, MOST = 9, 96
"""Rows between which ``W x^T`` takes less time than ``x W^T``: docs/performance.md."""
SMALLEST = 64
"""Outputs of a map below which nothing is gained."""


class FewRows(TorchFunctionMode):
    """Within it, float32 linear maps of a few rows on the CPU are computed the other way round, the same to rounding.

    Rows are filled up to a multiple of eight, since the library is slow at odd numbers of columns.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """See :class:`torch.overrides.TorchFunctionMode`."""
        if func is torch.nn.functional.linear and not kwargs and len(args) >= 2:
            x, weight = args[0], args[1]
            bias = args[2] if len(args) > 2 else None
            rows = x.numel() // x.shape[-1]
            plain = x.dtype is torch.float32 and weight.dtype is torch.float32 and x.device.type == "cpu"
            if plain and FEWEST <= rows <= MOST and len(weight) >= SMALLEST:
                flat = torch.nn.functional.pad(x.reshape(rows, -1), (0, 0, 0, -rows % 8))
                out = (weight @ flat.t()).t()[:rows]
                out = out if bias is None else out + bias
                return out.reshape(*x.shape[:-1], len(weight))
        return func(*args, **(kwargs or {}))
