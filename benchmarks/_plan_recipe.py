"""What ``plan_check.py`` and ``plan_native.py`` have in common: the recipe of a benchmark step, and its plan in MiB."""

from __future__ import annotations

from typing import Any


def recipe_of(model: dict[str, Any], settings: dict[str, Any]) -> Any:
    """A recipe that takes the steps of ``settings`` with this ``model`` section."""
    from affectrl.recipes.load import check

    return check(
        {
            "name": "plan-check",
            "data": {"train": {"source": "none"}, "eval": {"source": "none"}},
            "model": model | {"lora": {"r": 8, "alpha": 16}},
            "answers": {"format": "answer-only"},
            "gradient_checkpointing": bool(settings["recompute"]),
            "micro_batch_tokens": settings["micro_batch_tokens"],
            "cold_start": {"steps": 0},
            "rl": {
                "batch_size": settings["prompts"],
                "num_generations": settings["group"],
                "max_completion_length": settings["new"],
                "train": "adapter",
            },
        },
        "plan-check",
    )


def predicted(recipe: Any, lengths: Any) -> dict[str, Any]:
    """MiB of the plan: what stays, what rollout and update add, and the larger of both with what stays."""
    from affectrl.planning import devices
    from affectrl.planning.plan import plan

    found = plan(recipe, devices.cpu(), base=0, lengths=lengths)
    run = {phase.name: phase.bytes / 2**20 for phase in found.phases if phase.name in ("rollout", "update")}
    static = sum(found.static.values()) / 2**20
    return {"static": static, "phases": run, "predicted": static + max(run.values())}
