from __future__ import annotations

import random

import pytest

from affectrl.answers.vote import majority
from affectrl.rl.votes import Collapse, top_share, vote_scalars

ANSWERS = [
    ["sad", "sad", "happy", "sad"],  # right vote
    ["sad", "happy", None, "happy"],  # wrong vote
    ["sad", "sad", "sad", "sad"],  # no label
]
TRUTH = [("Sad",), ("sad", "gloomy"), ()]


def test_figures_of_a_hand_worked_step() -> None:
    scalars = vote_scalars([majority(labels) for labels in ANSWERS], ANSWERS, TRUTH)
    assert scalars == pytest.approx(
        {
            "majority_ratio": (3 / 4 + 2 / 4 + 1) / 3,
            "top_vote_share": 2 / 3,
            "abstained_share": 1 / 12,
            "vote_accuracy": 1 / 2,
            "answer_accuracy": (3 + 1) / 8,
            # First clip: all four as the label would have it. Second: only the unread one, paid 0 by either.
            "reward_accuracy": (4 + 1) / 8,
        }
    )


@pytest.mark.parametrize("truth", [(), [(), (), ()]])
def test_without_labels_there_is_no_accuracy(truth: list[tuple[str, ...]]) -> None:
    scalars = vote_scalars([majority(labels) for labels in ANSWERS], ANSWERS, truth)
    assert set(scalars) == {"majority_ratio", "top_vote_share", "abstained_share"}


def test_corners() -> None:
    assert vote_scalars([], [], []) == {}
    silent = vote_scalars([majority([None, None])], [[None, None]], [("sad",)])
    assert (silent["majority_ratio"], silent["abstained_share"], silent["vote_accuracy"]) == (0, 1, 0)
    assert silent["reward_accuracy"] == 1, "unread answers earn nothing, whether the vote or the label pays"
    assert top_share([]) == 0


def test_figures_are_those_of_a_plain_loop() -> None:
    rng = random.Random(5)
    for _ in range(50):
        answers = [[rng.choice(["a", "b", "c", None]) for _ in range(5)] for _ in range(rng.randint(1, 6))]
        truth = [(rng.choice("abc"),) if rng.random() < 0.7 else () for _ in answers]
        votes = [majority(row) for row in answers]
        scalars = vote_scalars(votes, answers, truth)
        same = total = right = clips = 0
        for row, vote, labels in zip(answers, votes, truth, strict=True):
            if labels:
                clips += 1
                right += vote.winner == labels[0]
                for answer in row:
                    paid = answer is not None and answer == vote.winner
                    total += 1
                    same += paid == (answer == labels[0])
        if clips:
            assert scalars["reward_accuracy"] == pytest.approx(same / total)
            assert scalars["vote_accuracy"] == pytest.approx(right / clips)
        else:
            assert "vote_accuracy" not in scalars
        assert all(0 <= value <= 1 for value in scalars.values())


def test_collapse_needs_a_full_window_of_one_label() -> None:
    watcher = Collapse(window=3, share=0.8)
    assert [watcher.see(step) for step in (["a", "a"], ["a", "a"], ["b", "a"])] == [False, False, True]
    assert not watcher.see(["b", "c"]), "3 of 6 are a"
    assert [watcher.see([None, None]) for _ in range(3)] == [False, False, True], "silence is a collapse as well"


def test_a_share_is_reached_not_only_passed() -> None:
    assert Collapse(1, 0.75).see(["a", "a", "a", "b"])
    assert not Collapse(1, 0.76).see(["a", "a", "a", "b"])
    assert not Collapse(1, 0.5).see([])


def test_a_resumed_watcher_goes_on_from_what_was_logged() -> None:
    rng = random.Random(1)
    steps = [[rng.choice("aaaaab") for _ in range(4)] for _ in range(40)]
    whole = Collapse(4, 0.85)
    said = [whole.see(step) for step in steps]
    assert any(said)
    assert not all(said)
    resumed = Collapse(4, 0.85)
    for step in steps[:17]:
        resumed.see(step)
    assert [resumed.see(step) for step in steps[17:]] == said[17:]
