"""AffectGPT-R1's perception reward: Bradley-Terry against closed form and brute force, and the decided corners."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from affectrl.judges import Question
from affectrl.rewards import perception
from affectrl.rewards.perception import contest, described, strengths, top_half


class Prefers:
    """Prefers the text of higher worth; ``None`` when either has none."""

    key = None

    def __init__(self, worth: Callable[[str], float | None]) -> None:
        self.worth, self.heard = worth, []

    def answer(self, questions: Sequence[Question]) -> list[str | None]:
        self.heard += questions
        return [self.one(q.text) for q in questions]

    def one(self, text: str) -> str | None:
        first, second = (self.worth(part.split("»")[0]) for part in text.split("«")[1:])
        return None if first is None or second is None else "1" if first > second else "2"


def think(said: str) -> str:
    return f"<think>{said}</think><answer>sad</answer>"


def letters(text: str) -> float:
    return float(len(text))


def score(judge: object, *texts: str, group: list[int] | None = None, **settings: object) -> list[float | None]:
    n = len(texts)
    group = group or [0] * n
    return perception.reward(
        ["?"] * n, texts, [[]] * n, group=group, clip=[f"clip {g}" for g in group], judge=judge, **settings
    )


def slope(s: float, wins: int, losses: int) -> float:
    """Of the regularised log-likelihood at strengths (s, -s), with alpha 0.01."""
    return wins / (1 + math.exp(2 * s)) - losses / (1 + math.exp(-2 * s)) - 0.02 * s


def test_two_contestants_in_closed_form() -> None:
    for wins, losses in itertools.product(range(6), repeat=2):
        if wins + losses == 0:
            continue
        pairs = [(0, 1)] * wins + [(1, 0)] * losses
        first, second = strengths(2, pairs, 0.01)
        assert first == pytest.approx(-second, abs=1e-6)
        root = brentq(slope, -20, 20, args=(wins, losses))
        assert first == pytest.approx(root, abs=1e-5)
        if wins and losses:
            assert np.subtract(*strengths(2, pairs, 1e-9)) == pytest.approx(math.log(wins / losses), abs=1e-4)


def test_four_contestants_against_brute_force() -> None:
    pairs = [(0, 1), (0, 1), (1, 0), (1, 2), (2, 3), (2, 0), (3, 0), (1, 3)]
    alpha = 0.05

    def loss(t: Sequence[float]) -> float:
        return sum(math.log1p(math.exp(t[b] - t[a])) for a, b in pairs) + alpha * sum(x * x for x in t)

    # Coordinate by coordinate over ever finer grids: slow, and nothing that the library does.
    best = [0.0] * 4
    for width in (1.0, 0.1, 0.01, 0.001, 0.0001):
        for _ in range(200):
            before = list(best)
            for i in range(4):
                best[i] = min(
                    (best[i] + k * width for k in range(-3, 4)), key=lambda x: loss([*best[:i], x, *best[i + 1 :]])
                )
            if best == before:
                break
    assert strengths(4, pairs, alpha) == pytest.approx(best, abs=1e-3)


@given(st.integers(2, 6), st.integers(0, 10_000))
def test_all_pairs_rank_by_wins(n: int, seed: int) -> None:
    random_ = random.Random(seed)
    pairs = [pair if random_.random() < 0.5 else pair[::-1] for pair in itertools.combinations(range(n), 2)]
    wins = [sum(pair[0] == i for pair in pairs) for i in range(n)]
    found = strengths(n, pairs, 0.01)
    for a, b in itertools.combinations(range(n), 2):
        if wins[a] == wins[b]:
            assert abs(found[a] - found[b]) < perception.EQUAL
        else:
            assert (found[a] > found[b] + perception.EQUAL) == (wins[a] > wins[b])


@pytest.mark.parametrize(
    ("strength", "reward"),
    [
        ([4, 3, 2, 1], [1, 1, 0, 0]),
        ([1, 2, 3, 4, 5], [0, 0, 0, 1, 1]),  # of five, two are in the top half
        ([0, 1], [0, 1]),
        ([3, 3, 2, 1], [1, 1, 0, 0]),
        ([3, 2, 2, 1], [1, 0.5, 0.5, 0]),
        ([3, 2, 2, 2], [1, 1 / 3, 1 / 3, 1 / 3]),
        ([2, 2, 2, 1], [2 / 3, 2 / 3, 2 / 3, 0]),
        ([0, 0, 0, 0], [0.5] * 4),
        ([0, 0, 0], [1 / 3] * 3),
        ([1, 0, -math.inf, -math.inf], [1, 1, 0, 0]),
        ([1, -math.inf, -math.inf, -math.inf], [1, 1 / 3, 1 / 3, 1 / 3]),
        ([1], [0]),
    ],
)
def test_top_half(strength: list[float], reward: list[float]) -> None:
    assert top_half(strength) == pytest.approx(reward)
    # What drawing lots gives on average, counted over all orders.
    lots = np.zeros(len(strength))
    orders = list(itertools.permutations(range(len(strength))))
    for order in orders:
        ranked = sorted(order, key=lambda i: -strength[i])  # stable: equals stay in the drawn order
        lots[ranked[: len(strength) // 2]] += 1
    assert top_half(strength) == pytest.approx(list(lots / len(orders)))


def test_the_preferred_half_of_each_group() -> None:
    texts = [think("word " * n) for n in (1, 4, 2, 3)]
    judge = Prefers(letters)
    assert score(judge, *texts) == [0, 1, 0, 1]
    assert len(judge.heard) == 6
    assert {q.clip for q in judge.heard} == {"clip 0"}
    by_group = score(Prefers(letters), *texts, *texts[::-1], group=[7] * 4 + [3] * 4)
    assert by_group == [0, 1, 0, 1, 1, 0, 1, 0]


def test_groups_do_not_meet() -> None:
    texts = [think(f"{'word ' * n} number {n}") for n in (1, 2, 3, 4, 5, 6)]
    judge = Prefers(letters)
    assert score(judge, *texts, group=[0, 1, 0, 1, 0, 1], pairs=None) == [0, 0, 0, 0, 1, 1]
    for question in judge.heard:
        numbers = {int(part.split("»")[0].split()[-1]) % 2 for part in question.text.split("«")[1:]}
        assert len(numbers) == 1
        assert question.clip == f"clip {0 if numbers == {1} else 1}"


@pytest.mark.parametrize("answer", ["1", "2"])
def test_a_judge_that_goes_by_the_place(answer: str) -> None:
    judge = Prefers(lambda text: 0.0)
    judge.one = lambda text: answer  # type: ignore[method-assign]
    texts = [think(word) for word in ("tears", "a frown", "a sigh", "wet eyes")]
    assert score(judge, *texts, orders="both") == pytest.approx([0.5] * 4)
    assert len(judge.heard) == 12
    # One order only: the place is drawn, so that over many clips every place in the group fares alike.
    total = np.zeros(2)
    for i in range(400):
        total += np.array(score(judge, think(f"a {i}"), think(f"b {i}")), dtype=float)
    assert total.sum() == 400
    assert abs(total[0] - 200) < 50  # five standard deviations


def test_what_cannot_be_told_apart() -> None:
    nobody = Prefers(lambda text: None)
    assert score(nobody, think("a"), think("b")) == [None, None]
    assert score(nobody, think("a"), think("a"), think("a")) == [None] * 3, "nothing to compare"
    assert score(nobody, "", "...") == [None, None]
    assert score(nobody, think("a")) == [None]
    assert len(nobody.heard) == 1
    # One group without preferences leaves the other alone.
    judge = Prefers(lambda text: None if "x" in text else letters(text))
    assert score(judge, think("x"), think("xx"), think("a"), think("aaa"), group=[0, 0, 1, 1]) == [None, None, 0, 1]


def test_equal_texts_are_one_contestant_and_share() -> None:
    judge = Prefers(letters)
    assert score(judge, think("aa"), think(" aa "), think("aa"), think("a")) == pytest.approx([2 / 3] * 3 + [0])
    assert len(judge.heard) == 1


def test_silence_comes_last() -> None:
    judge = Prefers(letters)
    assert score(judge, "", think("a"), think("aaa"), "...") == [0, 1, 1, 0]
    assert len(judge.heard) == 1


def test_a_circle_is_a_tie() -> None:
    beats = {"a": "b", "b": "c", "c": "a"}
    judge = Prefers(letters)

    def one(text: str) -> str:
        first, second = (part.split("»")[0] for part in text.split("«")[1:])
        return "1" if beats[first] == second else "2"

    judge.one = one  # type: ignore[method-assign]
    assert score(judge, think("a"), think("b"), think("c")) == pytest.approx([1 / 3] * 3)


@given(st.integers(0, 9), st.integers(1, 60), st.sampled_from(["one", "both"]))
def test_who_meets_whom(n: int, pairs: int, orders: str) -> None:
    said = [f"text {i}" for i in range(n)]
    fight = contest(said, None, pairs, orders)
    assert fight == contest(said, None, pairs, orders)
    assert set(fight.bouts) == set(contest(said[::-1], None, pairs, orders).bouts)
    met = [frozenset(bout) for bout in fight.bouts]
    most = n * (n - 1) // 2
    assert len(set(met)) == min(pairs, most)
    assert len(met) == len(set(met)) * (2 if orders == "both" else 1)
    assert len(set(fight.bouts)) == len(fight.bouts)
    assert all(len(pair) == 2 for pair in met)
    if n > 1 and pairs >= (n + 1) // 2:
        assert len(frozenset().union(*met)) == n, "each text has its turn"
    if pairs >= n - 1:
        known = {0}
        for _ in range(n):
            known |= {i for pair in met if pair & known for i in pair}
        assert n == 0 or known == set(range(n)), "all are connected"
    if pairs >= most:
        assert set(met) == {frozenset(p) for p in itertools.combinations(range(n), 2)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (think("She\n cries."), "She cries."),
        ("<step1>Tears.</step1><step2>A loss.</step2><step3>Low.</step3>\\boxed{sad}", "Tears. A loss. Low."),
        ("<answer>sad, lonely</answer>", "sad, lonely"),
        ("<think></think><answer>sad</answer>", "sad"),
        ("<think>...</think>", None),
        ("", None),
    ],
)
def test_what_is_compared(text: str, said: str | None) -> None:
    assert described(text) == said
