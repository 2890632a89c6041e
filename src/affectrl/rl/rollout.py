"""Rollout: G sampled answers a clip, scored and compared within their group.

Where several processes train, each samples a part of the answers, and then all hold all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from affectrl.answers.vote import Vote, ballot, majority
from affectrl.models.decoding import Completions
from affectrl.models.features import ClipFeatures
from affectrl.models.prefix import Prefix
from affectrl.rewards import majority_vote
from affectrl.rl import processes
from affectrl.rl.engine import VOTES, Engine
from affectrl.rl.rubric import Scores


@dataclass(frozen=True, slots=True)
class Rollout:
    """B clips, G answers each, and what they are worth."""

    clips: Sequence[ClipFeatures]
    completions: Completions
    texts: list[str]
    scores: Scores
    advantages: Tensor
    """(B G,)"""
    flat: Tensor
    """(B,) bool: True where all answers of a clip earned the same."""
    prefix: Prefix | None = None
    """Kept where the update reuses the rollout's pass over it."""
    votes: Sequence[Vote] = ()
    """One a clip, when rewards come from votes."""
    answers: Sequence[Sequence[str | None]] = ()
    """What each of a clip's voters said."""
    asked: int = 0
    """Clips that were asked to get these."""
    prefix_tokens: int = 0
    """Columns of the longest prefix."""

    @property
    def group(self) -> int:
        """G."""
        return self.completions.group

    def of_group(self, i: int) -> range:
        """The rows of clip ``i``."""
        return range(i * self.group, (i + 1) * self.group)

    def rows(self) -> list[dict[str, Any]]:
        """One row a clip for ``rollouts.jsonl``."""
        lengths = self.completions.lengths.tolist()
        table = []
        for i, clip in enumerate(self.clips):
            row: dict[str, Any] = {"id": clip.id, "labels": list(clip.clip.labels)}
            if self.votes:
                row["vote"] = {"label": self.votes[i].winner, "share": round(self.votes[i].share, 4)}
            row["completions"] = [
                {
                    "text": self.texts[n],
                    "reward": round(float(self.scores.total[n]), 4),
                    "rewards": {name: values[n] for name, values in self.scores.parts.items()},
                    "advantage": round(float(self.advantages[n]), 4),
                    "tokens": lengths[n],
                }
                for n in self.of_group(i)
            ]
            table.append(row)
        return table


def collect(engine: Engine, clips_of: Callable[[int], Sequence[ClipFeatures]], generator: torch.Generator) -> Rollout:
    """Ask, score and compare; with dynamic sampling, ask others in place of groups that teach nothing.

    Args:
        engine: Its policy is in evaluation mode, so that the update sees the same probabilities.
        clips_of: The clips of a round: 0, then 1 and on if there is dynamic sampling.
        generator: Source of randomness.
    """
    first = ask(engine, clips_of(0), generator)
    sampling = engine.settings.dynamic_sampling
    if sampling is None:
        return compare(engine, first)
    trained = engine.rl.train_generations
    wanted, asked, kept = len(first.clips), len(first.clips), pick(first, telling(first, sampling.by, trained))
    for number in range(1, sampling.rounds):
        if len(kept.clips) >= wanted:
            break
        more = ask(engine, clips_of(number), generator)
        asked += len(more.clips)
        kept = merge(kept, pick(more, telling(more, sampling.by, trained)))
    if kept.clips:
        return replace(compare(engine, pick(kept, list(range(len(kept.clips)))[:wanted])), asked=asked)
    # A batch of which nothing teaches is logged as it came, and pushes nowhere, whatever else differs in it. A critic
    # would take silence for a reward of 0, so that it learns from the batch as from any other.
    bare = compare(engine, first)
    quiet = bare.advantages if engine.critic is not None else torch.zeros_like(bare.advantages)
    return replace(bare, advantages=quiet, asked=asked)


def ask(engine: Engine, clips: Sequence[ClipFeatures], generator: torch.Generator) -> Rollout:
    """Sample and score; nothing is compared yet, so that advantages are 0."""
    policy, task, rl = engine.policy, engine.task, engine.rl
    part = processes.share(len(clips), rl.num_generations)
    mine = [clips[i] for i in part.clips]
    prefix = policy.prefix(mine, task.question, task.opening)
    keep = _keeps(engine, prefix)
    with torch.no_grad():
        done = engine.sampler.sample(
            prefix if keep else prefix.bare(),
            group=part.group,
            max_new_tokens=rl.max_completion_length,
            temperature=rl.temperature,
            generator=generator,
            critic=engine.critic,
            keep=keep,
        )
    texts = done.texts(policy, task.opening)
    ids = [row[keep].tolist() for row, keep in zip(done.ids, done.keep, strict=True)]
    cut = done.truncated(policy.eos_id).tolist()
    columns = reward_columns(engine, mine, cut, part)
    scores = engine.rubric.score([task.question] * len(texts), texts, ids, columns)
    size, prefix = prefix.embeds.shape[1], prefix.bare()
    if processes.several():
        done, texts, scores, size = _together(done, texts, scores, size, part)
    answers, votes = _votes(engine, texts) if engine.votes else ((), ())
    nothing = torch.zeros(len(texts), device=policy.device)
    flat = torch.ones(len(clips), dtype=torch.bool, device=policy.device)
    kept = prefix if done.reuse is not None else None
    return Rollout(clips, done, texts, scores, nothing, flat, kept, votes, answers, len(clips), size)


def _keeps(engine: Engine, prefix: Prefix) -> bool:
    """Whether the update can go on from the rollout's pass: one rollout an update, by this process, that fits."""
    alone = engine.settings.dynamic_sampling is None and not processes.several() and not engine.policy.recompute
    return alone and len(prefix) * prefix.embeds.shape[1] <= engine.keep_tokens


def _together(
    done: Completions, texts: list[str], scores: Scores, size: int, part: processes.Share
) -> tuple[Completions, list[str], Scores, int]:
    """The answers of all processes, clip after clip, and the longest prefix; a cache to reuse is given up."""
    device, nothing = done.ids.device, torch.zeros(0)
    values = None if done.values is None else done.values.cpu()
    ours = Completions(done.ids.cpu(), done.keep.cpu(), done.logprobs.cpu(), done.group, values)
    piece = Rollout([], ours, texts, scores, nothing, nothing.bool(), prefix_tokens=size)
    pieces, _ = processes.gathered([piece])
    whole = reduce(merge, pieces)
    index, found = torch.tensor(part.order), whole.completions
    values = None if found.values is None else found.values[index].to(device)
    done = Completions(
        found.ids[index].to(device),
        found.keep[index].to(device),
        found.logprobs[index].to(device),
        len(part.order) // part.of,
        values,
    )
    own = replace(whole.scores.rows(part.order), missing=scores.missing)  # which is that of all already
    return done, [whole.texts[n] for n in part.order], own, whole.prefix_tokens


def _votes(engine: Engine, texts: Sequence[str]) -> tuple[list[list[str | None]], list[Vote]]:
    """What the voters of each clip said, and how it was decided: as the reward itself decides."""
    labels, group = engine.task.labels, engine.rl.num_generations
    settings = next((s for name, s in engine.rl.reward_settings.items() if name.replace("_", "-") == VOTES), {})
    distance = majority_vote.tie_distance(labels, **settings)
    said = [ballot(text, labels) for text in texts]
    answers = [said[at : at + group] for at in range(0, len(said), group)]
    return answers, [majority(given, distance=distance) for given in answers]


def reward_columns(
    engine: Engine, clips: Sequence[ClipFeatures], cut: Sequence[bool], part: processes.Share | None = None
) -> dict[str, list[Any]]:
    """What rewards see beside prompts and completions, one entry a completion; groups are those of all processes.

    Where labels are hidden, so is everything that may tell them: extras are whatever a reader found beside a clip.
    """
    group = engine.rl.num_generations if part is None else part.group
    if engine.hide_labels:
        clips = [_bare(clip) for clip in clips]
    extras = sorted({key for clip in clips for key in clip.clip.extras} - TAKEN)
    table: dict[str, list[Any]] = {key: [clip.clip.extras.get(key) for clip in clips] for key in extras}
    n = len(clips)
    table |= {
        "id": [clip.id for clip in clips],
        "labels": [clip.clip.labels for clip in clips],
        "format": [engine.task.format] * n,
        "choices": [engine.task.labels] * n,
        "clip": list(clips),
        "group": list(range(n) if part is None else part.clips),
        "max_completion_length": [engine.rl.max_completion_length] * n,
    }
    columns = {name: [value for value in column for _ in range(group)] for name, column in table.items()}
    return columns | {"truncated": list(cut)}


TAKEN = frozenset(("prompts", "completions", "completion_ids", "judge"))
"""Parameters of a reward that no column may take the place of."""


def _bare(clip: ClipFeatures) -> ClipFeatures:
    """The clip as somebody knows it who has only its media."""
    return replace(clip, clip=clip.clip.model_copy(update={"labels": (), "reasoning": None, "extras": {}}))


def telling(rollout: Rollout, by: str | None, generations: int | None = None) -> list[int]:
    """Groups in which a reward (the total by default) is not the same for all that it applies to.

    Looks at each group's first ``generations`` answers, which are those that are trained on.
    """
    values = rollout.scores.total.tolist() if by is None else rollout.scores.parts[by]
    seen = [rollout.of_group(i)[:generations] for i in range(len(rollout.clips))]
    return [i for i, rows in enumerate(seen) if len({values[n] for n in rows} - {None}) > 1]


def pick(rollout: Rollout, groups: Sequence[int], generations: int | None = None) -> Rollout:
    """Some of the groups, and of each the first ``generations`` answers."""
    take = generations or rollout.group
    if list(groups) == list(range(len(rollout.clips))) and take == rollout.group:
        return rollout
    rows = [n for i in groups for n in rollout.of_group(i)[:take]]
    done, scores = rollout.completions, rollout.scores
    index = torch.tensor(rows, dtype=torch.long, device=done.ids.device)
    same = list(groups) == list(range(len(rollout.clips)))
    return replace(
        rollout,
        clips=[rollout.clips[i] for i in groups],
        completions=Completions(
            done.ids[index],
            done.keep[index],
            done.logprobs[index],
            take,
            None if done.values is None else done.values[index],
            done.reuse if same else None,
        ),
        texts=[rollout.texts[n] for n in rows],
        scores=scores.rows(rows),
        advantages=rollout.advantages[index],
        flat=rollout.flat[torch.tensor(list(groups), dtype=torch.long, device=index.device)],
        prefix=rollout.prefix if same else None,
        votes=[rollout.votes[i] for i in groups] if rollout.votes else (),
        answers=[rollout.answers[i] for i in groups] if rollout.votes else (),
    )


def merge(one: Rollout, other: Rollout) -> Rollout:
    """Two rollouts of the same policy as one; a cache to reuse is given up, since their paddings differ."""
    a, b = one.completions, other.completions
    width = max(a.ids.shape[1], b.ids.shape[1])

    def joined(left: Tensor, right: Tensor) -> Tensor:
        pad = torch.nn.functional.pad
        return torch.cat([pad(t, (0, width - t.shape[1])) for t in (left, right)])

    values = None if a.values is None or b.values is None else joined(a.values, b.values)
    done = Completions(joined(a.ids, b.ids), joined(a.keep, b.keep), joined(a.logprobs, b.logprobs), a.group, values)
    return Rollout(
        [*one.clips, *other.clips],
        done,
        one.texts + other.texts,
        one.scores.joined(other.scores),
        torch.cat([one.advantages, other.advantages]),
        torch.cat([one.flat, other.flat]),
        None,
        [*one.votes, *other.votes],
        [*one.answers, *other.answers],
        one.asked + other.asked,
        max(one.prefix_tokens, other.prefix_tokens),
    )


def compare(engine: Engine, rollout: Rollout) -> Rollout:
    """Cut to the answers that are trained on, and give them advantages."""
    cut = pick(rollout, range(len(rollout.clips)), engine.rl.train_generations)
    found = engine.algorithm.advantages(cut.scores.total, cut.group, engine.settings)
    device = engine.policy.device
    return replace(cut, advantages=found.values.to(device), flat=found.flat.to(device))
