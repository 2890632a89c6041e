"""What each modality gave to one answer: exact Shapley values of the probability of its label.

A coalition is a clip with some of its senses taken away; its worth is the probability that the model, asked again
about what is left, gives to the label that it gave to the whole clip. Where the answer reasons first, it reasons anew
about what is left, so that reasoning written with a modality does not speak for it after it is gone. For a label of a
closed choice the probability is that among the choice; else that of the label's tokens at the place where the first
label stands. Features are computed once, so that a clip costs ``2^n`` short answers and no encoder.

The coalitions of one sense also say what each would have answered alone, and so whether the senses agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from affectrl.answers.prediction import Prediction
from affectrl.errors import Note
from affectrl.inference.answering import MAX_NEW_TOKENS, answer, contexts_of, label_logprobs
from affectrl.inference.calibration import Calibration, probabilities
from affectrl.metrics.shapley import coalitions, shapley
from affectrl.models.features import ClipFeatures
from affectrl.models.language import Policy
from affectrl.models.senses import only, senses
from affectrl.models.task import Task

SURE = 0.5
"""From this probability on, an answer to one sense alone can be in conflict with another's."""


@dataclass(frozen=True, slots=True)
class Alone:
    """What one sense says without the others."""

    top: str | None
    confidence: float | None
    among: tuple[float, ...] | None = None
    """Of a closed choice: the probabilities of its labels."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Where the probability of a label came from; ``nothing + sum(gave.values()) == everything``."""

    label: str
    gave: dict[str, float]
    """Of ``audio``, ``vision``, ``text``, those that the clip has: what each added; negative if it spoke against."""
    nothing: float
    """Probability of the label when the model is asked without any of them."""
    everything: float
    """Probability of the label with all of them."""
    alone: dict[str, Alone] = field(default_factory=dict)
    """Of a clip with several senses: the answer to each alone."""

    @property
    def agreement(self) -> float | None:
        """How far the senses alone agree, in [0, 1]; ``None`` with fewer than two.

        The mean over pairs of what their probabilities have in common, ``sum_k min(p_k, q_k)``; without a closed
        choice the share of pairs that name the same label.
        """
        pairs = list(combinations(self.alone.values(), 2))
        return sum(_alike(a, b) for a, b in pairs) / len(pairs) if pairs else None

    @property
    def conflict(self) -> Note | None:
        """A warning where two senses, each of them sure, name different labels."""
        sure = {s: a for s, a in self.alone.items() if a.top and (a.confidence or 0.0) >= SURE}
        if len({a.top for a in sure.values()}) < 2:
            return None
        told = ", ".join(f"{sense} alone says {a.top} ({a.confidence:.0%})" for sense, a in sure.items())
        return Note("modalities_conflict", f"the modalities contradict each other: {told}.")


def shares(
    policy: Policy,
    clips: Sequence[ClipFeatures],
    labels: Sequence[str],
    task: Task,
    *,
    batch_size: int = 8,
    max_new_tokens: int = MAX_NEW_TOKENS,
    calibration: Calibration | None = None,
) -> list[Shares]:
    """Shares of each clip's label, in the order of ``clips``.

    Args:
        policy: In evaluation mode.
        clips: B.
        labels: B, such as the answers' ``top``.
        task: How the clips are asked.
        batch_size: Clips, with some or all of their senses, in one forward pass.
        max_new_tokens: Longest reasoning.
        calibration: What the answers' probabilities were calibrated by.
    """
    games = [coalitions(senses(clip)) for clip in clips]
    left = [only(clip, kept) for clip, game in zip(clips, games, strict=True) for kept in game]
    asked = [label for label, game in zip(labels, games, strict=True) for _ in game]
    found = worths(
        policy, left, asked, task, batch_size=batch_size, max_new_tokens=max_new_tokens, calibration=calibration
    )
    out, at = [], 0
    for label, game in zip(labels, games, strict=True):
        played = dict(zip(game, found[at : at + len(game)], strict=True))
        at += len(game)
        gave = {sense: float(value) for sense, value in shapley({k: w for k, (w, _) in played.items()}).items()}
        out.append(Shares(label, gave, played[game[0]][0], played[game[-1]][0], _choices_alone(played, task)))
    return _answers_alone(policy, clips, out, task, batch_size, max_new_tokens)


def explained(
    policy: Policy,
    clips: Sequence[ClipFeatures],
    answers: Sequence[Prediction],
    task: Task,
    calibration: Calibration | None = None,
) -> list[Prediction]:
    """The answers with their ``shares``, what each sense says ``alone``, and a note where these conflict.

    An answer that could not be read has none of them.
    """
    read = [i for i, said in enumerate(answers) if said.top is not None]
    labels = [str(answers[i].top) for i in read]
    found = shares(policy, [clips[i] for i in read], labels, task, calibration=calibration)
    out = list(answers)
    for i, each in zip(read, found, strict=True):
        notes = out[i].notes if each.conflict is None else (*out[i].notes, each.conflict)
        alone = {sense: {"top": a.top, "confidence": a.confidence} for sense, a in each.alone.items()}
        gave = each.gave | {"nothing": each.nothing}
        out[i] = replace(out[i], shares=gave, alone=alone, agreement=each.agreement, notes=notes)
    return out


Worth = tuple[float, tuple[float, ...] | None]
"""Probability of a label, and where that is of a closed choice, the probabilities of all of its labels."""


def worths(
    policy: Policy,
    clips: Sequence[ClipFeatures],
    labels: Sequence[str],
    task: Task,
    *,
    batch_size: int,
    max_new_tokens: int = MAX_NEW_TOKENS,
    calibration: Calibration | None = None,
) -> list[Worth]:
    """How likely the model finds each clip's label, asked about that clip; arguments as :func:`shares`."""
    found: list[Worth] = []
    for start in range(0, len(clips), batch_size):
        part = slice(start, start + batch_size)
        found += _worths(policy, clips[part], labels[part], task, max_new_tokens, calibration)
    return found


def _worths(
    policy: Policy,
    clips: Sequence[ClipFeatures],
    labels: Sequence[str],
    task: Task,
    max_new_tokens: int,
    calibration: Calibration | None,
) -> list[Worth]:
    contexts = contexts_of(policy, clips, task, max_new_tokens=max_new_tokens)
    choice = task.labels or ()
    found: list[Worth] = [(0.0, None)] * len(clips)
    for chosen in (True, False):
        # What a model writes need not be of the choice that it was given.
        rows = [i for i, label in enumerate(labels) if (label in choice) == chosen]
        if not rows:
            continue
        some, before = [clips[i] for i in rows], [contexts[i] for i in rows]
        if chosen:
            logprobs = label_logprobs(policy, some, task, before, [choice] * len(rows))
            for i, row in zip(rows, probabilities(logprobs, choice, calibration).tolist(), strict=True):
                found[i] = (row[choice.index(labels[i])], tuple(row))
        else:
            alone = label_logprobs(policy, some, task, before, [[labels[i]] for i in rows], closed=False).exp()
            for i, value in zip(rows, alone[:, 0].tolist(), strict=True):
                found[i] = (value, None)
    return found


def _choices_alone(played: dict[frozenset[str], Worth], task: Task) -> dict[str, Alone]:
    """The answers to single senses of a closed choice, from what was computed for the shares."""
    single = {next(iter(kept)): among for kept, (_, among) in played.items() if len(kept) == 1}
    if len(single) < 2 or not task.labels:
        return {}
    found = {}
    for sense, among in single.items():
        if among is None:
            return {}
        best = max(range(len(among)), key=among.__getitem__)
        found[sense] = Alone(task.labels[best], among[best], among)
    return found


def _answers_alone(
    policy: Policy, clips: Sequence[ClipFeatures], found: list[Shares], task: Task, batch_size: int, max_new_tokens: int
) -> list[Shares]:
    """The shares with answers to single senses where no choice has told them: those are written, one a sense."""
    asked = [(i, sense) for i, each in enumerate(found) if len(each.gave) > 1 and not each.alone for sense in each.gave]
    alone: dict[int, dict[str, Alone]] = {}
    for start in range(0, len(asked), batch_size):
        some = asked[start : start + batch_size]
        left = [only(clips[i], [sense]) for i, sense in some]
        for (i, sense), said in zip(some, answer(policy, left, task, max_new_tokens=max_new_tokens), strict=True):
            alone.setdefault(i, {})[sense] = Alone(said.top, said.confidence)
    return [replace(each, alone=alone.get(i, each.alone)) for i, each in enumerate(found)]


def _alike(a: Alone, b: Alone) -> float:
    if a.among is not None and b.among is not None:
        return sum(map(min, a.among, b.among))
    return float(a.top is not None and a.top == b.top)
