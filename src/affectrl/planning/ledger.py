"""Counts what operations on ``meta`` tensors would allocate and compute, while they run."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count

from affectrl.planning.devices import Device

ELSEWHERE = "other"


class Ledger(TorchDispatchMode):
    """Live bytes under labels, their peaks, FLOPs and seconds, of what runs within it.

    A storage counts from the operation that makes it to the moment when nobody holds it, which is when torch would
    free it. Scratch space inside of kernels is not seen.

    Args:
        device: Whose rates turn FLOPs and bytes into seconds; without one there are none.
        known: Tensors that are counted elsewhere, such as weights.
    """

    def __init__(self, device: Device | None, known: list[Tensor]) -> None:
        super().__init__()
        self.device = device
        self.live: dict[str, int] = {}
        self.now = 0
        self.peaks: dict[str, tuple[int, dict[str, int]]] = {}
        """Of what ran under each label: most live bytes, and what they were then."""
        self.flops = self.seconds = 0.0
        self._label = ELSEWHERE
        self._seen = {t.untyped_storage()._cdata for t in known}

    @contextmanager
    def label(self, name: str) -> Iterator[None]:
        """What is allocated within counts under this name."""
        before, self._label = self._label, name
        try:
            yield
        finally:
            self._label = before

    def fresh(self) -> None:
        """Forget the peaks so far; what is live stays."""
        self.peaks = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        made = [t for t in tree_leaves(out) if isinstance(t, Tensor)]
        for tensor in made:
            self._note(tensor)
        if not func.is_view:
            self._work(func, args, kwargs or {}, out, made)
        return out

    def _note(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._seen or tensor.device.type != "meta":
            return
        self._seen.add(key)
        self.live[self._label] = self.live.get(self._label, 0) + size
        self.now += size
        if self._label not in self.peaks or self.now > self.peaks[self._label][0]:
            self.peaks[self._label] = self.now, dict(self.live)
        weakref.finalize(storage, self._freed, key, self._label, size).atexit = False

    def _freed(self, key: int, label: str, size: int) -> None:
        self._seen.discard(key)
        self.live[label] -= size
        self.now -= size

    def _work(self, func: Any, args: Any, kwargs: Any, out: Any, made: list[Tensor]) -> None:
        count: Any = FLOPS.get(func._overloadpacket) or flop_registry.get(func._overloadpacket)
        flops = float(count(*args, **kwargs, out_val=out)) if count else 0.0
        self.flops += flops
        if self.device is not None:
            read = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
            moved = sum(t.numel() * t.element_size() for t in [*read, *made])
            wide = any(t.dtype == torch.float32 for t in read if t.is_floating_point())
            self.seconds += self.device.seconds(flops, moved, float32=wide)


def _grouped(rows: Tensor, matrices: Tensor, *args: Any, out_val: Tensor, **kwargs: Any) -> int:
    """Of a mixture's experts: each row ``(S, K)`` meets one of the matrices ``(E, K, N)``."""
    return 2 * rows.shape[-1] * out_val.numel()


def _flash(q: Tensor, k: Tensor, v: Tensor, *args: Any, out_val: Any = None, **kwargs: Any) -> int:
    # Query heads of a group count as heads of their own: the work is theirs, only the copies are spared.
    heads = (q.shape[0], q.shape[1])
    return int(sdpa_flop_count(q.shape, (*heads, *k.shape[2:]), (*heads, *v.shape[2:])))


def _flash_backward(grad: Tensor, q: Tensor, k: Tensor, v: Tensor, *args: Any, **kwargs: Any) -> int:
    heads = (q.shape[0], q.shape[1])
    return int(sdpa_backward_flop_count(grad.shape, q.shape, (*heads, *k.shape[2:]), (*heads, *v.shape[2:])))


FLOPS = {
    torch.ops.aten._grouped_mm: _grouped,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _flash,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _flash_backward,
}
"""Of CPU attention and mixtures of experts, which torch's own counter leaves out."""
