"""What each modality gives to a score on a whole set: exact Shapley values with intervals.

The model answers every clip anew for each coalition of senses. The worth of a coalition is the score of those answers.
Of nothing, it is that of the constant answer, which looks at no clip: the most frequent reference (so that UAR begins
at one over the number of classes), or the six basic words where the vocabulary is open. The values of the senses
therefore sum to what the model gains over it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from affectrl.answers.parser import plain
from affectrl.answers.prediction import Prediction
from affectrl.data.clip import Clip
from affectrl.evaluation.columns import Metric, aligned, columns
from affectrl.evaluation.evaluate import Row, row
from affectrl.inference.answering import MAX_NEW_TOKENS, answer, choose
from affectrl.metrics.comparison import mean_of_sums, with_ones
from affectrl.metrics.intervals import Estimate, bootstrap_sums, clusters, interval_of, resample_scores
from affectrl.metrics.resampling import Floats
from affectrl.metrics.shapley import coalitions, shapley
from affectrl.models.features import ClipFeatures
from affectrl.models.language import Policy
from affectrl.models.senses import SENSES, only, senses
from affectrl.models.task import Task
from affectrl.scoring.baseline import SIX_WORDS

Coalition = frozenset[str]
RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one sense gives to a score."""

    value: Estimate
    """Its Shapley value; over all senses they sum to the gain over the constant answer."""
    alone: Estimate
    """What it adds to nothing."""
    last: Estimate
    """What it adds to all the others."""
    used: Estimate
    """Share of clips whose answer changes when it alone is taken away."""


@dataclass(frozen=True, slots=True)
class Contributions:
    """Of one score on one set."""

    metric: Metric
    worth: dict[Coalition, Estimate]
    """The score of each coalition, that of the constant answer for the empty one."""
    gain: Estimate
    """All senses minus the constant answer."""
    by_sense: dict[str, Contribution]
    n: int
    """Clips that every coalition has an answer for."""


def heard(clips: Sequence[ClipFeatures]) -> tuple[str, ...]:
    """Those of ``audio``, ``vision``, ``text`` that some clip of the set has."""
    there = {sense for clip in clips for sense in senses(clip)}
    return tuple(sense for sense in SENSES if sense in there)


def constant(clips: Sequence[Clip], *, open_vocabulary: bool) -> tuple[str, ...]:
    """The constant answer to a labelled set, ranked; equal counts go by the alphabet."""
    if open_vocabulary:
        return tuple(SIX_WORDS)
    counts = Counter(plain(clip.labels[0]) for clip in clips if clip.labels)
    return (min(counts, key=lambda label: (-counts[label], label)),)


def room(policy: Policy, task: Task) -> int:
    """Tokens to write where only labels are scored: of a closed choice that says why afterwards, no more than labels.

    Three of the longest labels fit. Reasons cost several times what labels do, and no score here reads them.
    """
    why = getattr(task.rules, "EXPLAINS", "")
    if not why or task.labels is None:
        return MAX_NEW_TOKENS
    longest = sorted(task.labels, key=lambda label: len(policy.tokens(label)))[-3:]
    return min(MAX_NEW_TOKENS, len(policy.tokens(f"{', '.join(longest)}{why}")))


def answers_of(
    policy: Policy,
    clips: Sequence[ClipFeatures],
    task: Task,
    kept: Coalition,
    nothing: Sequence[str],
    *,
    batch_size: int = 16,
    max_new_tokens: int = MAX_NEW_TOKENS,
    reasons: bool = False,
    advance: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """Rows of ``predictions.jsonl``: greedy answers to what a coalition leaves of each clip.

    Args:
        policy: In evaluation mode.
        clips: With labels.
        task: How they are asked.
        kept: The senses that stay.
        nothing: What a clip gets of which nothing stays, from :func:`constant`; the model is not asked.
        batch_size: Clips in one forward pass.
        max_new_tokens: Longest answer.
        reasons: Whether a format that says why after its labels is made to; else it does so as it likes.
        advance: Called after each clip.
    """
    left = [only(clip, kept) for clip in clips]
    asked = [i for i, clip in enumerate(left) if clip.modalities]
    rows: dict[int, Row] = {}
    ask = choose if reasons and task.explains_choice else answer
    for start in range(0, len(asked), batch_size):
        batch = asked[start : start + batch_size]
        said = ask(policy, [left[i] for i in batch], task, max_new_tokens=max_new_tokens)
        for i, prediction in zip(batch, said, strict=True):
            rows[i] = row(prediction, clips[i].clip)
            advance("")
    for i, clip in enumerate(left):
        if i not in rows:
            rows[i] = _unasked(clip, nothing)
            advance("")
    return [rows[i] for i in range(len(clips))]


def contributions(answers: Mapping[Coalition, Sequence[Row]], metric: Metric, *, seed: int = 0) -> Contributions:
    """Shapley values of a score, with 95 % bootstrap intervals over clips, or over speakers where there are enough.

    Args:
        answers: Rows of every coalition of the senses, the empty one included.
        metric: Which score.
        seed: Of the bootstrap; all coalitions see the same clips in every resample.

    Raises:
        UsageError: ``coalitions_missing``.
    """
    rows = aligned(answers)
    clips = next(iter(rows.values()), [])
    groups = clusters([entry["speaker"] for entry in clips])
    statistic, tables = columns(metric, list(rows.values()))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = [np.asarray(statistic(table.sum(0, keepdims=True)))[0] for table in tables]
    drawn = resample_scores(tables, statistic, groups, RESAMPLES, seed)
    # One game for the value and one for each resample, all in one array.
    worth = {c: np.r_[value, again] for c, value, again in zip(rows, values, drawn, strict=True)}

    def estimate(games: Floats) -> Estimate:
        return interval_of(float(games[0]), games[1:], len(clips), groups, LEVEL)

    everything = max(worth, key=len)
    changed = {sense: _changed(rows[everything], rows[everything - {sense}]) for sense in everything}
    by_sense = {
        sense: Contribution(
            estimate(value),
            estimate(worth[frozenset({sense})] - worth[frozenset()]),
            estimate(worth[everything] - worth[everything - {sense}]),
            _share(changed[sense], groups, seed),
        )
        for sense, value in shapley(worth).items()
    }
    gain = estimate(worth[everything] - worth[frozenset()])
    scores = {c: estimate(worth[c]) for c in coalitions([s for s in SENSES if s in everything])}
    ordered = {sense: by_sense[sense] for sense in SENSES if sense in by_sense}
    return Contributions(metric, scores, gain, ordered, len(clips))


def _unasked(clip: ClipFeatures, nothing: Sequence[str]) -> Row:
    said = Prediction(id=clip.id, path=clip.clip.path, emotions=tuple(nothing), top=nothing[0])
    return row(said, clip.clip)


def _changed(a: Sequence[Row], b: Sequence[Row]) -> list[float]:
    return [float(set(x["emotions"]) != set(y["emotions"])) for x, y in zip(a, b, strict=True)]


def _share(changed: list[float], groups: list[str] | None, seed: int) -> Estimate:
    found = bootstrap_sums(with_ones(changed), mean_of_sums, groups=groups, n_resamples=RESAMPLES, seed=seed)
    assert isinstance(found, Estimate)
    return found
