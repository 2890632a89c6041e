from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectrl.answers.vote import ballot, majority
from affectrl.emotions.distances import Distance, distance
from affectrl.errors import UsageError

EKMAN = ("joy", "surprise", "sadness", "disgust", "anger", "fear")
LINE = Distance("line", ("a", "b", "c"), [[0, 0.2, 1], [0.2, 0, 0.8], [1, 0.8, 0]])  # type: ignore[arg-type]


def test_merits_five_votes() -> None:
    vote = majority(["joy", "joy", "sadness", "joy", "surprise"])
    assert (vote.winner, vote.share, vote.abstained) == ("joy", 0.6, 0)
    assert vote.counts == {"joy": 3, "sadness": 1, "surprise": 1}


@pytest.mark.parametrize(
    ("labels", "winner", "share", "ratio"),
    [
        ([], None, 0, 0),
        ([None, None], None, 0, 0),
        (["a"], "a", 1, 1),
        (["a", None, None], "a", 1, 1 / 3),
        (["b", "a"], "a", 0.5, 0.5),
        (["b", "b", "a", None], "b", 2 / 3, 0.5),
    ],
)
def test_abstentions_and_plain_ties(labels: list[str | None], winner: str | None, share: float, ratio: float) -> None:
    vote = majority(labels)
    assert (vote.winner, vote.voters) == (winner, len(labels))
    assert (vote.share, vote.ratio) == pytest.approx((share, ratio))


@pytest.mark.parametrize(
    ("labels", "logprobs", "winner"),
    [
        # Summed distances of a, b, c to a b c: 1.2, 1.0, 1.8.
        (["c", "a", "b"], None, "b"),
        # b lies nearest to all votes, but has fewer votes than the tied: of those a has .2 + 2, c has .8 + 2.
        (["a", "a", "c", "c", "b"], None, "a"),
        # Two labels are always as far from each other: the likelier, then the alphabet.
        (["c", "a"], [-1.0, -2.0], "c"),
        (["c", "a"], [-2.0, -2.0], "a"),
        (["c", "a", None], [-2.0, -1.5, 0.0], "a"),
        # Summed, not best: c has -4, a has -3.5, although c holds the likeliest answer.
        (["c", "c", "a", "a"], [-0.5, -3.5, -1.5, -2.0], "a"),
    ],
)
def test_ties_fall_to_the_medoid_then_the_likelier_then_the_alphabet(
    labels: list[str | None], logprobs: list[float] | None, winner: str
) -> None:
    assert majority(labels, distance=LINE, logprobs=logprobs).winner == winner


def test_the_likelier_wins_without_a_distance() -> None:
    assert majority(["a", "b"], logprobs=[-2, -1]).winner == "b"


def test_no_distance_is_asked_for_without_a_tie() -> None:
    assert majority(["odd", "odd", "a"], distance=LINE).winner == "odd"
    with pytest.raises(UsageError) as caught:
        majority(["odd", "a"], distance=LINE)
    assert caught.value.code == "distance_label"


def test_one_log_probability_a_voter() -> None:
    with pytest.raises(UsageError) as caught:
        majority(["a", None], logprobs=[-1.0])
    assert caught.value.code == "metric_lengths"


@given(
    st.lists(st.tuples(st.sampled_from([*EKMAN, None]), st.floats(-50, 0)), max_size=9),
    st.booleans(),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_a_vote_is_that_of_brute_force_and_of_any_order(
    cast: list[tuple[str | None, float]], far: bool, likely: bool, random: object
) -> None:
    w = distance("plutchik", EKMAN) if far else None
    labels, logprobs = [label for label, _ in cast], [value for _, value in cast]
    vote = majority(labels, distance=w, logprobs=logprobs if likely else None)
    given = [label for label in labels if label is not None]

    def rank(label: str) -> tuple[float, ...]:
        medoid = round(sum(w.between(label, other) for other in given), 6) if w else 0
        likelihood = round(sum(v for other, v in cast if other == label), 6) if likely else 0
        return (-given.count(label), medoid, -likelihood, sorted(EKMAN).index(label))

    ranked = sorted(set(given), key=rank)
    close = len(ranked) > 1 and all(
        abs(x - y) < 1e-4 for x, y in zip(rank(ranked[0])[:3], rank(ranked[1])[:3], strict=True)
    )
    if not close:
        assert vote.winner == (ranked[0] if ranked else None)
    shuffled = list(cast)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = [value for _, value in shuffled] if likely else None
    assert majority([label for label, _ in shuffled], distance=w, logprobs=again) == vote


def test_every_order_of_a_tie_gives_one_winner() -> None:
    w = distance("plutchik", EKMAN)
    winners = {
        majority(order, distance=w).winner for order in itertools.permutations(["joy", "fear", "surprise", "anger"])
    }
    assert len(winners) == 1


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("<think>A smile.</think><answer>Happy</answer>", "happy"),
        ("happy, calm", "happy"),
        ("happy or sad", None),
        ("joyous", None),
        ("I cannot see who is speaking here, so there is nothing that can be said.", None),
        ("", None),
    ],
)
def test_ballots_of_a_closed_choice(text: str, label: str | None) -> None:
    assert ballot(text, ("Happy", "sad")) == label


def test_an_open_vote_takes_any_label() -> None:
    assert ballot("joyous") == "joyous"
