"""What each modality gave to one answer: exact Shapley values of the probability of its label.

A coalition is a clip with some of its senses taken away; its worth is the probability that the model, asked again
about what is left, gives to the label that it gave to the whole clip. Where the answer reasons first, it reasons anew
about what is left, so that reasoning written with a modality does not speak for it after it is gone. For a label of a
closed choice the probability is that among the choice; else that of the label's tokens at the place where the first
label stands. Features are computed once, so that a clip costs ``2^n`` short answers and no encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from affectrl.answers.prediction import Prediction
from affectrl.inference.answering import MAX_NEW_TOKENS, contexts_of, label_logprobs
from affectrl.metrics.shapley import coalitions, shapley
from affectrl.models.features import ClipFeatures
from affectrl.models.language import Policy
from affectrl.models.senses import only, senses
from affectrl.models.task import Task


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


def shares(
    policy: Policy,
    clips: Sequence[ClipFeatures],
    labels: Sequence[str],
    task: Task,
    *,
    batch_size: int = 8,
    max_new_tokens: int = MAX_NEW_TOKENS,
) -> list[Shares]:
    """Shares of each clip's label, in the order of ``clips``.

    Args:
        policy: In evaluation mode.
        clips: B.
        labels: B, such as the answers' ``top``.
        task: How the clips are asked.
        batch_size: Clips, with some or all of their senses, in one forward pass.
        max_new_tokens: Longest reasoning.
    """
    games = [coalitions(senses(clip)) for clip in clips]
    left = [only(clip, kept) for clip, game in zip(clips, games, strict=True) for kept in game]
    asked = [label for label, game in zip(labels, games, strict=True) for _ in game]
    worth: list[float] = []
    for start in range(0, len(left), batch_size):
        part = slice(start, start + batch_size)
        worth += _probabilities(policy, left[part], asked[part], task, max_new_tokens)
    out, at = [], 0
    for label, game in zip(labels, games, strict=True):
        played = dict(zip(game, worth[at : at + len(game)], strict=True))
        at += len(game)
        gave = {sense: float(value) for sense, value in shapley(played).items()}
        out.append(Shares(label, gave, played[game[0]], played[game[-1]]))
    return out


def explained(
    policy: Policy, clips: Sequence[ClipFeatures], answers: Sequence[Prediction], task: Task
) -> list[Prediction]:
    """The answers with their ``shares``; one that could not be read has none."""
    read = [i for i, said in enumerate(answers) if said.top is not None]
    found = shares(policy, [clips[i] for i in read], [str(answers[i].top) for i in read], task)
    out = list(answers)
    for i, each in zip(read, found, strict=True):
        out[i] = replace(out[i], shares=each.gave | {"nothing": each.nothing})
    return out


def _probabilities(
    policy: Policy, clips: list[ClipFeatures], labels: list[str], task: Task, max_new_tokens: int
) -> list[float]:
    contexts = contexts_of(policy, clips, task, max_new_tokens=max_new_tokens)
    choice = task.labels or ()
    found = [0.0] * len(clips)
    for chosen in (True, False):
        # What a model writes need not be of the choice that it was given.
        rows = [i for i, label in enumerate(labels) if (label in choice) == chosen]
        if not rows:
            continue
        some, before = [clips[i] for i in rows], [contexts[i] for i in rows]
        if chosen:
            among = label_logprobs(policy, some, task, before, [choice] * len(rows)).softmax(1)
            values = [float(row[choice.index(labels[i])]) for i, row in zip(rows, among, strict=True)]
        else:
            alone = label_logprobs(policy, some, task, before, [[labels[i]] for i in rows], closed=False).exp()
            values = alone[:, 0].tolist()
        for i, value in zip(rows, values, strict=True):
            found[i] = value
    return found
