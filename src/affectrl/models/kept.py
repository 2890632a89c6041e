"""What a rollout's pass over the prefixes leaves for the update, which then does not run them again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, autograd


@dataclass(frozen=True, slots=True)
class Kept:
    """Keys and values of B prefixes, and where learning weights act on them, the graph that made them."""

    layers: Sequence[tuple[Tensor, Tensor]]
    """Of each layer ``(B, heads, columns, width)``."""
    last: Tensor | None = None
    """(B, H): hidden state of the last position, if that was run as well."""

    @classmethod
    def of(cls, past: Any, last: Tensor | None = None) -> Kept:
        """Of a transformers cache, as it is now."""
        return cls([(layer.keys, layer.values) for layer in past.layers], last)

    @property
    def graph(self) -> bool:
        """Whether gradients are to go through it: then it serves one update, before which no weight changes."""
        return any(t.requires_grad for t in self._tensors())

    def cache(self) -> Any:
        """A transformers cache that begins with these columns, and grows apart from them."""
        from transformers import DynamicCache

        return DynamicCache(list(self.layers))

    def rows(self, index: Tensor) -> Kept:
        """Some of the prefixes, by their numbers."""
        last = None if self.last is None else self.last[index]
        return Kept([(keys[index], values[index]) for keys, values in self.layers], last)

    def cut(self) -> tuple[Kept, Callable[[], None]]:
        """The same numbers without their graph, which collect gradients; and what sends those on through the graph.

        So several backward passes over completions need only one over the prefixes.
        """
        made = self._tensors()
        leaves = [t.detach().requires_grad_(t.requires_grad) for t in made]

        def finish() -> None:
            found = [(t, leaf.grad) for t, leaf in zip(made, leaves, strict=True) if leaf.grad is not None]
            if found:
                autograd.backward([t for t, _ in found], [grad for _, grad in found])

        layers = list(zip(leaves[0::2], leaves[1::2], strict=False))[: len(self.layers)]
        return Kept(layers, None if self.last is None else leaves[-1]), finish

    def _tensors(self) -> list[Tensor]:
        return [*(t for pair in self.layers for t in pair), *([] if self.last is None else [self.last])]
