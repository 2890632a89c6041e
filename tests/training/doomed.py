"""`affectrl train` in a process of its own, which sends itself a signal at a chosen moment: no test needs luck."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Moment = tuple[str, int]
"""What happens, and for which time in this process: see :func:`doom`."""

PRELOAD = [
    "accelerate",
    "affectrl.cli.main",
    "affectrl.inference.answering",
    "affectrl.models.encoders.whisper",
    "affectrl.training.train",
    "peft",
    "torch.utils.tensorboard",
    "transformers.models.llama.modeling_llama",
]


def run(recipe: Path, runs: Path, moment: Moment | None = None, number: int = signal.SIGKILL) -> tuple[int, str]:
    """Train until the end or the moment; gives the exit status (minus the signal that killed it) and standard error."""
    # Forked from a clean process that has imported everything and run nothing: quick, and without anybody's threads.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    said = runs.parent / f"{runs.name}.stderr"
    arguments = ["affectrl", "train", str(recipe), "--runs", str(runs)]
    process = context.Process(target=_child, args=(arguments, said, os.environ["AFFECTRL_HOME"], moment, number))
    process.start()
    process.join(240)
    assert process.exitcode is not None, "still running"
    return process.exitcode, said.read_text()


def _child(arguments: list[str], said: Path, home: str, moment: Moment | None, number: int) -> None:
    from affectrl.cli import main

    with said.open("w") as file:
        os.dup2(file.fileno(), 2)
    os.environ["AFFECTRL_HOME"] = home
    sys.argv = arguments
    if moment:
        doom(*moment, number)
    main.run()


def doom(event: str, times: int, number: int) -> None:
    """Send ourselves a signal the so-manieth time that something happens.

    ``line``: half of a metrics row is written; ``rollouts``: those of a step are written, its weights not yet changed;
    ``step``: a step is logged, and no checkpoint written; ``checkpoint``: its files are written, under a scratch name;
    ``evaluation``: its rows are written, and its scores not yet logged.
    """
    from affectrl import jsonl
    from affectrl.models import checkpoint
    from affectrl.training.run_folder import RunFolder

    left = times

    def die() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), number)

    def then(function: Callable[..., Any], applies: Callable[..., bool]) -> Callable[..., Any]:
        def wrapped(*args: Any) -> Any:
            result = function(*args)
            if applies(*args):
                die()
            return result

        return wrapped

    log = RunFolder.log

    def half_a_line(folder: RunFolder, file: str, rows: list[dict[str, Any]]) -> None:
        if file == "metrics.jsonl" and left == 1:
            with (folder.path / file).open("a") as out:
                out.write(json.dumps(rows[0])[:40])
        if file == "metrics.jsonl":
            die()
        log(folder, file, rows)

    if event == "line":
        RunFolder.log = half_a_line  # type: ignore[method-assign, assignment]
    elif event == "rollouts":
        RunFolder.log = then(log, lambda _, file, __: file == "rollouts.jsonl")  # type: ignore[method-assign]
    elif event == "step":
        RunFolder.log = then(log, lambda _, file, rows: rows[0].get("kind") == "train")  # type: ignore[method-assign]
    elif event == "checkpoint":
        checkpoint.write = then(checkpoint.write, lambda _, __, folder: "step-" in folder.name)
    elif event == "evaluation":
        jsonl.write_rows = then(jsonl.write_rows, lambda file, _: file.parent.name == "eval")
    else:
        raise ValueError(event)
