"""One training run's parts in one place, and the loop that both stages share."""

from __future__ import annotations

import math
import random
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from affectrl import jsonl, progress
from affectrl.errors import AffectError, ModelError
from affectrl.evaluation.evaluate import Row, evaluate, summary
from affectrl.models import trained
from affectrl.models.features import ClipFeatures
from affectrl.models.language import Policy
from affectrl.models.task import Task
from affectrl.recipes.schema import Recipe
from affectrl.rl import optimizer as optimizers
from affectrl.rl import processes
from affectrl.rl.steps import Learner
from affectrl.training import state
from affectrl.training.boards import Boards, Scalars
from affectrl.training.run_folder import RunFolder
from affectrl.training.state import Found, Place, seed_of

if TYPE_CHECKING:
    from accelerate import Accelerator

StepFunction = Callable[[Learner, int], Scalars]


class Interrupted(Exception):
    """The user asked to stop; a checkpoint has been written."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the two parts of a run."""

    name: str
    """``sft`` or ``rl``."""
    steps: int
    lr: float | None
    fusion_lr: float | None
    learns: str = "all"
    """``all`` or ``adapter``."""
    critic: tuple[nn.Module, float] | None = None
    """A value head, and its learning rate."""


@dataclass
class Session:
    """See the module's text."""

    recipe: Recipe
    folder: RunFolder
    policy: Policy
    task: Task
    accelerator: Accelerator
    boards: Boards
    features: dict[str, list[ClipFeatures]]
    place: Place = field(default_factory=lambda: Place("sft", 0))
    found: Found | None = None
    """A resumed run's state, as long as it has still to be taken up."""
    average: dict[str, torch.Tensor] | None = None
    """The moving average of the weights that learn, while a stage runs with ``optim.ema``."""
    ended: str = ""
    """Set by a step to end its stage: why."""

    def run_stage(self, stage: Stage, body: StepFunction) -> None:
        """Run what is left of a stage: step, log, checkpoint, until done or asked to stop.

        Raises:
            Interrupted: After a checkpoint, on the first Ctrl-C or SIGTERM.
            AffectError: ``diverged``: a number of the step is infinite or none at all.
        """
        here = self.place.stage == stage.name
        first = self.place.step if here else 0
        if self.place.past(stage.name) or first >= stage.steps or (here and self.place.ended):
            return
        self.policy.learn(stage.learns)
        optim, recipe = self.recipe.optim, self.recipe
        optimizer = optimizers.build(self.policy, optim, lr=stage.lr, fusion_lr=stage.fusion_lr, critic=stage.critic)
        self._take_up(stage, optimizer, here)
        prepared = self.accelerator.prepare_optimizer(optimizer)
        learner = Learner(self.policy, prepared, self.accelerator, optim.max_grad_norm, recipe.micro_batch_tokens)
        quiet = processes.rank() > 0
        with progress.bar(stage.name.upper(), stage.steps, done=first, quiet=quiet) as advance, StopRequest() as stop:
            for step in range(first, stage.steps):
                rate = optimizers.set_rate(optimizer, optim, step, stage.steps)
                torch.manual_seed(seed_of(recipe.seed, stage.name, step))
                self.ended = ""
                scalars = self.finite(partial(body, learner, step), stage.name, step)
                self.boards.log(stage.name, step + 1, "train", scalars | {"lr": rate})
                over = bool(self.ended) or step + 1 == stage.steps
                if over:
                    self._settle()
                self.place = Place(stage.name, step + 1, self.ended)
                asked = processes.any_of(stop.asked)
                if asked or over or (step + 1) % recipe.checkpoints.every == 0:
                    self.checkpoint(optimizer, stage)
                advance(_words(scalars))
                if over:
                    break
                if asked:
                    raise Interrupted

    def _take_up(self, stage: Stage, optimizer: torch.optim.Optimizer, here: bool) -> None:
        extras: dict[str, dict[str, torch.Tensor]] = {}
        if self.found is not None and here:
            optimizer.load_state_dict(self.found.moments)
            extras = self.found.extras
        self.found = None
        if self.recipe.optim.ema is not None:
            kept = extras.get("average")
            device = self.policy.device
            start = trained.trained(self.policy)
            self.average = start if kept is None else {name: value.to(device) for name, value in kept.items()}
        if stage.critic is not None and "critic" in extras:
            stage.critic[0].load_state_dict(extras["critic"])

    def follow(self) -> None:
        """Move the average towards the weights of now: after a step's update, before anybody looks."""
        if self.average is not None and self.recipe.optim.ema is not None:
            trained.average(self.average, self.policy, self.recipe.optim.ema)

    def _settle(self) -> None:
        """At the end of a stage its average, if there is one, takes the weights' place."""
        if self.average is not None:
            trained.put(self.policy, self.average)
            self.average = None

    def finite(self, body: Callable[[], Scalars], stage: str, step: int) -> Scalars:
        """Scalars of a step; a run whose numbers have left the finite stops before anything of that step is kept."""
        try:
            scalars = body()
        except ModelError as error:
            if error.code != "diverged":
                raise
            raise self._diverged(error.message, stage, step) from error
        wild = sorted(name for name, value in scalars.items() if isinstance(value, float) and not math.isfinite(value))
        if wild:
            raise self._diverged(f"its {' and '.join(wild)} is not finite.", stage, step)
        return scalars

    def _diverged(self, why: str, stage: str, step: int) -> AffectError:
        last = state.newest(self.folder.path / "checkpoints")
        kept = f" The last checkpoint is kept: {last}." if last else ""
        return AffectError(
            f"the run diverged in {stage} step {step + 1}: {why}",
            code="diverged",
            path=self.folder.path,
            hint=f"Lower optim.lr or rl.lr, under another name=... or with --fresh.{kept}",
        )

    def checkpoint(self, optimizer: torch.optim.Optimizer, stage: Stage) -> None:
        """Write where we are."""
        total = self.place.total(self.recipe.cold_start.steps)
        folder = self.folder.path / "checkpoints"
        extras: dict[str, dict[str, torch.Tensor]] = {}
        if self.average is not None:
            extras["average"] = self.average
        if stage.critic is not None:
            extras["critic"] = stage.critic[0].state_dict()
        keep = self.recipe.checkpoints.keep
        processes.by_first(
            lambda: state.save(folder, self.place, total, self.policy, self.task, optimizer, keep, extras)
        )

    def batch(self, role: str, stage: str, size: int, step: int) -> list[ClipFeatures]:
        """The clips of a step: epochs in a new order each, a function of seed, stage and step alone."""
        clips = self.features[role]
        return [
            clips[index]
            for index in epoch_indices(len(clips), size, step, lambda epoch: seed_of(self.recipe.seed, stage, epoch))
        ]

    def evaluate(self, name: str, clips: Sequence[ClipFeatures], *, quiet: bool = False) -> list[Row]:
        """Evaluate on held-out clips, with progress unless ``quiet``."""
        with progress.bar(name, len(clips), quiet=quiet) as advance:
            return evaluate(
                self.policy,
                clips,
                self.task,
                batch_size=self.recipe.eval.batch_size,
                max_new_tokens=self.recipe.rl.max_completion_length,
                advance=advance,
            )

    def full_evaluation(self, name: str, stage: str, step: int) -> list[Row]:
        """Evaluate on all held-out clips, of all sets, and keep the rows, unless that was done before a kill.

        Returns:
            The rows of ``data.eval``.
        """
        return processes.by_first(lambda: self._full_evaluation(name, stage, step))

    def _full_evaluation(self, name: str, stage: str, step: int) -> list[Row]:
        found: list[Row] = []
        for role, clips in self.features.items():
            if role != "eval" and not role.startswith("also/"):
                continue
            at = "" if role == "eval" else f"@{role.removeprefix('also/')}"
            file = self.folder.path / "eval" / f"{name}{at}.jsonl"
            if not file.is_file():
                jsonl.write_rows(file, self.evaluate(f"evaluate {name}{at}", clips))
            rows = jsonl.read_rows(file)
            kind = f"eval{at}"
            if not self.folder.logged(stage, step, kind) and any(row["labels"] for row in rows):
                self.boards.log(stage, step, kind, self.summary(rows))
            found = rows if role == "eval" else found
        return found

    def summary(self, rows: Sequence[Row]) -> Scalars:
        """The scores of rows that have a reference."""
        return dict(summary(rows, open_vocabulary=self.task.labels is None))


class StopRequest:
    """Turns the first Ctrl-C or SIGTERM into a request to stop after the step; a second one stops at once."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> StopRequest:
        self._old: dict[signal.Signals, Any] = {}
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._old[number] = signal.signal(number, self._ask)
            except ValueError:  # not in the main thread: whoever runs us there has to stop us
                break
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def epoch_indices(n: int, size: int, step: int, seed_of_epoch: Callable[[int], int]) -> list[int]:
    """Positions ``step * size`` and on in the endless row of shuffled epochs of ``n`` items."""
    out: list[int] = []
    for at in range(step * size, (step + 1) * size):
        epoch, inside = divmod(at, n)
        out.append(_order(n, seed_of_epoch(epoch))[inside])
    return out


@lru_cache(maxsize=4)
def _order(n: int, seed: int) -> tuple[int, ...]:
    # Steps come one after another, so that only an epoch and the next are ever asked for in turn.
    order = list(range(n))
    random.Random(seed).shuffle(order)
    return tuple(order)


def _words(scalars: Scalars) -> str:
    shown = [(name, scalars[name]) for name in ("reward", "loss") if scalars.get(name) is not None]
    return "  ".join(f"{name} {value:.3f}" for name, value in shown)
