"""One of the processes of a training: ``python together.py RECIPE RUNS [STOP_AFTER]``, as a launcher starts it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from affectrl.errors import AffectError
from affectrl.recipes.load import load_recipe
from affectrl.training import reinforce
from affectrl.training.session import Interrupted
from affectrl.training.train import train


def main(recipe: str, runs: Path, stop_after: int | None) -> str:
    step = reinforce.Reinforcement.step

    def stopped(self, learner, number):
        if number + 1 == stop_after and os.environ.get("RANK") == "1":
            os.kill(os.getpid(), signal.SIGTERM)  # the user's wish reaches the other process alone
        return step(self, learner, number)

    reinforce.Reinforcement.step = stopped
    try:
        return str(train(load_recipe(recipe), runs=runs))
    except Interrupted:
        return "interrupted"
    except AffectError as error:
        return f"{error.code}: {error}"


if __name__ == "__main__":
    print(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None))
