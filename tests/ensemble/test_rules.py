"""Vote rules against small computations by hand and by brute force, and what no order of voters may change."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectrl import shelves
from affectrl.emotions.space import WheelSpace
from affectrl.ensemble.judged import Known, folds, groups, panel, truth_panel
from affectrl.ensemble.opinions import Opinions, of_ballots
from affectrl.ensemble.outcome import Outcome, outcome
from affectrl.ensemble.vote import RULES_SHELF, rule_names
from affectrl.errors import AffectError
from affectrl.metrics.emotion_wheel import ew
from affectrl.metrics.wheel_rules import RULES

WORDS = ["angry", "happy", "sad", "joyful", "xyzzy"]


def decide(name: str, opinions: Opinions, known: Known | None = None, keep: float | str = 0.5) -> Outcome:
    known = known or Known()
    return outcome(opinions, name, shelves.load(RULES_SHELF, name).vote(opinions, known), known, keep)


def values(found: Outcome, clip: int = 0) -> dict[str, float]:
    pairs = found.opinions.candidates
    return {
        found.opinions.labels[pairs.label[c]]: float(found.ruling.value[c]) for c in np.flatnonzero(pairs.clip == clip)
    }


ballots = st.lists(st.lists(st.sampled_from(WORDS), max_size=3, unique=True), min_size=4, max_size=4)


@settings(max_examples=30, deadline=None)
@given(st.lists(ballots, min_size=1, max_size=6))
def test_majority_by_brute_force(clips: list[list[list[str]]]) -> None:
    opinions = of_ballots([str(i) for i in range(len(clips))], {f"v{m}": [c[m] for c in clips] for m in range(4)})
    found = decide("majority", opinions)
    for n, clip in enumerate(clips):
        counts = Counter(word for ballot in clip for word in ballot)
        cast = sum(bool(ballot) for ballot in clip)
        assert values(found, n) == pytest.approx({word: votes / cast for word, votes in counts.items()})
        best = min(counts, key=lambda word: (-counts[word], word), default=None)
        assert found.answers[n] == best


def test_ties_fall_to_confidence_then_to_the_alphabet() -> None:
    columns = {"one": [["sad"], ["sad"]], "two": [["happy"], ["happy"]]}
    told = {"one": [0.9, 0.5], "two": [0.3, 0.5]}
    assert decide("majority", of_ballots(["a", "b"], columns, told)).answers == ["sad", "happy"]


def test_confidence() -> None:
    columns = {"one": [["sad"]], "two": [["happy"]], "three": [["happy"]]}
    found = decide("confidence", of_ballots(["a"], columns, {"one": [0.9], "two": [0.3], "three": [0.4]}))
    assert found.answers == ["sad"]
    assert values(found) == pytest.approx({"sad": 0.9 / 1.6, "happy": 0.7 / 1.6})
    with pytest.raises(AffectError, match="no confidence is told by two") as caught:
        decide("confidence", of_ballots(["a"], columns, {"one": [0.9], "three": [0.4]}))
    assert caught.value.code == "vote_confidence"


def test_borda_by_hand() -> None:
    # C = 3 labels: a full ballot gives 2, 1, 0; [angry] alone gives 2 and 0.5 each to the others; [] gives nothing.
    columns = {"one": [["sad", "happy", "angry"]], "two": [["angry"]], "three": [["happy", "sad"]], "four": [[]]}
    found = decide("borda", of_ballots(["a"], columns))
    points = {"sad": 2 + 0.5 + 1, "happy": 1 + 0.5 + 2, "angry": 0 + 2 + 0}
    assert values(found) == pytest.approx({word: p / 6 for word, p in points.items()})
    assert decide("borda", of_ballots(["a"], {"one": [["sad"]], "two": [["sad"]]})).answers == ["sad"]


def test_synonyms_do_not_split_the_vote_over_groups() -> None:
    columns = {"one": [["sad"]], "two": [["sad"]], "three": [["happy"]], "four": [["joyful"]], "five": [["joyful"]]}
    opinions = of_ballots(["a"], columns | {"six": [["xyzzy"]]})
    found = decide("ew-cluster", opinions)
    space, reading = WheelSpace.builtin(), RULES["affectrl"].reading
    backing = {}
    for word in opinions.labels:
        shares = []
        for step in space.masks(reading).steps(word):
            if step.level1 is not None:
                others = [next(s for s in space.masks(reading).steps(b[0][0]) if s.wheel == step.wheel)
                          for b in (columns | {"six": [["xyzzy"]]}).values()]  # fmt: skip
                shares.append(sum(o.level1 == step.level1 for o in others) / 6)
        backing[word] = np.mean(shares) if shares else 1 / 6
    assert values(found) == pytest.approx(backing)
    assert backing["happy"] > 1 / 6, "happy and joyful share a group on some wheel, or the test shows nothing"
    assert found.answers[0] in ("happy", "joyful")


def test_voters_order_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    names, n = ["p", "q", "r"], 40
    columns = {v: [[WORDS[i] for i in rng.permutation(3)[: rng.integers(0, 3)]] for _ in range(n)] for v in names}
    told = {v: [float(x) for x in rng.random(n)] for v in names}
    truth = [WORDS[i] for i in rng.integers(0, 3, n)]
    known = Known(truth=[[word] for word in truth], fold=folds(n, None, None))
    first: dict[str, list[dict[str, object]]] = {}
    quick = [rule for rule in rule_names() if rule != "dawid-skene"]
    for order in permutations(names):
        opinions = of_ballots([str(i) for i in range(n)], {v: columns[v] for v in order}, told)
        for rule in quick:
            rows = list(decide(rule, opinions, known, 0.3).rows())
            assert rows == first.setdefault(rule, rows), rule
    assert len(first) == len(rule_names()) - 1 >= 6


def test_dawid_skene_does_not_know_the_order_of_voters() -> None:
    pytest.importorskip("crowdkit", reason="crowd-kit is not installed")
    rng = np.random.default_rng(0)
    columns = {v: [[WORDS[int(rng.integers(0, 3))]] for _ in range(12)] for v in ("p", "q", "r")}
    rows = [
        list(decide("dawid-skene", of_ballots([str(i) for i in range(12)], {v: columns[v] for v in order})).rows())
        for order in ("pqr", "rpq")
    ]
    assert rows[0] == rows[1]


def learned(n: int = 300) -> tuple[Opinions, Known, list[str]]:
    """Voter `good` is right in 9 of 10, two others in 1 of 2 and always together."""
    rng = np.random.default_rng(1)
    truth = [WORDS[i] for i in rng.integers(0, 3, n)]

    def voter(rate: float) -> list[list[str]]:
        return [[t if rng.random() < rate else WORDS[int(rng.integers(0, 3))]] for t in truth]

    poor = voter(0.3)
    opinions = of_ballots([str(i) for i in range(n)], {"good": voter(0.9), "poor": poor, "twin": poor})
    return opinions, Known(truth=truth, fold=folds(n, truth, None)), truth


def test_rules_that_learn_find_the_good_voter() -> None:
    opinions, known, truth = learned()
    right = {
        rule: np.mean([a == t for a, t in zip(decide(rule, opinions, known).answers, truth, strict=True)])
        for rule in ("majority", "best", "head", "validation")
    }
    good = (opinions.codes[:, 0] == opinions.truth_codes(truth)).mean()
    assert right["best"] == pytest.approx(good)
    assert right["head"] >= good - 0.01
    assert right["majority"] < right["validation"] + 1e-9 < right["best"]
    found = decide("validation", opinions, known).ruling.weights
    assert found is not None
    assert found["good"] > found["poor"] == found["twin"]
    assert sum(found.values()) == pytest.approx(1)


def test_validation_weights_come_from_the_other_folds() -> None:
    opinions, known, truth = learned(60)
    fold = known.fold
    assert fold is not None
    right = opinions.codes == opinions.truth_codes(truth)[:, None]
    clip = 7
    w = right[fold != fold[clip]].mean(0)
    expected: dict[str, float] = {}
    for m, k in enumerate(opinions.codes[clip]):
        expected[opinions.labels[k]] = expected.get(opinions.labels[k], 0) + w[m] / w.sum()
    assert values(decide("validation", opinions, known), clip) == pytest.approx(expected)


def test_no_rule_learns_from_the_clip_itself() -> None:
    opinions, known, truth = learned(100)
    other = list(truth)
    other[3] = next(word for word in WORDS if word != truth[3])
    changed = Known(truth=other, fold=known.fold)
    for rule in ("best", "validation", "head"):
        before, after = (values(decide(rule, opinions, k), 3) for k in (known, changed))
        assert before == pytest.approx(after), rule


def test_rules_that_learn_refuse_without_a_reference() -> None:
    opinions, _, _ = learned(20)
    for rule in ("best", "validation", "head"):
        with pytest.raises(AffectError, match="learns from a reference") as caught:
            decide(rule, opinions)
        assert caught.value.code == "vote_reference"


def test_lists_keep_from_a_threshold_on_and_the_minority_stays() -> None:
    columns = {"one": [["sad", "angry"]], "two": [["sad"]], "three": [["happy"]], "four": [[]]}
    row = next(decide("majority", of_ballots(["a"], columns), keep=0.4).rows())
    assert row["emotions"] == ["sad"]
    assert row["votes"] == {"sad": 2, "angry": 1, "happy": 1}
    assert row["minority"] == [
        {"label": "angry", "value": 0.333333, "voters": ["one"]},
        {"label": "happy", "value": 0.333333, "voters": ["three"]},
    ]
    assert row["abstained"] == ["four"]
    everything = next(decide("majority", of_ballots(["a"], columns), keep=0.0).rows())
    assert everything["emotions"] == ["sad", "angry", "happy"]
    assert everything["minority"] == []
    with pytest.raises(AffectError, match="--keep is 2"):
        decide("majority", of_ballots(["a"], columns), keep=2.0)


def test_learned_threshold_is_the_best_of_the_other_folds() -> None:
    rng = np.random.default_rng(3)
    n = 40
    truth = [[WORDS[i] for i in rng.permutation(4)[: rng.integers(1, 4)]] for _ in range(n)]
    columns = {
        f"v{m}": [[w for w in WORDS[:4] if rng.random() < (0.6 if w in t else 0.2)] for t in truth] for m in range(5)
    }
    known = Known(truth=truth, fold=folds(n, None, None))
    opinions = of_ballots([str(i) for i in range(n)], columns)
    found = decide("majority", opinions, known, "learned")
    plain = decide("majority", opinions, known)
    for f in range(5):
        train = [i for i in range(n) if known.fold[i] != f]  # type: ignore[index]
        score = {
            t: ew([truth[i] for i in train], [plain.lists(t)[i] for i in train], known.space, known.rules).f1
            for t in (0.0, 0.2, 0.4, 0.5, 0.6, 0.8)
        }
        chosen = found.threshold[known.fold == f]  # type: ignore[index]
        assert len(set(chosen)) == 1
        mine = ew(
            [truth[i] for i in train], [plain.lists(float(chosen[0]))[i] for i in train], known.space, known.rules
        )
        assert mine.f1 >= max(score.values()) - 1e-12


def test_panels_are_the_wheels_own_groups() -> None:
    opinions = of_ballots(["a", "b"], {"one": [["happy", "sad"], ["joyful"]], "two": [["xyzzy"], []]})
    known = Known()
    found = groups(opinions.labels, known)
    said = panel(opinions, found)
    has, kept = truth_panel([["happy", "furious"], "[xyzzy]"], opinions.labels, known)
    assert kept.tolist() == [[True] * 5, [False] * 5]
    for w, wheel in enumerate(known.space.wheels):
        for g in np.flatnonzero(found.wheel == w):
            members = {word for k, word in enumerate(opinions.labels) if found.of_label[k, w] == g}
            masks = known.space.masks(known.rules.reading)
            clusters = {step.level1 for word in members for step in masks.steps(word) if step.wheel == wheel.name}
            assert len(clusters) == 1
            assert said[0, 0, g] == bool(members & {"happy", "sad"})
            assert said[1, 0, g] == ("joyful" in members)
            assert not said[:, 1, g].any()
            assert has[0, g] == ("happy" in members)


def test_folds_keep_speakers_whole_and_classes_even() -> None:
    truth = ["a"] * 40 + ["b"] * 20
    fold = folds(60, truth, None, k=5)
    assert [int(((fold == f) & (np.array(truth) == "b")).sum()) for f in range(5)] == [4] * 5
    speakers = [str(i % 6) for i in range(60)]
    whole = folds(60, truth, speakers, k=3)
    assert all(len({whole[i] for i in range(60) if speakers[i] == s}) == 1 for s in set(speakers))
    with pytest.raises(AffectError, match="6 speakers cannot be put into 7 folds"):
        folds(60, truth, speakers, k=7)
