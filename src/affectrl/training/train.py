"""Train: clips -> features -> cold start -> evaluation -> RL -> evaluation -> model and report.

Killed at any moment, the same command goes on from the last checkpoint and ends where it would have ended. What makes
that true: clips of a step, its random numbers and its learning rate are functions of the seed and the step's number.

Under a launcher (``accelerate launch``) every process runs all of this and does its share of each step; the first one
alone writes, evaluates and decides when to stop. They need one file system.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from affectrl import jsonl
from affectrl.errors import UsageError
from affectrl.evaluation.evaluate import Row
from affectrl.models import checkpoint
from affectrl.models.family import Extractor, extractor_of, policy_of
from affectrl.models.features import ClipFeatures
from affectrl.models.language import Policy
from affectrl.models.offloaded import offload
from affectrl.models.task import Task
from affectrl.recipes.schema import Recipe
from affectrl.rl import engine as engines
from affectrl.rl import processes
from affectrl.rl.steps import Learner, sft_step
from affectrl.training import state, unseen
from affectrl.training.boards import Boards, Scalars, check_trackers
from affectrl.training.clips import labels_of, prepare
from affectrl.training.guards import Guards
from affectrl.training.looks import Looks
from affectrl.training.preflight import check_clips, check_names, check_parts, check_shares
from affectrl.training.reinforce import Reinforcement, reference_of
from affectrl.training.run_folder import RunFolder, command_line
from affectrl.training.session import Session, Stage
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
    processes.begin()
    check_names(recipe)
    check_trackers(recipe)
    check_clips(recipe)
    check_parts(recipe)
    unseen.check(recipe)
    check_shares(recipe)
    folder = RunFolder(runs / recipe.name)
    processes.by_first(lambda: folder.claim(recipe, fresh=fresh))
    if processes.by_first(lambda: folder.manifest().get("status")) == "done":
        return folder.path
    folder.open(recipe, command_line())
    try:
        _train(recipe, folder)
    except torch.OutOfMemoryError as error:
        folder.close("interrupted")
        raise UsageError(
            "the accelerator's memory is full.",
            code="out_of_memory",
            path=folder.path,
            hint="Lower micro_batch_tokens, or set gradient_checkpointing: true; under another name=..., or --fresh.",
        ) from error
    except BaseException:
        folder.close("interrupted")
        raise
    folder.close("done")
    if report and not processes.rank():
        from affectrl.report.write import write_report

        write_report(folder.path)
    return folder.path


def _train(recipe: Recipe, folder: RunFolder) -> None:
    session = _open(recipe, folder)
    cold, rl = recipe.cold_start, recipe.rl
    if cold.steps and (told := cut_targets(session)) and not processes.rank():
        print(f"affectrl: {told}", file=sys.stderr)
    cold_start = Stage("sft", cold.steps, cold.lr, cold.fusion_lr)
    session.run_stage(cold_start, lambda learner, step: _sft(session, learner, step))
    rows = []
    if not session.place.past("sft"):
        rows = session.full_evaluation("cold-start", "sft", cold.steps)
        processes.by_first(lambda: unseen.note(session))
        processes.by_first(lambda: checkpoint.save(session.policy, session.task, folder.path / "cold-start"))
    if rl.steps or rl.restandardize is not None:
        rows = _reinforce(session)
    processes.by_first(lambda: checkpoint.save(session.policy, session.task, folder.path / "model"))
    processes.by_first(lambda: jsonl.write_rows(folder.path / "predictions.jsonl", rows))
    session.boards.close()


def _reinforce(session: Session) -> list[Row]:
    recipe, rl, folder = session.recipe, session.recipe.rl, session.folder
    if rl.clips == "unseen":
        session.features["train"] = unseen.left(session)
        folder.update(unseen=len(session.features["train"]))
    engine = engines.build(
        rl,
        session.policy,
        session.task,
        hide_labels=recipe.data.train.unlabelled,
        keep_tokens=recipe.micro_batch_tokens,
    )
    reference_of(session, engine)
    looks = Looks(recipe, session.task, folder)
    stage = Reinforcement(session, engine, Guards(rl, folder), looks)
    critic = engine.settings.critic
    head = (engine.critic, critic.lr) if engine.critic is not None and critic is not None else None
    if session.place.stage == "sft":
        stage.begin()
    session.run_stage(Stage("rl", _steps(session), rl.lr, rl.fusion_lr, rl.train, head), stage.step)
    if session.place.ended:
        if not processes.rank():
            print(f"affectrl: RL ended after {session.place.step} steps: {session.place.ended}.", file=sys.stderr)
        folder.update(ended=session.place.ended)
    best = processes.by_first(looks.best)
    if best is not None:
        checkpoint.load_weights(session.policy, best)
    return session.full_evaluation("final", "rl", session.place.step)


def _steps(session: Session) -> int:
    """Steps of RL: those of the recipe, or fewer when a stream of clips is at its end before."""
    rl = session.recipe.rl
    if rl.order == "shuffled":
        return rl.steps
    return min(rl.steps, -(-len(session.features["train"]) // rl.batch_size))


def _open(recipe: Recipe, folder: RunFolder) -> Session:
    from accelerate import Accelerator

    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    accelerator = Accelerator(log_with=list(recipe.trackers) or None, project_dir=str(folder.path))
    task = Task(recipe.answers.format, labels_of(recipe))
    # Models first: what is wrong with them shows in seconds, while the features of many clips take long.
    dtype = _dtype(recipe.precision)
    extractor = extractor_of(recipe.model, dtype=dtype)
    extractor.prepare()
    torch.manual_seed(seed_of(recipe.seed, "init"))
    policy = policy_of(recipe.model, extractor, dtype=dtype)
    if (told := plain_turns(policy)) and not processes.rank():
        print(f"affectrl: {told}", file=sys.stderr)
    if recipe.offload:
        offload(policy, accelerator.device)
    else:
        policy.to(accelerator.device)
        if recipe.gradient_checkpointing:
            policy.recompute_layers()
    if recipe.start is not None:
        checkpoint.load_weights(policy, checkpoint.fetch(recipe.start))
    found = state.resume(folder.path / "checkpoints", policy)
    with extractor.on(accelerator.device):
        sets = processes.first_then_others(lambda: prepare(recipe, extractor, folder.path / "skipped.jsonl"))
    if not found and recipe.start is None:
        fit(policy, sets.features, align=recipe.cold_start.align)
    # The frozen language model is everywhere as it was loaded; all else begins as the first process has it.
    processes.same(t for name, t in policy.state_dict().items() if not name.startswith("lm.") or "lora_" in name)
    place = found.place if found else Place("sft", 0)
    processes.by_first(lambda: folder.rewind(place.stage, place.step))
    folder.update(
        data=sets.about,
        limits=SYNTHETIC if sets.synthetic else None,
        model=_about(policy, extractor),
        device=str(accelerator.device),
    )
    first = place.total(recipe.cold_start.steps) + 1
    boards = Boards(recipe, folder, accelerator, first)
    return Session(recipe, folder, policy, task, accelerator, boards, sets.features, place, found)


def _dtype(precision: str) -> torch.dtype:
    if precision == "auto":
        good = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
        return torch.bfloat16 if good else torch.float32
    return getattr(torch, precision)


def fit(policy: Policy, features: dict[str, list[ClipFeatures]], *, align: bool) -> None:
    """What is computed rather than learned: the features' spread, and projections to begin with."""
    known = features.get("cold_start") or features["train"]
    policy.fit_features([*known, *features["train"]])
    if align and "cold_start" in features:
        policy.align([(clip, clip.clip.labels[0]) for clip in known])


def _sft(session: Session, learner: Learner, step: int) -> Scalars:
    recipe = session.recipe
    batch = session.batch("cold_start", "sft", recipe.cold_start.batch_size, step)
    scalars = sft_step(
        learner, batch, session.task, dropout=recipe.model.modality_dropout, reasons=recipe.cold_start.reasons
    )
    session.follow()
    return dict(scalars)


def plain_turns(policy: Policy) -> str | None:
    """A warning where the backbone has no chat template."""
    if policy.spec.family == "native" or policy.tokenizer.chat_template:  # a native model without one is refused
        return None
    return f"the backbone {policy.spec.backbone} has no chat template: it is asked, and answers, in plain text."


def cut_targets(session: Session) -> str | None:
    """A warning where the cold start teaches answers that are longer than the model will be let write."""
    policy, room = session.policy, session.recipe.rl.max_completion_length
    rules, clips = session.task.rules, session.features["cold_start"]
    texts = {rules.target(clip.clip.labels, clip.clip.reasoning) for clip in clips}
    longest = max((len(policy.tokens(text)) + 1 for text in texts), default=0)
    if longest <= room:
        return None
    return (
        f"an answer of the cold start has {longest} tokens with its end, and rl.max_completion_length lets the model "
        f"write {room}: longer answers will be cut."
    )


def _about(policy: Policy, extractor: Extractor) -> dict[str, object]:
    return {
        "backbone": policy.spec.backbone,
        "adapter_parameters": sum(p.numel() for p in policy.adapter_parameters()),
        "fusion_parameters": sum(p.numel() for p in policy.fusion_parameters()),
        "parameters": sum(p.numel() for p in policy.parameters()),
        **extractor.about(),
    }
