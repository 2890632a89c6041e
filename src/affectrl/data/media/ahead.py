"""Decoding in worker processes while the caller encodes: the same results, in the same order, sooner.

The reading functions of this package (sound, frames, pictures, faces) are marked :func:`decoding`. Called inside
:meth:`Workers.each` they run in a worker process, and the caller's next clips go on meanwhile. All else a clip needs,
the encoders above all, still runs in the caller's process and one clip at a time, so nothing outside this module need
know of threads: a clip's work holds the baton, and lays it down only while it waits for a worker.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import ParamSpec, TypeVar

from affectrl.errors import MediaError, UsageError

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item")
_MOST_WORKERS = 8
_MOST_ASKED = 64
_LOCAL = threading.local()


def decoding(work: Callable[P, T]) -> Callable[P, T]:
    """Mark a function that reads media: inside :meth:`Workers.each` it runs in a worker process."""

    @functools.wraps(work)
    def read(*args: P.args, **kwargs: P.kwargs) -> T:
        workers: Workers | None = getattr(_LOCAL, "workers", None)
        return work(*args, **kwargs) if workers is None else workers._run(read, *args, **kwargs)

    return read


def default_workers() -> int:
    """Half of the cores that this process may use, at most 8; 0 on two cores or fewer, and outside of our own command.

    A script that starts processes needs the usual ``if __name__ == "__main__":`` guard, so scripts have to ask.
    """
    ours = Path(sys.argv[0]).name in ("affectrl", "affectrl.exe") or Path(sys.argv[0]).parent.name == "affectrl"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_MOST_WORKERS, cores // 2) if ours and cores > 2 else 0


class Workers:
    """Worker processes for decoding.

    Args:
        count: Processes; 0 decodes where it is called, ``None`` is :func:`default_workers`.

    Raises:
        UsageError: ``count`` is below 0 or beyond 64.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = default_workers() if count is None else count
        if not 0 <= self.count <= _MOST_ASKED:
            raise UsageError(f"ask for 0 to {_MOST_ASKED} workers, not {count}.", code="usage")
        self._baton = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def each(self, items: Iterable[Item], work: Callable[[Item], T]) -> Iterator[T]:
        """Results of ``work`` in the order of the items.

        ``work`` runs for one item at a time, but for its decoding. At most ``2 count + 1`` items are begun or finished
        ahead of the one that is waited for. What ``work`` raises comes out at its item's place; items begun by then
        are finished, the rest is dropped, as on Ctrl-C.

        Raises:
            MediaError: ``decode_worker``, a worker process died.
        """
        if self.count == 0:
            yield from map(work, items)
            return
        # Threads of OpenCV or torch in the parent do not survive a fork.
        spawn = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(self.count, mp_context=spawn, initializer=_begin)
        threads = ThreadPoolExecutor(self.count + 1, initializer=self._enter)
        try:
            with _ctrl_c() as check:
                for found in self._in_order(threads, items, work):
                    check()
                    yield found
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)
            threads.shutdown(wait=True, cancel_futures=True)
            self._pool.shutdown(wait=True)
            self._pool = None

    def _in_order(self, threads: ThreadPoolExecutor, items: Iterable[Item], work: Callable[[Item], T]) -> Iterator[T]:
        begun: deque[Future[T]] = deque()
        for item in items:
            begun.append(threads.submit(self._hold, work, item))
            if len(begun) > 2 * self.count:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()

    def _enter(self) -> None:
        _LOCAL.workers = self

    def _hold(self, work: Callable[[Item], T], item: Item) -> T:
        with self._baton:
            return work(item)

    def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        assert self._pool is not None, "decoding is asked for outside of each()"
        try:
            asked = self._pool.submit(work, *args, **kwargs)
            self._baton.release()
            try:
                return asked.result()
            finally:
                self._baton.acquire()
        except BrokenProcessPool as error:
            hint = 'Call it under `if __name__ == "__main__":`, give it more memory, or set data.workers: 0.'
            raise MediaError("a worker process that decodes died.", code="decode_worker", hint=hint) from error


@contextmanager
def _ctrl_c() -> Iterator[Callable[[], None]]:
    """What raises a Ctrl-C that Python dropped, as it does where a weak reference or a finalizer calls back."""
    pressed: list[int] = []
    usual = signal.getsignal(signal.SIGINT)
    ours = threading.current_thread() is threading.main_thread() and usual is signal.default_int_handler

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        signal.default_int_handler(number, frame)

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    if ours:
        signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        if ours:
            signal.signal(signal.SIGINT, usual)


def _begin() -> None:
    import cv2

    # Ctrl-C goes to the whole group of processes; the one that was started decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
