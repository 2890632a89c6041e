"""Progress with time left: a live bar on a terminal, a line now and then elsewhere. Always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[str], None]
"""Call it after each step, with a few words on how it went."""

LINE_EVERY_S = 15.0


@contextmanager
def bar(title: str, total: int, done: int = 0, *, quiet: bool = False) -> Iterator[Advance]:
    """Show how far a piece of work is and when it will end.

    Args:
        title: What is being done.
        total: Steps in all.
        done: Steps that were done before (a resumed run).
        quiet: Show nothing.
    """
    if quiet or total == 0:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _live(title, total, done) as advance:
            yield advance
    else:
        yield _Lines(title, total, done)


@contextmanager
def _live(title: str, total: int, done: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<16}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[info]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total, completed=done, info="")
        yield lambda info: progress.update(task, advance=1, info=info)


class _Lines:
    """Plain lines for logs: the first, the last, and one every :data:`LINE_EVERY_S` seconds."""

    def __init__(self, title: str, total: int, done: int) -> None:
        self.title, self.total, self.done, self.start_done = title, total, done, done
        self.started = self.printed = time.monotonic()

    def __call__(self, info: str) -> None:
        self.done += 1
        now = time.monotonic()
        if now - self.printed >= LINE_EVERY_S or self.done == self.total:
            pace = (now - self.started) / (self.done - self.start_done)
            left = _clock(pace * (self.total - self.done))
            passed = _clock(now - self.started)
            print(f"{self.title}: {self.done}/{self.total}, {passed} gone, {left} left  {info}", file=sys.stderr)
            self.printed = now


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
