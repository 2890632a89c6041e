"""Where a run's numbers go: ``metrics.jsonl`` and TensorBoard; wandb or trackio when a recipe asks for them.

Of several processes the first one alone writes there.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from affectrl.errors import RecipeError
from affectrl.recipes.schema import Recipe
from affectrl.rl import processes
from affectrl.training.run_folder import RunFolder
from affectrl.training.state import Place

if TYPE_CHECKING:
    from accelerate import Accelerator

Scalars = dict[str, Any]


def rounded(value: float) -> float:
    """A figure as it is logged: six digits that count, however small it is."""
    return float(f"{value:.6g}")


def check_trackers(recipe: Recipe) -> None:
    """Refuse trackers that are not installed.

    Raises:
        RecipeError: ``tracker_missing``.
    """
    for name in recipe.trackers:
        if find_spec(name) is None:
            raise RecipeError(
                f"trackers: {name} is not installed.",
                code="tracker_missing",
                hint=f"pip install {name}, or leave it out.",
            )


class Boards:
    """See the module's text.

    Args:
        recipe: Its ``trackers`` are started.
        folder: Rows go there.
        accelerator: Was built with ``log_with`` those trackers.
        purge: Step of the whole run from which TensorBoard forgets what a killed run had written.
    """

    def __init__(self, recipe: Recipe, folder: RunFolder, accelerator: Accelerator, purge: int | None) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.folder = folder
        self.cold_steps = recipe.cold_start.steps
        self.accelerator = accelerator
        first = processes.rank() == 0
        self.board = SummaryWriter(str(folder.path / "tensorboard"), purge_step=purge) if first else None
        self.tracked = bool(recipe.trackers) and first
        if self.tracked:
            accelerator.init_trackers("affectrl", recipe.model_dump(mode="json"))

    def log(self, stage: str, step: int, kind: str, scalars: Scalars) -> None:
        """One row, and one point a number on every board."""
        if self.board is None:
            return
        clean = {key: rounded(value) if isinstance(value, float) else value for key, value in scalars.items()}
        head = {"stage": stage, "step": step, "kind": kind, "time_s": round(self.folder.seconds, 2)}
        self.folder.log("metrics.jsonl", [head | clean])
        numbers = {
            f"{stage}/{kind}/{key}": value
            for key, value in clean.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        total = Place(stage, step).total(self.cold_steps)  # what is forgotten after a kill is counted so, too
        for key, value in numbers.items():
            self.board.add_scalar(key, value, total)
        if self.tracked:
            # Trackers want steps that never go back, and the stages' own do.
            self.accelerator.log(numbers | {f"{stage}/step": step})

    def close(self) -> None:
        """Write out what is still in memory."""
        if self.board is not None:
            self.board.close()
        if self.tracked:
            self.accelerator.end_training()
