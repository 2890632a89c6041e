"""Few rows times large matrices, both ways: what models/few_rows.py chooses between, and where.

    OMP_NUM_THREADS=2 python benchmarks/few_rows.py

The matrices are those of a SmolLM2-135M layer, ten layers one after another, so that they come from memory as in
decoding. Microseconds a layer: the smallest of several runs, since what else runs on a machine only ever adds to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from torch.nn.functional import linear

from affectrl.models.few_rows import FewRows

SHAPES = ((576, 576), (192, 576), (192, 576), (576, 576), (1536, 576), (1536, 576), (576, 1536))
ROWS = (1, 4, 8, 9, 12, 16, 24, 32, 48, 64, 80, 96, 128, 192)
LAYERS, RUNS = 10, 12


def layers(weights: Sequence[Sequence[torch.Tensor]], rows: Sequence[torch.Tensor]) -> None:
    """All products once."""
    for layer in weights:
        for weight, x in zip(layer, rows, strict=True):
            linear(x, weight)


def other_way(weights: Sequence[Sequence[torch.Tensor]], rows: Sequence[torch.Tensor]) -> None:
    """The same as ``FewRows`` has it, at any number of rows."""
    for layer in weights:
        for weight, x in zip(layer, rows, strict=True):
            padded = torch.nn.functional.pad(x, (0, 0, 0, -len(x) % 8))
            (weight @ padded.t()).t()[: len(x)].contiguous()


def fastest(run: Callable[[], None]) -> float:
    """Microseconds a layer."""
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds) / LAYERS * 1e6


@torch.no_grad()
def main() -> None:
    """Print the table."""
    torch.manual_seed(0)
    weights = [[torch.randn(shape) for shape in SHAPES] for _ in range(LAYERS)]
    print(f"{torch.get_num_threads()} threads\n| rows | x W^T | W x^T | with FewRows |\n| ---: | ---: | ---: | ---: |")
    for n in ROWS:
        rows = [torch.randn(n, inputs) for _, inputs in SHAPES]
        plain = fastest(lambda rows=rows: layers(weights, rows))
        turned = fastest(lambda rows=rows: other_way(weights, rows))
        with FewRows():
            chosen = fastest(lambda rows=rows: layers(weights, rows))
        print(f"| {n} | {plain:.0f} | {turned:.0f} | {chosen:.0f} |")


if __name__ == "__main__":
    main()
