"""An engine of two labels and short answers, for tests of rollouts and updates."""

from __future__ import annotations

from affectrl.models.task import Task
from affectrl.recipes.learning import Rl
from affectrl.rl import engine as engines

TASK = Task("answer-only", ("happy", "sad"))


def engine_of(policy, **fields) -> engines.Engine:
    """Accuracy and format, three completions a clip of four tokens, unless fields say otherwise."""
    fields = {"reward_funcs": ["accuracy", "format"], "num_generations": 3, "max_completion_length": 4} | fields
    return engines.build(Rl.model_validate(fields), policy, TASK)
