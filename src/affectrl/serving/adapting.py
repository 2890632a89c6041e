"""Adapting to a user's own clips while a server runs: the code behind ``affectrl adapt``, in a process of its own.

The process reads ``job.json`` in its folder, writes its run folder beside it, and says in ``error.json`` what went
wrong. Clips, features and the adapted model lie in the server's private folder and end with it; the model that was
adapted is only read.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from affectrl import jsonl, paths
from affectrl.data.clip import Clip
from affectrl.errors import AffectError, UsageError
from affectrl.models import checkpoint
from affectrl.serving.problems import Busy

JOB, ERROR, RUN = "job.json", "error.json", "adapted"
AT_ONCE = 1
"""Adaptations that run at one time; each takes a processor for minutes."""
KEPT = 4
"""Adapted models that a server keeps; the oldest that does not run makes room."""
BATCH = 12

State = Literal["running", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Course:
    """How far an adaptation is."""

    state: State
    step: int
    steps: int
    curves: dict[str, list[tuple[int, float]]]
    """Name -> (step, value)."""
    changes: list[tuple[str, str | None, str | None]]
    """When done: clip, its first emotion before, and after."""
    problem: str = ""


class Adaptation:
    """One user's adaptation.

    Args:
        base: The model that it starts from; only read.
        folder: Its own, made here.
        clips: What to adapt to; their files must stay as long as it runs.
        votes: Answers a clip.
        epochs: Times every clip is met.
        lr: Learning rate.
    """

    def __init__(
        self, base: str | Path, folder: Path, clips: Sequence[Clip], *, votes: int, epochs: int, lr: float
    ) -> None:
        self.id, self.folder = folder.name, folder
        self._kept: ExitStack | None = None
        found = checkpoint.fetch(base)
        folder.mkdir(parents=True, mode=0o700)
        jsonl.write_rows(folder / "clips.jsonl", [_row(clip) for clip in clips])
        job = {
            "base": str(found.resolve()),
            "votes": votes,
            "epochs": epochs,
            "lr": lr,
            "batch": min(BATCH, len(clips)),
        }
        (folder / JOB).write_text(json.dumps(job), "utf-8")
        with (folder / "log.txt").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "affectrl.serving.adapting", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=os.environ | {"AFFECTRL_HOME": str(_home(folder))},
            )

    def keep(self, clips: ExitStack) -> None:
        """Close this with the adaptation: it holds the files of its clips."""
        self._kept = clips

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process.poll() is None

    @property
    def place(self) -> Path:
        """Its run folder."""
        return self.folder / "runs" / RUN

    @property
    def model(self) -> Path | None:
        """The adapted model, when it is whole."""
        folder = self.place
        return folder if (folder / "model").is_dir() and not self.running and self._process.returncode == 0 else None

    def stop(self) -> None:
        """Ask it to end after its step."""
        if self.running:
            self._process.terminate()

    def close(self) -> None:
        """End it, and remove all that is of it."""
        if self.running:
            self._process.kill()
        self._process.wait()
        if self._kept is not None:
            self._kept.close()
        paths.remove(self.folder)

    def course(self) -> Course:
        """How far it is."""
        run = self.place
        running = self.running  # asked first: what is written before the end is then there to be read
        logged = [
            row for row in jsonl.read_rows(run / "metrics.jsonl") if row["stage"] == "rl" and row["kind"] == "train"
        ]
        steps = _read(self.folder / "plan.json").get("steps", 0)
        names = {"Mean reward": "reward", "Agreement with the vote": "majority_ratio"}
        curves = {
            name: [(row["step"], row[key]) for row in logged if row.get(key) is not None] for name, key in names.items()
        }
        state: State = "running"
        problem = ""
        if not running:
            status = self._process.returncode
            state = "done" if self.model else "stopped" if status in (130, -15) else "failed"
            problem = _read(self.folder / ERROR).get("message", "") or "It ended without a word; see the server's log."
        changes = _changes(run) if state == "done" else []
        return Course(state, len(logged), steps, curves, changes, problem if state == "failed" else "")


class Adaptations:
    """All of a server's, in its private folder.

    Args:
        parent: The folder.
    """

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._known: dict[str, Adaptation] = {}

    def start(self, base: str | Path, clips: Sequence[Clip], *, votes: int, epochs: int, lr: float) -> Adaptation:
        """Begin one.

        Raises:
            Busy: As many run as may.
        """
        if sum(each.running for each in self._known.values()) >= AT_ONCE:
            raise Busy(60)
        while len(self._known) >= KEPT:
            self.drop(next(iter(self._known)))
        made = Adaptation(base, self._parent / f"adapt-{uuid4().hex}", clips, votes=votes, epochs=epochs, lr=lr)
        self._known[made.id] = made
        return made

    def get(self, name: str | None) -> Adaptation | None:
        """One by its name; ``None`` when it is not there any more."""
        return self._known.get(name or "")

    def drop(self, name: str | None) -> None:
        """End one and remove it, if it is there."""
        found = self._known.pop(name or "", None)
        if found is not None:
            found.close()

    def close(self) -> None:
        """Remove all."""
        for name in list(self._known):
            self.drop(name)


def _row(clip: Clip) -> dict[str, Any]:
    row: dict[str, Any] = {"id": clip.id, "text": clip.text, "end": clip.end}
    row |= {kind: str(getattr(clip, kind)) for kind in ("video", "audio", "image") if getattr(clip, kind) is not None}
    return {name: value for name, value in row.items() if value is not None}


def _home(folder: Path) -> Path:
    """A home for the process: converted weights are the server's own, features of a user's clips are not put there."""
    home = folder / "home"
    home.mkdir()
    ours = paths.home()
    ours.mkdir(parents=True, exist_ok=True)
    for entry in ours.iterdir():
        if entry.name != "features":
            (home / entry.name).symlink_to(entry.resolve())
    return home


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _changes(run: Path) -> list[tuple[str, str | None, str | None]]:
    before, after = (jsonl.read_rows(run / "eval" / f"{name}.jsonl") for name in ("cold-start", "final"))
    old = {row["id"]: row["top"] for row in before}
    return [(row["id"], old.get(row["id"]), row["top"]) for row in after]


def main(folder: Path) -> int:
    """The process: plan, run, and leave the outcome in the folder. Gives its exit status."""
    from affectrl.recipes.schema import DataSpec
    from affectrl.training.adapt import How, adapt, plan
    from affectrl.training.session import Interrupted

    job = _read(folder / JOB)
    try:
        how = How(votes=job["votes"], epochs=job["epochs"])
        recipe = plan(
            job["base"],
            DataSpec(source=str(folder / "clips.jsonl")),
            how=how,
            name=RUN,
            overrides=[f"rl.batch_size={job['batch']}", f"rl.lr={job['lr']}"],
        )
        with paths.atomic(folder / "plan.json") as scratch:
            scratch.write_text(json.dumps({"steps": recipe.rl.steps}), "utf-8")
        adapt(recipe, runs=folder / "runs", report=False)
    except Interrupted:
        return 130
    except AffectError as error:
        told = UsageError(error.message, hint=error.hint)  # without paths of the server
        (folder / ERROR).write_text(json.dumps({"code": error.code, "message": str(told)}), "utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
