"""Several processes that train together, as ``accelerate launch`` starts them; with one, nothing here does anything.

What the processes share is the work of sampling and of gradients. Everything that is decided from a batch (rewards,
advantages, denominators, stops) is decided from the whole of it, and so in each process alike; see
:func:`affectrl.rl.rollout.ask` and :meth:`affectrl.rl.steps.Learner.update`. Files are written by the first process.

Imports torch only where it is there already: whoever asks for a rank need not wait for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from affectrl.errors import AffectError, RecipeError

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
PATIENCE = timedelta(days=7)
"""How long processes wait for the first one, which may have the features of many clips to extract."""


def begin() -> None:
    """Meet the other processes, if a launcher started several."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        from accelerate import PartialState

        PartialState(cpu=os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true"), timeout=PATIENCE)


def _torch() -> Any:
    """``torch.distributed`` where several processes have met, else ``None``."""
    group = getattr(sys.modules.get("torch"), "distributed", None)
    met = group is not None and group.is_available() and group.is_initialized() and group.get_world_size() > 1
    return group if met else None


def several() -> bool:
    """Whether there is more than one process."""
    return _torch() is not None


def world() -> int:
    """How many processes there are."""
    group = _torch()
    return 1 if group is None else int(group.get_world_size())


def rank() -> int:
    """Which of them this is; the first, number 0, is the one that writes."""
    group = _torch()
    return 0 if group is None else int(group.get_rank())


def mine(items: Sequence[T]) -> list[T]:
    """This process's share of what all of them hold: every ``world()``-th item."""
    return list(items[rank() :: world()])


def gathered(rows: list[T]) -> tuple[list[T], slice]:
    """The rows of all processes in the order of their ranks, and which of them are ours."""
    group = _torch()
    if group is None:
        return rows, slice(0, len(rows))
    found: list[Any] = [None] * world()
    group.all_gather_object(found, rows)
    start = sum(map(len, found[: rank()]))
    return [row for part in found for row in part], slice(start, start + len(rows))


def by_first(work: Callable[[], T]) -> T:
    """What ``work`` gives, done by the first process for all, which wait for it.

    Raises:
        AffectError: The one that ``work`` raised, in every process.
    """
    group = _torch()
    if group is None:
        return work()
    said: list[Any] = [None]
    if rank() == 0:
        try:
            said = [work()]
        except AffectError as error:  # the others wait for an answer, whatever it is
            said = [error]
    group.broadcast_object_list(said)
    if isinstance(said[0], AffectError):
        raise said[0]
    return said[0]


def first_then_others(work: Callable[[], T]) -> T:
    """``work`` in every process, when the first has done it: what it left in a cache is there for the others.

    Raises:
        AffectError: As ``work``.
    """
    if not several():
        return work()
    done: list[T] = []

    def once() -> None:
        done.append(work())

    by_first(once)
    return done[0] if done else work()


def any_of(flag: bool) -> bool:
    """Whether it is so in any process."""
    return any(gathered([flag])[0])


def sum_gradients(parameters: Iterable[Tensor]) -> None:
    """Put the sum over all processes in the place of each gradient; one that nobody has stays ``None``."""
    group = _torch()
    if group is None:
        return
    import torch

    weights = list(parameters)
    there = torch.tensor([p.grad is not None for p in weights], dtype=torch.float32)
    flat = torch.cat([p.new_zeros(p.numel()) if p.grad is None else p.grad.flatten() for p in weights])
    flat = torch.cat([flat, there.to(flat)])
    group.all_reduce(flat)
    sums = flat.split([p.numel() for p in weights] + [len(weights)])
    for weight, total, count in zip(weights, sums, sums[-1].tolist(), strict=False):
        if count:
            weight.grad = total.view_as(weight).clone()


def same(tensors: Iterable[Tensor]) -> None:
    """Give every process the first one's values, in place."""
    group = _torch()
    if group is not None:
        for tensor in tensors:
            group.broadcast(tensor.data, 0)


def own_randomness() -> None:
    """From here on the processes, which were seeded alike, draw different random numbers."""
    if several():
        import torch

        torch.manual_seed(torch.initial_seed() + rank())


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a batch's completions that one process samples."""

    clips: range
    """Which of the batch's clips."""
    group: int
    """Completions of each."""
    of: int
    """Clips of the whole batch."""
    order: list[int]
    """All processes' completions, one process's after the other, in the batch's own order: clip after clip."""


def share(clips: int, group: int) -> Share:
    """This process's part of ``clips`` times ``group`` completions: whole clips, or else a part of every group.

    Raises:
        RecipeError: Neither can be shared out evenly.
    """
    n = world()
    if clips % n == 0:
        each = clips // n
        return Share(range(rank() * each, (rank() + 1) * each), group, clips, list(range(clips * group)))
    if group % n:
        raise RecipeError(
            f"rl: {clips} clips of {group} completions cannot be shared out evenly to {n} processes.",
            hint=f"Give an rl.batch_size or rl.num_generations that {n} divides (rl.num_generations for a stream).",
        )
    each = group // n
    order = [(r * clips + clip) * each + i for clip in range(clips) for r in range(n) for i in range(each)]
    return Share(range(clips), each, clips, order)
