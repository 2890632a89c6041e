"""The RL stage's step: collect, log, update, watch, look."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from affectrl.judges import Asking
from affectrl.models import checkpoint
from affectrl.models.features import ClipFeatures
from affectrl.models.trained import put, swapped, trained
from affectrl.rl import processes
from affectrl.rl.engine import Engine
from affectrl.rl.rollout import Rollout, collect
from affectrl.rl.steps import Learner, rl_step
from affectrl.rl.votes import vote_scalars
from affectrl.rl.watch import answer_stats
from affectrl.training import state
from affectrl.training.boards import Scalars
from affectrl.training.guards import Guards
from affectrl.training.looks import Looks
from affectrl.training.session import Session
from affectrl.training.state import seed_of


@dataclass(slots=True)
class Reinforcement:
    """One run's RL stage."""

    session: Session
    engine: Engine
    guards: Guards
    looks: Looks

    def begin(self) -> None:
        """Before the first step: meet the clips' own scale, and look at what RL starts from if it may be the best."""
        if (prior := self.engine.rl.restandardize) is not None:
            self.session.policy.fit_features(self.session.features["train"], prior)
        if processes.by_first(lambda: self.looks.wanted_at_start):
            self.look(0)

    def step(self, learner: Learner, step: int) -> Scalars:
        """One step, as :meth:`Session.run_stage` wants it."""
        session, rl = self.session, self.engine.rl
        session.policy.eval()
        seed = seed_of(session.recipe.seed, "rollout", step)
        if processes.rank():
            seed = seed_of(seed, "process", processes.rank())
        generator = torch.Generator(session.policy.device).manual_seed(seed)
        rollout = collect(self.engine, lambda number: self._clips(step, number), generator)
        session.folder.log("rollouts.jsonl", [{"stage": "rl", "step": step + 1} | row for row in rollout.rows()])
        scalars = self._scalars(rollout) | rl_step(learner, self.engine, rollout)
        session.follow()
        for alarm in processes.by_first(lambda: self.guards.alarms(step + 1, scalars)):
            session.boards.log("rl", step + 1, "alarm", alarm)
        if processes.by_first(lambda: self.guards.collapsed(rollout.votes)):
            self._give_up(step)
        elif (step + 1) % session.recipe.eval.every == 0 and (step + 1 < rl.steps or self.looks.keep_best):
            self.look(step + 1)
            if processes.by_first(lambda: self.looks.tired):
                session.ended = f"{self.looks.patience} looks without a better {self.looks.metric}"
        return scalars

    def look(self, step: int) -> None:
        """Evaluate on a part of the held-out clips, and keep the weights if they are the best so far."""
        processes.by_first(lambda: self._look(step))

    def _look(self, step: int) -> None:
        session = self.session
        held_out = session.features["dev" if "dev" in session.features else "eval"]
        held_out = [clip for clip in held_out if clip.clip.labels]
        if not held_out:
            return
        n = min(session.recipe.eval.limit or len(held_out), len(held_out))
        spread = [held_out[i * len(held_out) // n] for i in range(n)]
        with swapped(session.policy, session.average):
            rows = session.evaluate("look", spread, quiet=True)
            scores = session.summary(rows)
            if self.looks.see(step, scores) and self.looks.keep_best:
                checkpoint.save(session.policy, session.task, self.looks.place)
                self.looks.note(step)
        session.boards.log("rl", step, "eval", scores | {"look": True})

    def _clips(self, step: int, number: int) -> list[ClipFeatures]:
        rl = self.engine.rl
        if rl.order == "stream":
            clips = self.session.features["train"]
            at = step * rl.batch_size
            return [clips[i % len(clips)] for i in range(at, min(at + rl.batch_size, max(len(clips), at + 1)))]
        # Every step owns the places of all its possible rounds, so that a step's clips hang on its number alone.
        rounds = 1 if self.engine.settings.dynamic_sampling is None else self.engine.settings.dynamic_sampling.rounds
        return self.session.batch("train", "rl", rl.batch_size, step * rounds + number)

    def _give_up(self, step: int) -> None:
        """The votes have collapsed: end the stage, with the weights from before that if they are wanted."""
        session, stop = self.session, self.engine.rl.stop
        session.ended = f"the votes collapsed to one label ({stop.collapse:.0%} of {stop.window} steps' votes)"
        if not stop.roll_back:
            return
        folder = session.folder.path
        place = state.go_back(folder / "checkpoints", "rl", step + 1 - stop.window, session.policy)
        if place is not None:
            session.ended += f"; back to {place.name}"
        elif self.engine.reference is not None:
            put(session.policy, self.engine.reference)
            session.ended += "; back to the start"
        session.average = None

    def _scalars(self, rollout: Rollout) -> Scalars:
        scores, names = rollout.scores, self.engine.rubric.names
        texts, labels = rollout.texts, [clip.clip.labels for clip in rollout.clips]
        told: Scalars = {
            "reward": float(scores.total.mean()),
            "reward_std": float(scores.total.view(-1, rollout.group).std(1).mean()),
            "zero_variance_share": float(rollout.flat.float().mean()),
            "completion_tokens": float(rollout.completions.lengths.float().mean()),
            "truncated_share": float(rollout.completions.truncated(self.engine.policy.eos_id).float().mean()),
            **{f"reward/{name}": scores.mean(name) for name in names},
            **{f"missing/{name}": share for name, share in scores.missing.items()},
            **answer_stats(texts, labels, rollout.group),
        }
        if self.engine.settings.dynamic_sampling is not None:
            told["asked_clips"] = rollout.asked
        if isinstance(judge := self.engine.rubric.judge, Asking):
            told |= judge.scalars()
        if rollout.votes:
            told |= vote_scalars(rollout.votes, rollout.answers, labels)
        return told


def reference_of(session: Session, engine: Engine) -> None:
    """Give the engine the weights that RL began with: what it has now, or what the cold start left behind."""
    if not engine.needs_reference:
        return
    policy = session.policy
    policy.learn(engine.rl.train)
    start = session.folder.path / "cold-start"
    if session.place.stage == "rl" and session.place.step:
        # What features are standardized by is no weight that learns, and RL may have moved it.
        scales = {name: t.clone() for name, t in policy.named_buffers() if not name.startswith("lm.")}
        now = trained(policy)
        checkpoint.load_weights(policy, start)
        engine.reference = trained(policy)
        put(policy, now)
        for name, scale in scales.items():
            policy.get_buffer(name).copy_(scale)
    else:
        engine.reference = trained(policy)
