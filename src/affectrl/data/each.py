"""The same work on every clip, on all cores, in order, with progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from affectrl.data.clip import Clip
from affectrl.progress import bar

Result = TypeVar("Result")
_MOST_THREADS = 8


def each(clips: Sequence[Clip], work: Callable[[Clip], Result], title: str, *, quiet: bool) -> list[Result]:
    """Results of ``work`` in the order of the clips.

    Threads are enough, since decoding and the Fourier transform run outside Python's lock. At most one clip a thread is
    in memory at a time, besides the results.
    """
    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool, bar(title, len(clips), quiet=quiet) as advance:
        return list(_counted(pool.map(work, clips), advance))


def _counted(results: Iterable[Result], advance: Callable[[str], None]) -> Iterable[Result]:
    for result in results:
        advance("")
        yield result
