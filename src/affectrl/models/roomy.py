"""A key-value cache with room to grow: decoding writes into it in place, where transformers would copy all of it."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer


class RoomyLayer(DynamicLayer):
    """One layer's keys and values, ``(B, heads, length, width)``, as views into larger buffers.

    Args:
        keys: What is there already.
        values: Likewise.
        room: Columns that will be added; more than that are copied, as in the base class.
    """

    def __init__(self, keys: Tensor, values: Tensor, room: int) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        self._take(keys, values, room)

    def _take(self, keys: Tensor, values: Tensor, room: int) -> None:
        length = keys.shape[-2]
        shape = (*keys.shape[:2], length + room, keys.shape[-1])
        self._buffers = (keys.new_empty(shape), values.new_empty((*shape[:-1], values.shape[-1])))
        for buffer, now in zip(self._buffers, (keys, values), strict=True):
            buffer[:, :, :length] = now
        self._show(length)

    def _show(self, length: int) -> None:
        self.keys, self.values = (buffer[:, :, :length] for buffer in self._buffers)

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Add columns, and give all."""
        start = self.keys.shape[-2]
        end = start + key_states.shape[-2]
        if end > self._buffers[0].shape[-2]:
            return super().update(key_states, value_states)
        for buffer, new in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[:, :, start:end] = new
        self._show(end)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep some rows, with as much room as before."""
        room = self._buffers[0].shape[-2] - self.keys.shape[-2]
        self._take(self.keys[indices], self.values[indices], max(room, 0))


def roomy(past: DynamicCache, room: int) -> DynamicCache:
    """The same cache with room for that many columns; only for passes without gradient."""
    out = DynamicCache()
    out.layers = [RoomyLayer(layer.keys, layer.values, room) for layer in past.layers]
    return out
