"""What a machine can hold and do: a table of public figures for GPUs, a measurement on the spot for this CPU."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from affectrl.errors import UsageError
from affectrl.shelves import nearest
from affectrl.yaml_file import read_yaml

UTILIZATION = 0.4
"""Share of a GPU's peak matrix rate that a training step in eager mode is taken to reach. An assumption."""
BANDWIDTH_SHARE = 0.7
"""Likewise of its memory bandwidth."""
LAUNCH_S = 6e-6
"""Of one kernel from Python. An assumption; small models are bound by it."""
CONTEXT_BYTES = 600 * 10**6
"""What a CUDA context with its libraries takes before the first tensor. An assumption."""
GB = 10**9


@dataclass(frozen=True, slots=True)
class Device:
    """A place to run."""

    name: str
    kind: str
    """``cpu`` or ``cuda``."""
    memory: int
    """Bytes."""
    half_rate: float | None = None
    """Matrix work that is reached in bfloat16, FLOP/s; ``None`` where nobody has measured."""
    full_rate: float | None = None
    """Likewise in float32."""
    bandwidth: float = 0.0
    """Bytes a second."""
    launch_s: float = 0.0

    def seconds(self, flops: float, moved: float, *, float32: bool) -> float:
        """An operation's time: bound by arithmetic or by memory (roofline), and by being started at all."""
        rate = self.full_rate if float32 else self.half_rate
        if rate is None:
            return 0.0
        return max(flops / rate, moved / self.bandwidth, self.launch_s)


def gpu(name: str) -> Device:
    """A GPU by its name in ``devices.yaml``, or by its memory alone (``80GB``).

    Raises:
        UsageError: ``plan_device``.
    """
    table = _table()
    if size := re.fullmatch(r"(?i)\s*(\d+(?:\.\d+)?)\s*(?:GB|GiB|G)?\s*", name):
        memory = float(size[1])
        if memory <= 0:
            raise UsageError("--gpu: it has no memory.", code="plan_device")
        near = min(table, key=lambda row: abs(table[row]["memory"] - memory))
        return _device(f"{name} (rates of {near})", table[near], memory)
    row = name.lower().replace("_", "-").replace(" ", "-")
    if row not in table:
        raise UsageError(
            f"--gpu: no device is called {name!r}.", code="plan_device", hint=f"Or 80GB. {nearest(row, table)}"
        )
    return _device(row, table[row], table[row]["memory"])


def cpu(*, measure: bool = False) -> Device:
    """This machine's CPU and memory; its rates with ``measure``, which takes a second."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if not measure:
        return Device("this CPU", "cpu", memory)
    import torch

    wide = torch.randn(512, 512)
    rate = 2 * 512**3 / _fastest(lambda: wide @ wide)
    half = wide.bfloat16()
    half_rate = 2 * 512**3 / _fastest(lambda: half @ half)
    long = torch.ones(8 * 2**20)
    bandwidth = 2 * long.nbytes / _fastest(long.clone)
    few = torch.zeros(1)
    return Device("this CPU", "cpu", memory, half_rate, rate, bandwidth, _fastest(lambda: few + few, 200))


def _fastest(work: object, repeats: int = 5) -> float:
    assert callable(work)
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def _device(name: str, row: dict[str, float], memory: float) -> Device:
    rates = (row["bfloat16"] * 1e12 * UTILIZATION, row["float32"] * 1e12 * UTILIZATION)
    return Device(name, "cuda", int(memory * GB), *rates, row["bandwidth"] * GB * BANDWIDTH_SHARE, LAUNCH_S)


@cache
def _table() -> dict[str, dict[str, float]]:
    file = Path(str(resources.files("affectrl.planning").joinpath("devices.yaml")))
    return dict(read_yaml(file, code="data_invalid", what="device table"))
