"""Train: clips -> features -> cold start -> evaluation -> GRPO -> evaluation -> model and report.

Killed at any moment, the same command goes on from the last checkpoint and ends where it would have ended. What makes
that true: clips of a step, its random numbers and its learning rate are functions of the seed and the step's number.
"""

from __future__ import annotations

from pathlib import Path

import torch

from affectrl import jsonl
from affectrl.errors import AffectError, UsageError
from affectrl.evaluation.evaluate import summary
from affectrl.models import checkpoint
from affectrl.models.features import ClipFeatures, FeatureExtractor
from affectrl.models.policy import FusedPolicy
from affectrl.models.task import Task
from affectrl.recipes.schema import Recipe
from affectrl.rl.rollout import Rollout, sample
from affectrl.rl.rubric import Rubric
from affectrl.rl.steps import Learner, grpo_step, sft_step
from affectrl.training import state
from affectrl.training.clips import labels_of, prepare
from affectrl.training.preflight import check_clips, check_names
from affectrl.training.run_folder import RunFolder, command_line
from affectrl.training.session import Interrupted, Scalars, Session
from affectrl.training.state import Place, seed_of

RUNS = Path("runs")
SYNTHETIC = "Synthetic clips made by affectrl's sandbox: they show that training works and say nothing about people."


def train(recipe: Recipe, *, runs: Path = RUNS, fresh: bool = False, report: bool = True) -> Path:
    """Run a recipe to its end, or go on with it, and give the run folder.

    Args:
        recipe: What to do.
        runs: The folder that holds run folders.
        fresh: Remove an earlier run of this name instead of going on with it.
        report: Write ``report.html`` at the end.

    Raises:
        RecipeError: A name in it leads nowhere, or ``run_differs``: the folder holds a run of another recipe.
        AffectError: Data or weights are not as they should be; ``diverged``.
        Interrupted: The user asked to stop; the same call goes on.
    """
    check_names(recipe)
    check_clips(recipe)
    folder = RunFolder(runs / recipe.name)
    folder.claim(recipe, fresh=fresh)
    if folder.manifest().get("status") == "done":
        return folder.path
    folder.open(recipe, command_line())
    try:
        _train(recipe, folder)
    except (KeyboardInterrupt, Interrupted, AffectError):
        folder.close("interrupted")
        raise
    folder.close("done")
    if report:
        from affectrl.report.write import write_report

        write_report(folder.path)
    return folder.path


def _train(recipe: Recipe, folder: RunFolder) -> None:
    session = _open(recipe, folder)
    cold, rl = recipe.cold_start, recipe.rl
    session.run_stage("sft", cold.steps, cold.lr, cold.fusion_lr, lambda learner, step: _sft(session, learner, step))
    rows = []
    if not session.place.past("sft"):
        rows = session.full_evaluation("cold-start", "sft", cold.steps)
        checkpoint.save(session.policy, session.task, folder.path / "cold-start")
    rubric = Rubric(rl.reward_funcs, rl.reward_weights)
    session.run_stage(
        "rl", rl.steps, rl.lr, rl.fusion_lr, lambda learner, step: _grpo(session, rubric, learner, step)
    )
    if rl.steps:
        rows = session.full_evaluation("final", "rl", rl.steps)
    checkpoint.save(session.policy, session.task, folder.path / "model")
    jsonl.write_rows(folder.path / "predictions.jsonl", rows)
    session.board.close()


def _open(recipe: Recipe, folder: RunFolder) -> Session:
    from accelerate import Accelerator
    from torch.utils.tensorboard import SummaryWriter

    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    accelerator = Accelerator()
    if accelerator.num_processes > 1:
        raise UsageError(
            "training runs in one process so far.", code="one_process", hint="Start it without a launcher."
        )
    task = Task(recipe.answers.format, labels_of(recipe))
    # Models first: what is wrong with them shows in seconds, while the features of many clips take long.
    extractor = FeatureExtractor(recipe.model)
    for stream in recipe.model.streams:
        extractor.encoder(stream)
    torch.manual_seed(seed_of(recipe.seed, "init"))
    policy = FusedPolicy(recipe.model, extractor).to(accelerator.device)
    found = state.resume(folder.path / "checkpoints", policy)
    place, moments = found or (Place("sft", 0), None)
    sets = prepare(recipe, extractor, folder.path / "skipped.jsonl")
    if not found:
        fit(policy, sets.features, align=recipe.cold_start.align)
    folder.rewind(place.stage, place.step)
    folder.update(
        data=sets.about,
        limits=SYNTHETIC if sets.synthetic else None,
        model=_about(policy, extractor),
        device=str(accelerator.device),
    )
    first = place.total(recipe.cold_start.steps) + 1
    board = SummaryWriter(str(folder.path / "tensorboard"), purge_step=first if found else None)
    return Session(recipe, folder, policy, task, accelerator, board, sets.features, place, moments)


def fit(policy: FusedPolicy, features: dict[str, list[ClipFeatures]], *, align: bool) -> None:
    """What is computed rather than learned: the features' spread, and projections to begin with."""
    known = features.get("cold_start") or features["train"]
    policy.fit_features([*known, *features["train"]])
    if align and "cold_start" in features:
        policy.align([(clip, clip.clip.labels[0]) for clip in known])


def _sft(session: Session, learner: Learner, step: int) -> Scalars:
    recipe = session.recipe
    batch = session.batch("cold_start", "sft", recipe.cold_start.batch_size, step)
    return dict(sft_step(learner, batch, session.task, dropout=recipe.model.modality_dropout))


def _grpo(session: Session, rubric: Rubric, learner: Learner, step: int) -> Scalars:
    recipe, rl = session.recipe, session.recipe.rl
    batch = session.batch("train", "rl", rl.batch_size, step)
    session.policy.eval()
    rollout = sample(
        session.policy,
        batch,
        session.task,
        rubric,
        group=rl.num_generations,
        max_new_tokens=rl.max_completion_length,
        temperature=rl.temperature,
        generator=torch.Generator(session.policy.device).manual_seed(seed_of(recipe.seed, "rollout", step)),
    )
    session.folder.log("rollouts.jsonl", [{"stage": "rl", "step": step + 1} | row for row in rollout.rows()])
    scalars = grpo_step(learner, rollout, session.task, epsilon=rl.epsilon, temperature=rl.temperature)
    if (step + 1) % recipe.eval.every == 0 and step + 1 < rl.steps:
        _look(session, step + 1)
    return _rewards(rollout, rubric) | scalars


def _look(session: Session, step: int) -> None:
    held_out = session.features["eval"]
    limit = session.recipe.eval.limit or len(held_out)
    stride = max(1, len(held_out) // limit)
    rows = session.evaluate("look", held_out[::stride][:limit], quiet=True)
    session.log("rl", step, "eval", summary(rows))


def _rewards(rollout: Rollout, rubric: Rubric) -> Scalars:
    scores = rollout.scores
    return {
        "reward": float(scores.total.mean()),
        "reward_std": float(scores.total.view(-1, rollout.completions.group).std(1).mean()),
        "zero_variance_share": float(rollout.flat.float().mean()),
        "completion_tokens": float(rollout.completions.lengths.float().mean()),
        **{f"reward/{name}": scores.mean(name) for name in rubric.names},
    }


def _about(policy: FusedPolicy, extractor: FeatureExtractor) -> dict[str, object]:
    return {
        "backbone": policy.spec.backbone,
        "encoders": {stream: extractor.encoder(stream).key for stream in policy.fusion},
        "adapter_parameters": sum(p.numel() for p in policy.adapter_parameters()),
        "fusion_parameters": sum(p.numel() for p in policy.fusion_parameters()),
        "parameters": sum(p.numel() for p in policy.parameters()),
        "dimensions": {stream: extractor.encoder(stream).dim for stream in policy.fusion},
    }
