"""What test-time RL watches: how the votes go, whether they are right where labels are known, whether they collapse.

Names follow TTRL (arXiv 2504.16084), whose code logs majority ratio, label accuracy and reward accuracy of each prompt.
Labels judge votes here and are never seen by a reward.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence

from affectrl.answers.parser import plain
from affectrl.answers.vote import Vote


def vote_scalars(
    votes: Sequence[Vote], answers: Sequence[Sequence[str | None]], truth: Sequence[Sequence[str]] = ()
) -> dict[str, float]:
    """Figures of a step's B votes, all in [0, 1].

    Args:
        votes: One a clip.
        answers: For each clip the labels that its G completions gave, ``None`` for one that cannot be read.
        truth: For each clip its reference labels, none where they are not known; or nothing at all.

    Returns:
        ``majority_ratio``: mean share of a clip's completions that gave the winning label; ``top_vote_share``: share of
        the clips whose winner is the most frequent one; ``abstained_share``: completions that could not be read. Where
        clips have labels, over those: ``vote_accuracy``: winners that are a reference label; ``answer_accuracy``: the
        same of single completions, so that the difference is what voting gains; ``reward_accuracy``: completions for
        which agreeing with the vote and being right are the same thing, so that the vote pays what the label would have
        paid. It is high even where votes are wrong, as long as most completions are wrong in another way.
    """
    if not votes:
        return {}
    rollouts = sum(vote.voters for vote in votes)
    scalars = {
        "majority_ratio": sum(vote.ratio for vote in votes) / len(votes),
        "top_vote_share": top_share(vote.winner for vote in votes),
        "abstained_share": sum(vote.abstained for vote in votes) / rollouts if rollouts else 0.0,
    }
    known = (
        [
            (vote.winner, labels, {plain(label) for label in reference})
            for vote, labels, reference in zip(votes, answers, truth, strict=True)
            if reference
        ]
        if truth
        else []
    )
    if not known:
        return scalars
    judged = [
        (a in right, (a is not None and a == winner) == (a in right)) for winner, given, right in known for a in given
    ]
    scalars["vote_accuracy"] = sum(winner in right for winner, _, right in known) / len(known)
    if judged:
        scalars["answer_accuracy"] = sum(right for right, _ in judged) / len(judged)
        scalars["reward_accuracy"] = sum(same for _, same in judged) / len(judged)
    return scalars


def top_share(labels: Iterable[str | None]) -> float:
    """Share of the most frequent label; ``None``, no label at all, counts as one. 0 of nothing."""
    counts = Counter(labels)
    return max(counts.values()) / counts.total() if counts else 0.0


class Collapse:
    """Notices that the votes of recent steps are all but one label.

    Test-time RL may find that answering the same to everything makes every vote unanimous. A vote that all abstained
    from counts as a label of its own: a model that no longer answers has collapsed as well. The share is one of the
    votes and knows nothing of the data: where one class has more clips than ``share``, choose a higher one.

    Args:
        window: Steps that are looked at together; before so many have been seen nothing is said.
        share: Share of one label in them, in (0, 1], from which on it is a collapse.
    """

    def __init__(self, window: int, share: float) -> None:
        self._share = share
        self._steps: deque[list[str | None]] = deque(maxlen=window)

    def see(self, labels: Iterable[str | None]) -> bool:
        """Take in the winners of one step, and say whether the votes have collapsed.

        Seeing again what was logged brings a watcher to where another was.
        """
        self._steps.append(list(labels))
        recent = [label for step in self._steps for label in step]
        return len(self._steps) == self._steps.maxlen and top_share(recent) >= self._share
